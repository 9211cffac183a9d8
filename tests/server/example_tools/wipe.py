"""The tool ``wipe``: one that says it destroys."""

ANNOTATIONS = {"destructiveHint": True}


def wipe(path: str) -> str:
    """Say what would be gone."""
    return f"{path} would be gone"
