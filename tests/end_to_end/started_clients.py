"""What a configuration of `connect` names, started as the client that reads it would start it."""

import asyncio
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp_types import TextContent

from deployer.client_configurations import PROXY
from deployer.environments import ensure, locked_version

_PATIENCE_SECONDS = 60


class Desk:
    """A person's machine: a home, and `uvx`, which has the locked proxy and nothing else."""

    def __init__(self, folder: Path) -> None:
        """Make both below `folder`."""
        self.home = folder / "home"
        programs = folder / "programs"
        self.home.mkdir()
        programs.mkdir()
        wanted = f"{PROXY}@{locked_version('clients', PROXY)}"
        uvx = programs / "uvx"
        uvx.write_text(
            f'#!/bin/sh\n[ "$1" = "{wanted}" ] || {{ echo "there is no $1 here" >&2; exit 1; }}\n'
            f'shift\nexec "{ensure("clients").with_name(PROXY)}" "$@"\n',
            encoding="utf-8",
        )
        uvx.chmod(0o755)
        self.environment = {
            "HOME": str(self.home),
            "PATH": os.pathsep.join([str(programs), os.environ.get("PATH", os.defpath)]),
        }

    def served(self, entry: Mapping[str, Any], tool: str, arguments: Mapping[str, Any]) -> tuple[set[str], str]:
        """Starts the server of a client's file and returns its tools and the text that `tool` answers."""
        parameters = StdioServerParameters(
            command=entry["command"], args=entry["args"], env={**self.environment, **entry.get("env", {})}
        )

        async def called() -> tuple[set[str], str]:
            async with Client(stdio_client(parameters), mode="legacy") as client:
                names = {found.name for found in (await client.list_tools()).tools}
                answer = await client.call_tool(tool, dict(arguments))
                return names, "\n".join(part.text for part in answer.content if isinstance(part, TextContent))

        return asyncio.run(asyncio.wait_for(called(), _PATIENCE_SECONDS))

    def run(self, *words: str | Path, folder: Path, **environment: str) -> str:
        """Runs a program in `folder` and returns what it printed; it must succeed."""
        done = subprocess.run(
            [*words],
            cwd=folder,
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PATIENCE_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr or done.stdout
        return done.stdout
