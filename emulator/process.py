"""The emulator's process: ministack, what is added to it and the data plane, started and stopped together."""

import asyncio
import json
import os
import secrets
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any
from urllib.parse import parse_qs

from hypercorn.asyncio import serve
from hypercorn.config import Config

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


@dataclass(frozen=True)
class Settings:
    """What a run needs: the port (0 for any), the state's folder, and how servers are started."""

    port: int
    state: Path
    server_python: Path
    server_root: Path


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then keep the state. Raises OSError when the port is taken."""
    prepared(settings)()


def prepared(settings: Settings) -> Callable[[], None]:
    """Listen and load ministack; return what then serves as `run` does. Raises OSError when the port is taken.

    Between the two a process may fork, so that each emulator of many costs no loading.
    """
    settings.state.mkdir(parents=True, exist_ok=True)
    (settings.state / "emulator.json").unlink(missing_ok=True)
    listener = socket.create_server(("127.0.0.1", settings.port))
    port = listener.getsockname()[1]
    secret = _secret(settings.state / "secret_access_key")
    inherited = dict(os.environ)
    os.environ |= _environment(settings.state, port, secret)
    # Only now: ministack reads its environment when it is imported.
    emulation = import_module("emulator.emulation")
    discover("emulator.resources")

    def serve_until_stopped() -> None:
        running = emulation.Emulation(settings, f"http://127.0.0.1:{port}", inherited)
        application = Application(running, lambda: _announce(settings.state, port, secret, running.addresses()))
        asyncio.run(_serve(application, listener))

    return serve_until_stopped


def _secret(path: Path) -> str:
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(30))
    return path.read_text()


def _environment(state: Path, port: int, secret: str) -> Mapping[str, str]:
    """What ministack reads: see its ``app`` and ``core.persistence``; AUTH makes it check signatures and policies."""
    return {
        "AUTH": "true",
        "AWS_ACCESS_KEY_ID": "000000000000",
        "AWS_SECRET_ACCESS_KEY": secret,
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "DOCKER_HOST": f"unix://{state}/no-docker.sock",
        "LOG_LEVEL": os.environ.get("LOG_LEVEL", "WARNING"),
        "MINISTACK_HOST": "127.0.0.1",
        "PERSIST_STATE": "1",
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(state / "s3"),
        "STATE_DIR": str(state / "services"),
    }


def _announce(state: Path, port: int, secret: str, addresses: Mapping[str, str]) -> None:
    described = {
        "pid": os.getpid(),
        "endpoint": f"http://127.0.0.1:{port}",
        "secret_access_key": secret,
        "started_at": datetime.now(UTC).isoformat(timespec="seconds"),
        **addresses,
    }
    written = state / "emulator.json.new"
    written.touch(mode=0o600)
    written.write_text(json.dumps(described, indent=2))
    written.replace(state / "emulator.json")


async def _serve(application: "Application", listener: socket.socket) -> None:
    stopping = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stopping.set)
    config = Config()
    config.bind = [f"fd://{listener.detach()}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = 5
    config.loglevel = "WARNING"
    config.startup_timeout = 60
    config.shutdown_timeout = 60
    application_callable: Any = application
    await serve(application_callable, config, shutdown_trigger=stopping.wait)
    # Everything is written. Threads of operations that still wait, for minutes maybe, must not hold up the end.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


class Application:
    """ministack as an ASGI application, with name resolution before it and the data plane in its lifespan."""

    def __init__(self, running: Any, ready: Callable[[], None]) -> None:
        self._running = running
        self._ready = ready

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one connection of the ASGI protocol."""
        if scope["type"] == "lifespan":
            await self._live(scope, receive, send)
        elif scope["type"] == "http" and scope["path"] == "/_emulator/resolve":
            await self._resolve(scope, send)
        elif scope["type"] == "http" and scope["path"] == "/_emulator/tasks":
            await _answer(send, 200, await asyncio.to_thread(self._running.tasks))
        else:
            await self._running.application(scope, receive, send)

    async def _live(self, scope: Message, receive: Receive, send: Send) -> None:
        async def received() -> Message:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await asyncio.to_thread(self._running.start)
            elif message["type"] == "lifespan.shutdown":
                (self._running.settings.state / "emulator.json").unlink(missing_ok=True)
                await asyncio.to_thread(self._running.stop)
            return message

        async def sent(message: Message) -> None:
            await send(message)
            if message["type"] == "lifespan.startup.complete":
                # Only now requests are served: resumed tasks are ready once they have read their issuer's keys here.
                await asyncio.to_thread(self._running.resume)
                self._ready()

        await self._running.application(scope, received, sent)

    async def _resolve(self, scope: Message, send: Send) -> None:
        query = parse_qs(scope.get("query_string", b"").decode())
        status, body = await asyncio.to_thread(self._running.resolve, query.get("name", [""])[0])
        await _answer(send, status, body)


async def _answer(send: Send, status: int, body: Message) -> None:
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(body).encode()})


def discover(package: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the ``HANDLERS`` and the ``APIS`` of all modules of a package. Raises ValueError when two claim one."""
    found: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
    for module in iter_modules(import_module(package).__path__, f"{package}."):
        loaded = import_module(module.name)
        for kind, name in zip(found, ("HANDLERS", "APIS"), strict=True):
            offered = getattr(loaded, name, {})
            if twice := kind.keys() & offered.keys():
                raise ValueError(f"{module.name} claims {', '.join(sorted(twice))}, which another module has")
            kind.update(offered)
    return found
