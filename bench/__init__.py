"""What this package costs."""
