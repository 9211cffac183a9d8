"""Runs the application under uvicorn and stops it without losing a call.

On SIGTERM the server keeps serving: running calls finish, and calls that the load balancer still sends are answered,
each with ``Connection: close`` so that kept-alive connections go elsewhere. Once no call has run or arrived for
DRAIN_QUIET_SECONDS it stops listening and exits with status 0. After SHUTDOWN_SECONDS it stops listening in any case,
and calls that do not end within a few seconds then are cut off: the exit status is 1. SIGINT (Ctrl+C) does not wait
for the quiet; a second signal waits for nothing.
"""

import errno
import gc
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Sequence
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from server.call_tracker import CallTracker
from server.http_protocol import timed_protocol
from server.settings import Settings

_logger = logging.getLogger("server")

_LAST_CALLS_SECONDS = 3
"""Once SHUTDOWN_SECONDS are over and no call is taken any more, the time that those still running get."""

_GIVE_UP_SECONDS = 4
"""After SHUTDOWN_SECONDS, when the process ends whatever still holds it."""


class ListenError(Exception):
    """The address cannot be listened on; the message is one sentence."""


def serve(app: ASGIApp, calls: CallTracker, settings: Settings, tools: Sequence[str]) -> int:
    """Serve `app` until a signal stops it and return the process's exit status.

    `calls` must be the tracker that `app` counts its calls with; `tools` are the names that the log line "listening"
    shows beside the address. Raises ListenError when that address cannot be had.
    """
    config = uvicorn.Config(
        app,
        http=timed_protocol(settings.request_seconds),
        ws="none",
        loop="uvloop",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.forwarded_allow_ips),
        forwarded_allow_ips=list(settings.forwarded_allow_ips),
        timeout_keep_alive=settings.keep_alive_seconds,
    )
    server = _Server(config, calls, settings, tools)
    with _listen(settings.host, settings.port) as listener:
        try:
            server.run(sockets=[listener])
        except SystemExit:
            # uvicorn's end of a start that failed, which it has logged.
            return 1
    return server.exit_status


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server(address, family=family, backlog=2048)
    except OSError as error:
        advice = "set PORT to a free port" if error.errno == errno.EADDRINUSE else "correct HOST and PORT"
        reason = error.strerror or type(error).__name__
        raise ListenError(f"Cannot listen on {host} port {port}: {reason}; {advice}.") from error


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, calls: CallTracker, settings: Settings, tools: Sequence[str]) -> None:
        super().__init__(config)
        self.exit_status = 0
        self._calls = calls
        self._settings = settings
        self._tools = list(tools)
        self._signals: list[int] = []
        self._deadline: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # Called in a signal handler: it only notes the signal, `on_tick` acts. uvicorn's own way would end the
        # process by raising the signal once more, with the exit status of a killed process.
        self._signals.append(sig)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        gc.freeze()
        gc.enable()
        # A call makes some hundred objects that are all gone at its end: looking every 700 would find nothing.
        gc.set_threshold(10_000, 20, 100)
        for listener in sockets or []:
            host, port = listener.getsockname()[:2]
            shown = f"[{host}]" if ":" in host else host
            url = f"http://{shown}:{port}/mcp"
            _logger.info("listening", extra={"host": host, "port": port, "url": url, "tools": self._tools})

    async def on_tick(self, counter: int) -> bool:
        if await super().on_tick(counter):
            return True
        if not self._signals:
            return False
        now = time.monotonic()
        if self._deadline is None:
            self._deadline = now + self._settings.shutdown_seconds
            self._start_draining()
        quiet = 0 if signal.SIGINT in self._signals else self._settings.drain_quiet_seconds
        if len(self._signals) > 1:
            self.force_exit = True
        return (
            self.force_exit
            or now >= self._deadline
            or (not self._calls.running and self._calls.quiet_seconds() >= quiet)
        )

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        remaining = (self._deadline or 0) - time.monotonic()
        self.config.timeout_graceful_shutdown = max(_LAST_CALLS_SECONDS, round(remaining))
        await super().shutdown(sockets)
        if unfinished := self._calls.running + self._calls.cut_off:
            self.exit_status = 1
            _logger.error(
                "calls were cut off; make them shorter or SHUTDOWN_SECONDS longer", extra={"calls": unfinished}
            )
        _logger.info("stopped", extra={"exit_status": self.exit_status})
        if self.exit_status:
            # A blocking tool keeps its thread, and the interpreter would wait for it.
            self._end_process()

    def _start_draining(self) -> None:
        self._calls.drain()
        _logger.info(
            "stopping",
            extra={"signal": signal.Signals(self._signals[0]).name, "running_calls": self._calls.running},
        )
        last_resort = threading.Timer(self._settings.shutdown_seconds + _GIVE_UP_SECONDS, self._give_up)
        last_resort.daemon = True
        last_resort.start()

    def _give_up(self) -> None:
        self.exit_status = 1
        _logger.critical("ending the process although it has not stopped in time")
        self._end_process()

    def _end_process(self) -> None:
        for handler in logging.getLogger().handlers:
            handler.flush()
        os._exit(self.exit_status)
