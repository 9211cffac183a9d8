"""The server's own check before it listens."""

import asyncio
from typing import Any

import pytest
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from server.application import build_application
from server.call_tracker import CallTracker
from server.self_check import SelfCheckError, check_tools_are_listed
from server.settings import Settings
from server.tool_discovery import load_tools


def test_the_real_application_starts_only_after_listing_its_tools_and_forgets_the_check() -> None:
    calls = CallTracker()
    application = build_application(load_tools(["server.tools"]), Settings(), calls)

    async def start() -> None:
        async with application.router.lifespan_context(application):
            assert calls.running == 0

    asyncio.run(start())


@pytest.mark.parametrize(
    "response",
    [
        Response("no", status_code=500),
        JSONResponse({"jsonrpc": "2.0", "id": 1, "error": {"code": 0, "message": "No module named 'x'"}}),
        JSONResponse({"jsonrpc": "2.0", "id": 1, "result": {"tools": [{"name": "other"}]}}),
        JSONResponse([]),
    ],
)
def test_an_endpoint_that_does_not_list_the_tools_is_told_in_one_sentence(response: Any) -> None:
    async def endpoint(scope: Scope, receive: Receive, send: Send) -> None:
        await response(scope, receive, send)

    with pytest.raises(SelfCheckError, match=r"cannot list its own tools") as caught:
        asyncio.run(check_tools_are_listed(endpoint, "/mcp", ["echo"]))
    assert str(caught.value).endswith(".")
