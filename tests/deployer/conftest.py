"""What the deployer's tests share: a real server, and what stands before it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployer.environments import ensure
from tests.deployer.outside import Clients, Outside, standing
from tests.server.server_process import ServerProcess


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    """The project's MCP server, one for a module of tests."""
    with ServerProcess(Path(os.environ.get("SERVER_PYTHON") or ensure("server")), {}) as process:
        yield process.wait_until_listening()


@pytest.fixture
def outside(server: ServerProcess, tmp_path: Path) -> Iterator[Outside]:
    """What stands before the server, whole, for a test to break."""
    with standing(server, tmp_path) as found:
        yield found


@pytest.fixture
def clients() -> Clients:
    """AWS's clients."""
    return Clients()
