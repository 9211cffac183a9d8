"""`dev`: the server in this tree behind a local gateway, started anew whenever a file of it changes.

A change starts a second server; the gateway takes it once its tools can be listed, and only then is the first one told
to stop, so that calls go on. A server that does not start leaves the one before in its place and is told of.
"""

import json
import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deployer.environments import ensure
from deployer.errors import RefusedError

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 60.0
STOP_SECONDS = 10.0
LOOK_SECONDS = 0.4
INSPECTOR = "npx @modelcontextprotocol/inspector"
_SHOWN = {"stdout", "stderr"}

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Watched:
    """The state of the watched files: when each was last changed, in nanoseconds."""

    changed: Mapping[Path, int]

    @classmethod
    def of(cls, folders: Sequence[Path]) -> "Watched":
        """Returns the state of every Python file below `folders`."""
        found = {}
        for folder in folders:
            for path in folder.rglob("*.py"):
                try:
                    found[path] = path.stat().st_mtime_ns
                except FileNotFoundError:
                    # It was removed while it was looked at: the next look tells.
                    continue
        return cls(found)

    def differences(self, later: "Watched") -> list[str]:
        """Returns the names of the files that are not as they were."""
        paths = {path for path in {*self.changed, *later.changed} if self.changed.get(path) != later.changed.get(path)}
        return sorted(path.name for path in paths)


class DevServer:
    """One server process; its log lines go to `tell` as a person reads them."""

    def __init__(self, python: Path, environment: Mapping[str, str], tell: Tell) -> None:
        """Start it on a free port."""
        self._tell = tell
        self._listening: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._last = ""
        self._process = subprocess.Popen(
            [str(python), "-m", "server"],
            cwd=ROOT,
            env={**environment, "HOST": "127.0.0.1", "PORT": "0", "LOG_LEVEL": "INFO"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            # Ctrl-C is for the command: it stops its servers itself.
            start_new_session=True,
        )
        threading.Thread(target=self._read, daemon=True).start()

    def url(self) -> str:
        """Returns where it listens, once it does. Raises RefusedError, with its own last words, where it does not."""
        try:
            url = self._listening.get(timeout=START_SECONDS)
        except queue.Empty:
            url = None
        if url is None:
            self.stop()
            raise RefusedError(self._last or "The server ended without a word; run python -m server to see why.")
        return url

    def stop(self) -> None:
        """Ends it: its calls may finish."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def ended(self) -> None:
        """Returns when it has ended; one that takes too long is killed."""
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                self._take(line)
        self._listening.put(None)

    def _take(self, line: str) -> None:
        try:
            entry = json.loads(line)
        except ValueError:
            return
        if entry.get("message") == "listening":
            self._listening.put(entry["url"])
        elif entry.get("level") == "CRITICAL":
            self._last = str(entry["message"])
        elif shown := described(entry):
            self._tell(shown)


def described(entry: Mapping[str, Any]) -> str | None:
    """Returns a log line of the server as `dev` shows it, None for one that it does not show."""
    when = str(entry.get("time", ""))[11:19]
    if entry.get("logger") == "server.audit":
        arguments = f" {json.dumps(entry['arguments'])}" if "arguments" in entry else ""
        return f"{when}  {entry['tool']}{arguments}  {entry['outcome']}  {entry['duration_ms']} ms"
    if entry.get("logger") in _SHOWN:
        return f"{when}  | {entry['message']}"
    if entry.get("level") in ("WARNING", "ERROR"):
        return "\n".join(filter(None, (f"{when}  ! {entry['message']}", entry.get("exception"))))
    return None


class DevGateway:
    """The local gateway's process."""

    def __init__(self, python: Path) -> None:
        """Start it."""
        self._process = subprocess.Popen(
            [str(python), "-m", "emulator.dev_gateway"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )

    def serve(self, url: str) -> tuple[str, list[str]]:
        """Has it serve the server at `url`; returns its own URL and the tools' names. Raises RefusedError."""
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps({"server": url}) + "\n")
            self._process.stdin.flush()
            answer = json.loads(self._process.stdout.readline())
        except (OSError, ValueError) as error:
            raise RefusedError("The local gateway has ended; run dev again.") from error
        if "error" in answer:
            raise RefusedError(f"The gateway cannot list the server's tools: {answer['error']}")
        return answer["url"], answer["tools"]

    def stop(self) -> None:
        """Ends it."""
        self._process.kill()
        self._process.wait()


def develop(tell: Tell, folder: Path, started: Callable[[str, list[str]], None]) -> None:
    """Serves until interrupted; `started` hears the gateway's URL and the tools, `tell` each call and each reload.

    `folder` gets ``mcp.json``, the configuration for the MCP Inspector. Raises RefusedError where the first start
    fails, and KeyboardInterrupt when the user ends it.
    """
    python, environment = ensure("server"), {**os.environ, "AUDIT_ARGUMENTS": "redacted", "METRICS_SECONDS": "0"}
    folders = [ROOT / "server", *_tool_folders(environment)]
    gateway = DevGateway(ensure("emulator"))
    server: DevServer | None = None
    try:
        seen = Watched.of(folders)
        server = DevServer(python, environment, tell)
        url, tools = gateway.serve(server.url())
        write_inspector_configuration(folder, url)
        started(url, tools)
        while True:
            time.sleep(LOOK_SECONDS)
            now = Watched.of(folders)
            changes = seen.differences(now)
            if not changes:
                continue
            seen = now
            tell(f"changed: {', '.join(changes)}")
            server = _replaced(server, DevServer(python, environment, tell), gateway, tell)
    finally:
        gateway.stop()
        if server is not None:
            server.stop()
            server.ended()


def _replaced(before: DevServer, after: DevServer, gateway: DevGateway, tell: Tell) -> DevServer:
    try:
        _, tools = gateway.serve(after.url())
    except RefusedError as error:
        after.stop()
        tell(f"not reloaded, the tools are as before: {error}")
        return before
    before.stop()
    tell(f"reloaded: {', '.join(tools)}")
    return after


def _tool_folders(environment: Mapping[str, str]) -> list[Path]:
    """Returns the folders of what PYTHONPATH adds, where packages of tools may lie outside of this tree."""
    named = [Path(part) for part in environment.get("PYTHONPATH", "").split(os.pathsep) if part]
    return [folder for folder in named if folder.is_dir()]


def write_inspector_configuration(folder: Path, url: str) -> Path:
    """Writes ``mcp.json``, as the MCP Inspector's option ``--config`` takes it, and returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "mcp.json"
    path.write_text(json.dumps({"mcpServers": {"dev": {"type": "streamable-http", "url": url}}}, indent=2) + "\n")
    return path
