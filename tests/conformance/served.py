"""Starts the server that the conformance suite and the client matrix meet."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deployer.environments import ensure
from tests.server.server_process import ServerProcess


@contextmanager
def served(**settings: str) -> Iterator[ServerProcess]:
    """Run `fixture_server` with `settings` on a free port.

    Its interpreter is the server's own: SERVER_PYTHON, or the one made from the lock.
    """
    python = Path(os.environ.get("SERVER_PYTHON") or ensure("server"))
    given = {"PING_INTERVAL_SECONDS": "1", **settings}
    with ServerProcess(python, given, "tests.conformance.fixture_server") as server:
        yield server.wait_until_listening()
