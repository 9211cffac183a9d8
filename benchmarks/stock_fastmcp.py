"""A plain FastMCP server, as FastMCP's documentation starts it, for comparisons: ``echo``, or the tools of a package.

PORT says where it listens on 127.0.0.1; TOOL_PACKAGES may name a package with one function a module, of its name.
"""

import importlib
import os
import pkgutil
from typing import Annotated

from fastmcp import FastMCP
from pydantic import Field

server: FastMCP[None] = FastMCP("stock")


def echo(message: Annotated[str, Field(description="Message to echo")]) -> str:
    """Echo back the input message."""
    return message


if package := os.environ.get("TOOL_PACKAGES"):
    for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
        server.tool(getattr(importlib.import_module(f"{package}.{module.name}"), module.name))
else:
    server.tool(echo)

if __name__ == "__main__":
    server.run(
        transport="http",
        host="127.0.0.1",
        port=int(os.environ["PORT"]),
        stateless_http=True,
        json_response=True,
        show_banner=False,
    )
