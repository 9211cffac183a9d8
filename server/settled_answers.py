"""Answers with one JSON body where a stream would hold nothing but the response.

The MCP library's transport of the handshake era opens an event stream before it runs the call, so a stream had to be
chosen without knowing whether there is anything to stream. Here its stream is held back until its first event: when
that is the response, it is sent as JSON; a notification before it, or a ping because the call stays silent, opens
the stream. Both forms are the server's choice (MCP specification 2025-11-25, transports, "Sending Messages to the
Server": ``text/event-stream`` or ``application/json``; clients support both).
"""

import json

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class SettledAnswers:
    """ASGI application that serves what another one does, as JSON where its event stream holds one response alone."""

    def __init__(self, app: ASGIApp) -> None:
        """Serve `app`, which writes each event as one body message, as sse-starlette does."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        start: Message | None = None
        settled = False

        async def hold_back(message: Message) -> None:
            nonlocal start, settled
            if message["type"] == "http.response.start" and _is_stream(message):
                start = message
            elif settled:
                # Nothing follows a response but the end of its stream.
                return
            elif start is None or message["type"] != "http.response.body":
                await send(message)
            elif (response := _response(message.get("body", b""))) is not None:
                settled = True
                await _send_json(send, start["status"], response)
            else:
                opening, start = start, None
                await send(opening)
                await send(message)

        await self._app(scope, receive, hold_back)


def _is_stream(start: Message) -> bool:
    return Headers(raw=start["headers"]).get("content-type", "").startswith("text/event-stream")


def _response(piece: bytes) -> bytes | None:
    """Return the JSON-RPC response that is the only event of `piece`, None where it is something else."""
    # Split as bytes: only the line ends of event streams count, not all that Unicode has.
    lines = [line.removeprefix(b"data:").strip() for line in piece.splitlines() if line.startswith(b"data:")]
    if len(lines) != 1:
        return None
    try:
        message = json.loads(lines[0])
    except ValueError:
        return None
    return lines[0] if isinstance(message, dict) and "method" not in message else None


async def _send_json(send: Send, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
