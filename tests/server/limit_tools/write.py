"""The tool ``write``: an answer of any size."""


def write(size: int) -> str:
    """Write `size` characters."""
    return "x" * size
