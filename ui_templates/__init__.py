"""Pages and scripts that a person sees."""
