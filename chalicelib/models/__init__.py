"""Items, keys and attributes of the one table."""
