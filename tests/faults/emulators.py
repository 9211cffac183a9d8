"""Fresh emulators at the price of a fork, for a process of the emulator's environment.

`python -m tests.faults.emulators --state FOLDER --server-python PYTHON --server-root FOLDER` loads the emulator once.
Each line on standard input is then a command, answered by a line: `start` forks an emulator on an empty state folder,
`start FOLDER` one on a copy of that folder; `keep FOLDER` ends it as `local stop` does and copies what it leaves there.
Every command ends the emulator that runs, with everything that it started.
"""

import argparse
import os
import shutil
import signal
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from emulator.data_plane.processes import ProcessLedger
from emulator.process import Settings, prepared


def main() -> int:
    """Obeys until standard input ends; returns the exit status."""
    parser = argparse.ArgumentParser(prog="emulators")
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--server-python", type=Path, required=True)
    parser.add_argument("--server-root", type=Path, required=True)
    given = parser.parse_args()
    serve = prepared(Settings(0, given.state, given.server_python, given.server_root))
    # Only now: it reads its environment when it is imported.
    reload = import_module("ministack.services.s3")._load_persisted_data
    running = 0
    for line in sys.stdin:
        command, _, folder = line.strip().partition(" ")
        running = _stop(running, given.state, signal.SIGTERM if command == "keep" else signal.SIGKILL)
        if command == "keep":
            shutil.copytree(given.state, folder)
        elif command == "start":
            running = _start(reload, serve, given.state, Path(folder) if folder else None)
        sys.stdout.write(f"{running}\n")
        sys.stdout.flush()
    _stop(running, given.state, signal.SIGKILL)
    return 0


def _start(reload: Callable[[], None], serve: Callable[[], None], state: Path, kept: Path | None) -> int:
    shutil.rmtree(state)
    if kept is None:
        state.mkdir()
    else:
        shutil.copytree(kept, state)
    child = os.fork()
    if child:
        return child
    with (state / "emulator.log").open("ab") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    # ministack reads the objects when it is imported, which was before the fork; all else when it begins to serve.
    reload()
    try:
        serve()
    finally:
        os._exit(0)


def _stop(running: int, state: Path, how: int) -> int:
    if running:
        os.kill(running, how)
        os.waitpid(running, 0)
        ProcessLedger(state / "processes").sweep()
    return 0


if __name__ == "__main__":
    sys.exit(main())
