"""Reads what the server in this tree really lists, by asking it: its own code, in its own environment.

Nothing listens and no network is used once the environment is there. The process gets no setting of this machine, so
that the answer depends on the tree and its lock alone.
"""

import json
import os
import subprocess
from pathlib import Path
from typing import Final

from deployer.environments import PROJECT_ROOT, EnvironmentFailure, Progress, ensure
from deployer.errors import RefusedError
from generator.tool_catalogue import Catalogue

DEADLINE_SECONDS: Final = 120.0
PASSED_ON: Final = ("PATH", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT")


def introspect(root: Path = PROJECT_ROOT, progress: Progress | None = None) -> Catalogue:
    """Returns the catalogue of the server below `root`; the first time it makes the server's environment.

    Raises RefusedError with one sentence where the environment cannot be made or the server cannot list its tools,
    for instance because a tool's file is broken.
    """
    try:
        interpreter = ensure("server", progress, root=root)
    except EnvironmentFailure as error:
        raise RefusedError(str(error)) from error
    return introspect_with(interpreter, root)


def introspect_with(interpreter: Path, root: Path) -> Catalogue:
    """Returns the catalogue of the server below `root`, run with an interpreter that has the server's packages."""
    environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    command = [str(interpreter), "-B", "-m", "server.catalogue"]
    try:
        done = subprocess.run(
            command,
            cwd=root,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=DEADLINE_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise RefusedError(
            f"The server in {root} did not list its tools within {DEADLINE_SECONDS:.0f} seconds; see which tool module"
            " waits for something when it is imported."
        ) from error
    except OSError as error:
        raise RefusedError(f"The server in {root} cannot be asked for its tools ({error}).") from error
    try:
        answer = json.loads(done.stdout)
        if "error" not in answer:
            return Catalogue.listed(answer["tools"])
    except (ValueError, KeyError, TypeError) as error:
        lines = done.stderr.strip().splitlines() or [str(error)]
        raise RefusedError(
            f"The server in {root} ended with status {done.returncode} instead of listing its tools: {lines[-1]}"
        ) from error
    raise RefusedError(str(answer["error"]))
