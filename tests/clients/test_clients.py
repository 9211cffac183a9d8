"""Every real client of the matrix calls the server itself; those behind the gateway are in `tests.emulator`."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clients import fastmcp_client, programs
from tests.clients.matrix import (
    FASTMCP_HANDSHAKE,
    FASTMCP_MODERN,
    INSPECTOR_HANDSHAKE,
    INSPECTOR_MODERN,
    PAGE,
    TYPESCRIPT_1,
    TYPESCRIPT_2,
    RealClient,
    rendered,
)
from tests.node.installed import NodePackages
from tests.server.server_process import PATIENCE_SECONDS, ServerProcess

_VAIN_SECONDS = 0.5
"""How long a cancellation is waited for that is not to come."""


@pytest.fixture
def ends(server: ServerProcess, client: RealClient) -> Callable[[], bool]:
    """A function that waits until a call of `test_waiting` is cancelled, and says whether one was."""
    before = _cancelled(server)

    def waited() -> bool:
        deadline = time.monotonic() + (_VAIN_SECONDS if "cancel" in client.limits else PATIENCE_SECONDS)
        while _cancelled(server) == before and time.monotonic() < deadline:
            time.sleep(0.02)
        return _cancelled(server) > before

    return waited


@pytest.mark.parametrize("client", [FASTMCP_HANDSHAKE, FASTMCP_MODERN])
def test_fastmcps_client(server: ServerProcess, ends: Callable[[], bool], client: RealClient) -> None:
    mode = client.era if client is FASTMCP_MODERN else "legacy"
    assert client.differences(asyncio.run(fastmcp_client.found(server.url, mode, ends))) == []


@pytest.mark.parametrize("client", [TYPESCRIPT_1, TYPESCRIPT_2])
def test_the_typescript_sdk(
    server: ServerProcess, node: NodePackages, ends: Callable[[], bool], tmp_path: Path, client: RealClient
) -> None:
    found = programs.typescript_sdk(node, server.url, client.era, tmp_path, ends)
    assert found.pop("version") == client.era
    assert client.differences(found) == []


@pytest.mark.parametrize("client", [INSPECTOR_HANDSHAKE, INSPECTOR_MODERN])
def test_the_inspectors_command_line(
    server: ServerProcess, node: NodePackages, tmp_path: Path, client: RealClient
) -> None:
    asked = len(server.log())
    found = programs.inspector(node, server.url, client.era, tmp_path)
    assert client.differences(found) == []
    assert client.era in [entry.get("protocol_version") for entry in server.log()[asked:]]


def test_the_page_is_the_matrix() -> None:
    assert PAGE.read_text(encoding="utf-8") == rendered(), "run python -m tests.clients.matrix"


def _cancelled(server: ServerProcess) -> int:
    return sum(entry.get("tool") == "test_waiting" and entry.get("outcome") == "cancelled" for entry in server.log())
