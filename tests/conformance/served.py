"""Starts the server that the conformance suite and the client matrix meet."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deployer.environments import ensure
from tests.server.server_process import ServerProcess


@contextmanager
def served() -> Iterator[ServerProcess]:
    """Run `fixture_server` on a free port, with the server's own interpreter (SERVER_PYTHON, or made from the lock)."""
    python = os.environ.get("SERVER_PYTHON")
    settings = {"PING_INTERVAL_SECONDS": "1"}
    with ServerProcess(
        Path(python) if python else ensure("server"), settings, "tests.conformance.fixture_server"
    ) as server:
        yield server.wait_until_listening()
