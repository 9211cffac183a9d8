"""Every answer of ours is what the unmodified FastMCP stack answers, field by field."""

import asyncio
import json
import logging
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from fastmcp.tools.function_tool import FunctionTool
from starlette.types import ASGIApp, Message, Scope

from server.application import build_mcp_server
from server.bounded_tools import BoundedTool
from server.call_tracker import CallTracker
from server.mcp_endpoint import McpEndpoint
from server.settings import Settings
from tests.differential.generated import Generated, request
from tests.differential.tools import FUNCTIONS

REQUESTS = int(os.environ.get("DIFFERENTIAL_REQUESTS", "2000"))
PARTS = 4


@dataclass(frozen=True)
class Answer:
    """What a client gets: status, the header Allow, and the messages of the body, whether JSON or a stream."""

    status: int
    allow: str
    messages: tuple[str, ...]


async def answered(application: ASGIApp, generated: Generated) -> Answer:
    """Return the answer of an ASGI application, its body as sorted JSON where it is JSON."""
    scope: Scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": generated.method,
        "scheme": "http",
        "path": "/mcp",
        "raw_path": b"/mcp",
        "query_string": b"",
        "root_path": "",
        "server": ("127.0.0.1", 3000),
        "client": ("127.0.0.1", 1),
        "headers": [(name.encode(), value.encode("utf-8", "replace")) for name, value in generated.headers],
        "state": {},
    }
    waiting: list[Message] = [{"type": "http.request", "body": generated.body, "more_body": False}]
    status, headers, body = 0, {}, b""
    ended = asyncio.Event()

    async def receive() -> Message:
        if waiting:
            return waiting.pop()
        if generated.method != "GET":
            await ended.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        nonlocal status, headers, body
        if message["type"] == "http.response.start":
            status = int(message["status"])
            headers = {name.decode().lower(): value.decode() for name, value in message["headers"]}
        else:
            body += message.get("body", b"")
            if not message.get("more_body", False):
                ended.set()

    await application(scope, receive, send)
    media_type = headers.get("content-type", "").partition(";")[0]
    return Answer(status, headers.get("allow", ""), tuple(_messages(media_type, body)))


def _messages(media_type: str, body: bytes) -> Iterator[str]:
    if media_type == "text/event-stream":
        events = body.decode().replace("\r\n", "\n").split("\n\n")
        parts = [line[6:] for found in events for line in found.split("\n") if line.startswith("data: ")]
    else:
        parts = [body.decode()]
    for part in parts:
        try:
            yield json.dumps(json.loads(part), sort_keys=True)
        except ValueError:
            yield part


class Unmodified:
    """FastMCP's own applications, with all that is in them, over the same functions and middleware."""

    def __init__(self) -> None:
        server = build_mcp_server([FunctionTool.from_function(function) for function in FUNCTIONS])
        self.plain, self.streaming = (
            server.http_app(path="/mcp", stateless_http=True, json_response=plain, host_origin_protection="auto")
            for plain in (True, False)
        )

    def of(self, generated: Generated) -> ASGIApp:
        """Return the application that a request is for: one that streams, where the client takes streams."""
        accepts = next((value for name, value in generated.headers if name == "accept"), "")
        accepted = "text/event-stream" in accepts or "*/*" in accepts
        return self.streaming if generated.method == "POST" and accepted else self.plain


@asynccontextmanager
async def both() -> AsyncIterator[tuple[McpEndpoint, Unmodified]]:
    """Start ours and FastMCP's."""
    tools = [BoundedTool.from_function(function) for function in FUNCTIONS]
    ours, theirs = McpEndpoint(build_mcp_server(tools), Settings(), CallTracker()), Unmodified()
    async with (
        ours.lifespan(),
        theirs.plain.router.lifespan_context(theirs.plain),
        theirs.streaming.router.lifespan_context(theirs.streaming),
    ):
        yield ours, theirs


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """FastMCP logs the traceback of every tool that breaks."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("part", range(PARTS))
def test_answers_are_those_of_the_unmodified_stack(part: int) -> None:
    async def compare() -> tuple[int, int, list[str]]:
        direct, compared, different = 0, 0, []
        async with both() as (ours, theirs):
            way = ours._direct
            assert way is not None
            answer = way.answer

            async def counted(*arguments: Any) -> bool:
                nonlocal direct
                taken = await answer(*arguments)
                direct += taken
                return taken

            way.answer = counted  # type: ignore[method-assign, assignment]
            for seed in range(part, REQUESTS, PARTS):
                generated = request(seed)
                expected = await answered(theirs.of(generated), generated)
                found = await answered(ours, generated)
                compared += 1
                if found != expected:
                    different.append(f"{seed}: {generated}\n  ours   {found}\n  theirs {expected}")
        return direct, compared, different

    direct, compared, different = asyncio.run(compare())

    assert not different, "\n".join(different[:5])
    assert compared == len(range(part, REQUESTS, PARTS))
    assert direct > compared / 3, f"only {direct} of {compared} requests were answered directly"
