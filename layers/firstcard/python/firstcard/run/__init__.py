"""The way of one roster file, from its drop to its receipt."""
