"""What the server's tests share: the interpreter that has the server's packages, and running servers."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.server.server_process import EXAMPLE_TOOLS, ServerProcess


@pytest.fixture(scope="session")
def server_python() -> Path:
    """The interpreter of the server's own environment: SERVER_PYTHON, or the one made from the lock."""
    given = os.environ.get("SERVER_PYTHON")
    if given:
        return Path(given)
    from deployer.environments import ensure

    return ensure("server")


@pytest.fixture(scope="module")
def example_server(server_python: Path) -> Iterator[ServerProcess]:
    """One server for a module of tests, with the example tools beside the real ones."""
    with ServerProcess(server_python, EXAMPLE_TOOLS) as server:
        yield server.wait_until_listening()


@pytest.fixture
def start_server(server_python: Path) -> Iterator[Callable[..., ServerProcess]]:
    """A function that starts a server of the test's own with the given environment variables."""
    with ExitStack() as running:

        def start(**settings: str) -> ServerProcess:
            return running.enter_context(ServerProcess(server_python, settings))

        yield start
