"""The tool ``echo``."""

from typing import Annotated

from pydantic import Field


def echo(message: Annotated[str, Field(description="Message to echo")]) -> str:
    """Echo back the input message."""
    return message
