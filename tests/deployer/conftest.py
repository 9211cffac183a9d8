"""What the deployer's tests share: a real server, and what stands before it."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deployer.outside import Clients, Outside, standing
from tests.server.server_process import ServerProcess


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    """The project's MCP server, one for a module of tests."""
    with ServerProcess(Path(sys.executable), {}) as process:
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
