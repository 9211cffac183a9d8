"""The tool ``crash``: fails in every way."""

import os


def crash(how: str) -> str:
    """Fail."""
    if how == "recursion":
        return crash(how)
    if how == "memory":
        return str(len(bytes(2**62)))
    if how == "exit":
        raise SystemExit(3)
    if how == "descriptor":
        os.read(10**6, 1)
    raise ValueError(how)
