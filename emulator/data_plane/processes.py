"""Child processes: started in groups of their own, recorded on disk, and never left behind."""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

_PORTS = range(15_000, 32_000)


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that was free a moment ago.

    It lies below the range from which systems give ports to outgoing connections, so that none of these takes it before
    a program listens there.
    """
    while True:
        port = secrets.choice(_PORTS)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


class ProcessLedger:
    """Remembers on disk which processes this emulator started, so that the next run can end those of a killed one.

    A record holds the process id and when it began: an id that the system gave to another program since is left alone.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)

    def record(self, pid: int) -> None:
        """Remember a process."""
        (self._directory / str(pid)).write_text(json.dumps({"began": _began(pid)}))

    def forget(self, pid: int) -> None:
        """Forget a process that ended."""
        (self._directory / str(pid)).unlink(missing_ok=True)

    def sweep(self) -> list[int]:
        """Kill what an earlier run left behind; return the ids that were killed."""
        killed = []
        for entry in self._directory.iterdir():
            pid = int(entry.name)
            began = json.loads(entry.read_text() or "{}").get("began")
            if began and began == _began(pid):
                _signal_group(pid, signal.SIGKILL)
                killed.append(pid)
            entry.unlink(missing_ok=True)
        return killed


class ChildProcess:
    """One child process whose output, standard error included, goes line by line to ``on_line`` (called in a thread of
    its own). Raises OSError when the program cannot be started.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        ledger: ProcessLedger,
        environment: Mapping[str, str],
        directory: Path,
        on_line: Callable[[str], None],
    ) -> None:
        self._ledger = ledger
        self._process = subprocess.Popen(
            argv,
            env=dict(environment),
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.pid = self._process.pid
        ledger.record(self.pid)
        self._reader = threading.Thread(target=self._read, args=(on_line,), name=f"output-{self.pid}", daemon=True)
        self._reader.start()

    def _read(self, on_line: Callable[[str], None]) -> None:
        stream = self._process.stdout
        assert stream is not None
        with stream:
            for line in stream:
                try:
                    on_line(line.decode("utf-8", "replace").rstrip("\r\n"))
                except Exception as error:
                    # Read on: a program whose output nobody reads fails or stands still.
                    sys.stderr.write(f"a line of process {self.pid} was lost: {error!r}\n")

    def exit_code(self) -> int | None:
        """Return the exit status (negative: the signal), None while the process runs."""
        return self._process.poll()

    def stop(self, timeout: float) -> int:
        """SIGTERM, wait at most ``timeout`` seconds, then SIGKILL; return the exit status."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout)
        _signal_group(self.pid, signal.SIGKILL)
        code = self._process.wait()
        self._reader.join(2)
        self._ledger.forget(self.pid)
        return code


def _signal_group(pid: int, number: int) -> None:
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        return


def _began(pid: int) -> str:
    """When a process began, in the system's own notation; empty when there is no such process."""
    if sys.platform == "linux":
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return ""
        return stat.rpartition(")")[2].split()[19]
    listed = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return listed.stdout.strip()
