"""Who somebody is and which groups they are in, as their identity provider tells it."""
