"""A plain FastMCP server with one tool, as FastMCP's documentation starts it, for the comparison of starts."""

import os
from typing import Annotated

from fastmcp import FastMCP
from pydantic import Field

server: FastMCP[None] = FastMCP("stock")


@server.tool
def echo(message: Annotated[str, Field(description="Message to echo")]) -> str:
    """Echo back the input message."""
    return message


if __name__ == "__main__":
    server.run(
        transport="http",
        host="127.0.0.1",
        port=int(os.environ["PORT"]),
        stateless_http=True,
        json_response=True,
        show_banner=False,
    )
