"""`new-tool`: a tool and its test from a template, ready to be changed."""

import keyword
import re
from pathlib import Path

from deployer.errors import UsageError

LONGEST_NAME = 48
"""As the server has it: a gateway shows a tool as ``target___tool`` in at most 64 characters."""
_NAME = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)

_TOOL = '''"""The tool ``{name}``."""

from typing import Annotated

from pydantic import Field


def {name}(text: Annotated[str, Field(description="What to look at", max_length=1000)]) -> dict[str, int]:
    """Say how long a text is. Agents read this sentence: write what the tool does, and when to call it."""
    return {{"characters": len(text), "words": len(text.split())}}
'''

_TEST = '''"""The tool ``{name}``: what it answers, and that agents can call it."""

import asyncio

from fastmcp import Client, FastMCP

from server.tool_discovery import load_tools
from server.tools.{name} import {name}


def test_it_answers() -> None:
    assert {name}("two words") == {{"characters": 9, "words": 2}}


def test_agents_can_call_it() -> None:
    (tool,) = [tool for tool in load_tools(["server.tools"]) if tool.name == "{name}"]

    async def called() -> object:
        async with Client(FastMCP("test", tools=[tool])) as client:
            return (await client.call_tool("{name}", {{"text": "two words"}})).structured_content

    assert asyncio.run(called()) == {{"characters": 9, "words": 2}}
'''


def files(name: str) -> dict[str, str]:
    """Returns what `new-tool` writes, by path from the project's root. Raises UsageError for an unusable name."""
    if not _NAME.fullmatch(name) or len(name) > LONGEST_NAME or keyword.iskeyword(name):
        raise UsageError(
            f"{name!r} is no name for a tool; take at most {LONGEST_NAME} lower-case letters, digits and underscores, "
            "a letter first, and no word of Python's own."
        )
    return {
        f"server/tools/{name}.py": _TOOL.format(name=name),
        f"tests/server/tools/test_tool_{name}.py": _TEST.format(name=name),
    }


def write(root: Path, name: str) -> list[str]:
    """Writes the tool `name` and its test below `root` and returns their paths.

    Raises UsageError, with nothing written, for an unusable name and where one of the files is there already.
    """
    wanted = files(name)
    for path in wanted:
        if (root / path).exists():
            raise UsageError(f"{path} is there already; take another name, or change that file.")
    for path, text in wanted.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return list(wanted)
