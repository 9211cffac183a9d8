"""Local mode: an AWS emulator on loopback, started on first use, found again by later commands, stopped by request.

Everything it keeps lies in one folder. `AwsEndpoint` is all that the rest of the deployer needs to know of it.
"""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deployer.environments import ensure
from deployer.errors import RefusedError

ROOT = Path(__file__).resolve().parent.parent
STATE = ROOT / ".local" / "aws"
STATE_VARIABLE = "MCP_RUNTIME_LOCAL_STATE"
"""Names another folder, so that several emulators can run side by side."""
START_SECONDS = 90.0
STOP_SECONDS = 60.0


@dataclass(frozen=True)
class AwsEndpoint:
    """A running emulator: where it answers, what it trusts and the secret key that every account has.

    `gateways` is where its gateways answer without a name of their own: `<gateways>/gateways/<id>/mcp`.
    """

    url: str
    authority: Path
    secret_access_key: str
    process: int
    gateways: str


def state_folder() -> Path:
    """Returns the folder of the emulator's state: `.local/aws`, or what the environment names."""
    return Path(os.environ.get(STATE_VARIABLE) or STATE)


def running(state: Path) -> AwsEndpoint | None:
    """Returns the emulator that runs on `state`, or None."""
    try:
        found = json.loads((state / "emulator.json").read_text(encoding="utf-8"))
        endpoint = AwsEndpoint(
            found["endpoint"], Path(found["ca"]), found["secret_access_key"], found["pid"], found["gateway_base"]
        )
    except (FileNotFoundError, json.JSONDecodeError, KeyError):
        return None
    return endpoint if _answers(endpoint) else None


def start(state: Path, tell: Callable[[str], None]) -> AwsEndpoint:
    """Returns the emulator that runs on `state`, started if there is none.

    `tell` hears what takes long. Raises RefusedError where the emulator does not come up.
    """
    state.mkdir(parents=True, exist_ok=True)
    with _only_one(state):
        found = running(state)
        if found is not None:
            return found
        tell("making the environments of emulator and server, where they are missing")
        emulator, server = ensure("emulator"), ensure("server")
        tell("starting the emulator")
        return _launch(state, emulator, server)


def stop(state: Path) -> bool:
    """Stops the emulator that runs on `state`, keeping its state; returns whether one ran."""
    found = running(state)
    if found is None:
        return False
    os.kill(found.process, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while _alive(found.process):
        if time.monotonic() > deadline:
            raise RefusedError(
                f"The emulator (process {found.process}) did not stop within {STOP_SECONDS:.0f} seconds; end it by"
                " hand and look at emulator.log in its state folder."
            )
        time.sleep(0.1)
    return True


def wipe(state: Path) -> None:
    """Stops the emulator and forgets everything that it held."""
    stop(state)
    shutil.rmtree(state, ignore_errors=True)


def tasks(endpoint_url: str) -> str:
    """Returns what runs the tasks here, in one line: containers of the image, or processes, and why.

    Raises RefusedError where the emulator does not say.
    """
    try:
        with urllib.request.urlopen(f"{endpoint_url}/_emulator/tasks", timeout=5) as answer:  # noqa: S310  # loopback
            found = json.load(answer)
    except (OSError, ValueError) as error:
        raise RefusedError(
            f"The emulator does not say what runs the tasks ({error}); stop it and start it again."
        ) from error
    running: list[str] = found["running"]
    if not running:
        return "none runs"
    counted = " and ".join(f"{running.count(kind)} as {kind}" for kind in sorted(set(running)))
    reason = f", without the task's limits: {found['reason']}" if "process" in running and found["reason"] else ""
    return f"{counted}{reason}"


def _launch(state: Path, emulator: Path, server: Path) -> AwsEndpoint:
    (state / "emulator.json").unlink(missing_ok=True)
    log = state / "emulator.log"
    command = [str(emulator), "-m", "emulator", "--port", "0", "--state", str(state), "--server-python", str(server)]
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=output, stderr=output, stdin=subprocess.DEVNULL, start_new_session=True
        )
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        found = running(state)
        if found is not None:
            return found
        if process.poll() is not None:
            break
        time.sleep(0.1)
    else:
        process.terminate()
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    last = lines[-1] if lines else "it printed nothing"
    raise RefusedError(f"The emulator did not start; the last line of emulator.log in its state folder says: {last}")


@contextmanager
def _only_one(state: Path) -> Iterator[None]:
    with (state / "start.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _answers(endpoint: AwsEndpoint) -> bool:
    if not _alive(endpoint.process):
        return False
    try:
        with urllib.request.urlopen(f"{endpoint.url}/_emulator/resolve?name=localhost", timeout=5):  # noqa: S310  # loopback, from our own file
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except OSError:
        return False
    try:
        return Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return True
