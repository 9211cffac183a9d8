"""An AWS of its own on this machine, and commands run against it over a wire that records and breaks."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import boto3
from botocore.config import Config

from deployer.environments import ensure
from deployer.local import STATE_VARIABLE
from tests.faults.faults import Fault, Point
from tests.faults.faults import Sequence as Calls
from tests.faults.wire import Wire

ROOT: Final = Path(__file__).resolve().parents[2]
START_SECONDS: Final = 90.0
RUN_SECONDS: Final = 400.0
"""A command that takes longer is killed: it hangs."""


@dataclass(frozen=True)
class Run:
    """One command that ended: what it said, what it asked of AWS, and the faults that did not come to happen."""

    status: int
    out: str
    err: str
    sequence: Calls
    waiting: Mapping[Point, Fault]
    seconds: float


class Machine:
    """An emulator that can be had anew, and the command line before it; a context manager.

    `folder` is the machine's own; `configuration` is the file that every command is given.
    """

    def __init__(self, folder: Path, configuration: Path) -> None:
        self._folder = folder
        self.configuration = configuration
        folder.mkdir(parents=True, exist_ok=True)
        self._state = folder / "aws"
        emulator, server = ensure("emulator"), ensure("server")
        places = ["--state", str(self._state), "--server-python", str(server), "--server-root", str(ROOT)]
        self._emulators = _Obedient([str(emulator), "-m", "tests.faults.emulators", *places])
        self._commands = _Obedient([sys.executable, "-m", "tests.faults.commands"])
        self._described: dict[str, Any] = {}
        self._clients: dict[tuple[str, str, str], Any] = {}
        self.process = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def end(self) -> None:
        """Ends the emulator and what runs commands."""
        self._commands.end()
        self._emulators.end()

    def fresh(self, kept: Path | None = None) -> None:
        """Starts an emulator that holds nothing, or what a folder keeps of another that was stopped."""
        self.process = self._emulators.obey(f"start {kept}" if kept else "start")
        file = self._state / "emulator.json"
        deadline = time.monotonic() + START_SECONDS
        while not file.exists():
            if time.monotonic() > deadline:
                raise TimeoutError(f"The emulator did not start: {(self._state / 'emulator.log').read_text()[-2000:]}")
            time.sleep(0.02)
        self._described = json.loads(file.read_text(encoding="utf-8"))

    def keep(self, folder: Path) -> None:
        """Ends the emulator as `local stop` does and keeps what it holds in a folder, for `fresh`."""
        self._emulators.obey(f"keep {folder}")
        self.process = 0

    def run(self, words: Sequence[str], faults: Mapping[Point, Fault] | None = None) -> Run:
        """Runs a command with --local, doing each of `faults` to the first call that makes its point."""
        view = self._folder / "view"
        view.mkdir(exist_ok=True)
        began = time.monotonic()
        out, err = self._folder / "out", self._folder / "err"
        port = int(self._described["endpoint"].rpartition(":")[2])
        with Wire(port, lambda: self._commands.victim, faults) as wire:
            (view / "emulator.json").write_text(json.dumps(self._described | {"endpoint": wire.url}), encoding="utf-8")
            order = {
                "arguments": [*words, "--local", "--config", str(self.configuration)],
                "environment": {STATE_VARIABLE: str(view)},
                "out": str(out),
                "err": str(err),
            }
            self._commands.victim = self._commands.obey(json.dumps(order))
            limit = threading.Timer(RUN_SECONDS, os.kill, (self._commands.victim, signal.SIGKILL))
            limit.start()
            status = self._commands.hear()
            limit.cancel()
        seconds = time.monotonic() - began
        return Run(status, out.read_text(), err.read_text(), wire.sequence, wire.waiting, seconds)

    def client(self, service: str, account: str, region: str) -> Any:
        """Returns a client that reaches the emulator past the wire; a machine's emulators have one address."""
        key = (service, account, region)
        if key not in self._clients:
            self._clients[key] = self._make(*key)
        return self._clients[key]

    def _make(self, service: str, account: str, region: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self._described["endpoint"],
            region_name=region,
            aws_access_key_id=account,
            aws_secret_access_key=self._described["secret_access_key"],
            config=Config(s3={"addressing_style": "path"}),
        )


class _Obedient:
    """A process that answers each line on its standard input with a number on a line."""

    def __init__(self, command: Sequence[str]) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=kept,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.victim = 0

    def obey(self, order: str) -> int:
        """Gives an order and returns the first answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{order}\n")
        self._process.stdin.flush()
        return self.hear()

    def hear(self) -> int:
        """Returns the next answer."""
        assert self._process.stdout is not None
        return int(self._process.stdout.readline())

    def end(self) -> None:
        """Ends its input and waits for it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
