"""Real clients of the matrix that call through the gateway, signed."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastmcp import Client
from fastmcp.client.transports import StdioTransport, StreamableHttpTransport

from deployer.environments import ensure
from tests.clients import gateway_clients
from tests.clients.fastmcp_client import text_of
from tests.clients.matrix import FASTMCP_GATEWAY, PROXY
from tests.emulator import data_templates as templates
from tests.emulator.data_runtime import create, delete, prepare
from tests.emulator.running_emulator import ACCOUNT, REGION, RunningEmulator

STACK = "clients"


@pytest.fixture(scope="module")
def gateway(emulator: RunningEmulator) -> Iterator[str]:
    """The URL of a gateway before the server with its example tools, in the plain form on loopback."""
    outcome = create(emulator, STACK, templates.Variation(examples=True), prepare(emulator))
    assert (outcome.status, outcome.failures) == ("CREATE_COMPLETE", {})
    yield f"{emulator.gateway_base}/gateways/{outcome.outputs['Gateway']}/mcp"
    delete(emulator, STACK)


def test_mcp_proxy_for_aws(emulator: RunningEmulator, gateway: str, tmp_path: Path) -> None:
    program = ensure("clients").with_name("mcp-proxy-for-aws")
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(tmp_path),
        "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": emulator.secret,
    }
    options = [gateway, "--service", "bedrock-agentcore", "--region", REGION, "--disable-telemetry"]
    transport = StdioTransport(str(program), options, env=environment, keep_alive=False)
    assert PROXY.differences(asyncio.run(gateway_clients.found(transport, "legacy", "main"))) == []


def test_progress_arrives_while_the_call_runs(emulator: RunningEmulator, gateway: str, tmp_path: Path) -> None:
    seen = tmp_path / "seen"

    async def note(progress: float, total: float | None, message: str | None) -> None:
        seen.touch()

    async def call() -> str:
        transport = StreamableHttpTransport(gateway, auth=gateway_clients.Signed(ACCOUNT, emulator.secret, REGION))
        async with Client(transport, mode="legacy", progress_handler=note) as client:
            return await text_of(client, "main___await_file", {"path": str(seen)})

    assert asyncio.run(call()) == "found"


def test_fastmcps_client_with_signed_requests(emulator: RunningEmulator, gateway: str) -> None:
    signed = gateway_clients.Signed(ACCOUNT, emulator.secret, REGION)
    transport = StreamableHttpTransport(gateway, auth=signed)
    found = asyncio.run(gateway_clients.found(transport, FASTMCP_GATEWAY.era, "main"))
    assert FASTMCP_GATEWAY.differences(found) == []
