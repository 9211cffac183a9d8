"""What the tests against the fixture server share: Node with the packages of npm, and the server itself, running."""

from collections.abc import Iterator, Mapping

import pytest

from tests.conformance.served import served
from tests.node.installed import NodePackages, RegistryUnreachable, installed
from tests.server.server_process import ServerProcess


@pytest.fixture(scope="module")
def node() -> NodePackages:
    """Node and the packages of npm; skips, by name, where they cannot be had."""
    try:
        return installed()
    except RegistryUnreachable as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def server_settings() -> Mapping[str, str]:
    """The variables that the fixture server starts with; a folder of tests may have its own."""
    return {}


@pytest.fixture(scope="module")
def server(server_settings: Mapping[str, str]) -> Iterator[ServerProcess]:
    """The fixture server, running."""
    with served(**server_settings) as running:
        yield running
