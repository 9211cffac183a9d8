"""The tool ``report``: an answer of about 10 KB."""

from typing import Annotated

from pydantic import Field

_SENTENCE = "The quick brown fox jumps over the lazy dog and thinks nothing of it. "


async def report(subject: Annotated[str, Field(max_length=100)]) -> str:
    """Write a report."""
    return f"{subject}: " + _SENTENCE * 145
