"""Calls through a gateway with clients whose requests are signed, and returns what came of each feature."""

from collections.abc import Generator
from typing import Any

import httpx2
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from fastmcp import Client

from tests.clients.fastmcp_client import LOG_LEVEL, answered, attempted, progress_of, text_of

_UNSIGNED = frozenset({"connection", "accept-encoding", "user-agent", "transfer-encoding"})


class Signed(httpx2.Auth):
    """Signs each request with SigV4, as an agent of the account does."""

    requires_request_body = True

    def __init__(self, access_key: str, secret: str, region: str) -> None:
        """Sign with this key."""
        self._credentials = Credentials(access_key, secret)
        self._region = region

    def auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        """Send the request signed."""
        headers = {name: value for name, value in request.headers.items() if name not in _UNSIGNED}
        signed = AWSRequest(request.method, str(request.url), data=request.content, headers=headers)
        SigV4Auth(self._credentials, "bedrock-agentcore", self._region).add_auth(signed)
        for name in ("Authorization", "X-Amz-Date"):
            request.headers[name] = signed.headers[name]
        yield request


async def found(transport: Any, mode: Any, target: str, **options: Any) -> dict[str, Any]:
    """Call the example tools of the gateway's `target` over `transport`; `options` are FastMCP's client's."""
    said: list[str] = []

    async def log(message: Any) -> None:
        said.append(message.data["msg"])

    async with Client(transport, mode=mode, log_handler=log, elicitation_handler=answered, **options) as client:

        async def listed() -> bool:
            return f"{target}___echo" in {tool.name for tool in await client.list_tools()}

        async def structured() -> Any:
            return (await client.call_tool(f"{target}___echo", {"message": "hello"})).structured_content

        async def logged() -> list[str]:
            await client.call_tool(f"{target}___tell", {"words": ["one", "two"]}, meta=LOG_LEVEL)
            return said

        return await attempted(
            {
                "list": listed,
                "call": lambda: text_of(client, f"{target}___echo", {"message": "hello"}),
                "structured output": structured,
                "error": lambda: text_of(client, f"{target}___leak", {"key": "none"}),
                "progress": lambda: progress_of(client, f"{target}___count", {"steps": 3}),
                "log": logged,
                "question": lambda: text_of(client, f"{target}___introduce", {"greeting": "Hello"}),
            }
        )
