def kit() -> None:
    """X"""
