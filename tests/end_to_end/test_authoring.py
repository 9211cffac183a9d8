"""A tool author's way through the real command line: a new tool with its test, served, changed, broken, mended."""

import json
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from queue import Queue
from typing import Any

import pytest

from deployer.dev import described
from deployer.environments import ensure
from tests.end_to_end.running import ROOT

PATIENCE_SECONDS = 120


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree that shares the environments of server and emulator."""
    for category in ("server", "emulator"):
        ensure(category)
    root = tmp_path_factory.mktemp("authoring") / "project"
    for folder in ("commands", "generator", "deployer", "server", "emulator"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("build.py", "Pipfile.lock", "pyproject.toml"):
        shutil.copy(ROOT / file, root)
    (root / ".local").mkdir()
    (root / ".local" / "environments").symlink_to((ROOT / ".local" / "environments").resolve())
    return root


def run(project: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *words], cwd=project, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
    )


class Dev:
    """`build.py dev` while it runs."""

    def __init__(self, project: Path) -> None:
        self.lines: Queue[str] = Queue()
        self.process = subprocess.Popen(
            [sys.executable, "build.py", "dev"],
            cwd=project,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # Whoever runs the tests in the background has told them to ignore it.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        threading.Thread(target=self._read, daemon=True).start()
        self.url = self.until("The gateway is at ").removeprefix("The gateway is at ")

    def until(self, beginning: str) -> str:
        """Return the next line that holds `beginning`."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            line = self.lines.get(timeout=PATIENCE_SECONDS)
            if beginning in line:
                return line
        raise AssertionError(f"dev never said {beginning!r}")

    def call(self, tool: str, arguments: dict[str, Any]) -> Any:
        """Call a tool as an agent does."""
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}
        headers = {
            "content-type": "application/json",
            "accept": "application/json, text/event-stream",
            "mcp-protocol-version": "2025-06-18",
        }
        request = urllib.request.Request(self.url, json.dumps(message).encode(), headers)
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
            return json.load(answer)["result"]["structuredContent"]

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))


@pytest.fixture(scope="module")
def dev(project: Path) -> Iterator[Dev]:
    running = Dev(project)
    yield running
    running.process.kill()
    running.process.wait()


def test_a_new_tool_comes_with_a_test_that_passes(project: Path) -> None:
    done = run(project, "build.py", "new-tool", "look_at")
    assert (done.returncode, done.stderr) == (0, "")
    tested = run(project, "-m", "pytest", "-q", "-p", "no:xdist", "-o", "addopts=", "tests/server/tools")
    assert tested.returncode == 0, tested.stdout
    assert "2 passed" in tested.stdout


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("look_at", "server/tools/look_at.py is there already"),
        ("Look", "'Look' is no name for a tool"),
        ("class", "'class' is no name for a tool"),
        ("a" * 49, "at most 48 lower-case letters"),
        ("../x", "is no name for a tool"),
    ],
)
def test_a_name_that_cannot_be_writes_nothing(project: Path, name: str, sentence: str) -> None:
    before = sorted((project / "server" / "tools").iterdir())
    done = run(project, "build.py", "new-tool", name)
    assert (done.returncode, done.stdout) == (2, "")
    assert sentence in done.stderr
    assert sorted((project / "server" / "tools").iterdir()) == before


def test_the_tools_are_served_behind_the_gateway_and_calls_are_shown(project: Path, dev: Dev) -> None:
    assert dev.call("mcp___look_at", {"text": "two words"}) == {"characters": 9, "words": 2}
    assert 'look_at {"text": "two words"}  ok' in dev.until("look_at {")
    inspector = json.loads((project / ".local" / "dev" / "mcp.json").read_text())
    assert inspector == {"mcpServers": {"dev": {"type": "streamable-http", "url": dev.url}}}


def test_a_change_is_loaded_and_one_that_breaks_is_told_and_leaves_the_tools_as_they_were(
    project: Path, dev: Dev
) -> None:
    tool = project / "server" / "tools" / "look_at.py"
    good = tool.read_text()
    tool.write_text(good.replace('"words": len(text.split())', '"words": 7'))
    dev.until("reloaded: ")
    assert dev.call("mcp___look_at", {"text": "x"}) == {"characters": 1, "words": 7}
    tool.write_text(good + "def (\n")
    told = dev.until("not reloaded")
    assert "The tool module server.tools.look_at cannot be imported: SyntaxError" in told
    assert dev.call("mcp___look_at", {"text": "x"}) == {"characters": 1, "words": 7}
    tool.write_text(good)
    dev.until("reloaded: ")
    assert dev.call("mcp___look_at", {"text": "x y"}) == {"characters": 3, "words": 2}


def test_an_interruption_ends_it_with_all_that_it_started(dev: Dev) -> None:
    dev.process.send_signal(signal.SIGINT)
    assert dev.process.wait(PATIENCE_SECONDS) == 130
    with pytest.raises(OSError, match="refused"):
        dev.call("mcp___echo", {"message": "x"})


def test_log_lines_are_shown_as_a_person_reads_them() -> None:
    entry = {"time": "2026-01-02T03:04:05.678+00:00", "level": "INFO"}
    assert described({**entry, "logger": "stdout", "message": "said"}) == "03:04:05  | said"
    failed = {**entry, "level": "ERROR", "logger": "x", "message": "failed", "exception": "Traceback"}
    assert described(failed) == "03:04:05  ! failed\nTraceback"
    assert described({**entry, "logger": "server.access", "message": "request"}) is None
