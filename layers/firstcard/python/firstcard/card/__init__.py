"""A patron's card: decided in a plan, issued by replaying it."""
