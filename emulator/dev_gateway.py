"""``python -m emulator.dev_gateway``: a gateway on loopback before one MCP server, for who writes its tools.

The same stand-in as the emulated AWS's, with its tool names, versions and streams, but open to every caller of this
machine: there is no IAM here. It reads one JSON object a line, ``{"server": "http://127.0.0.1:PORT/mcp"}``: the server
to serve from then on, if its tools can be listed. It answers each with a line, ``{"url": ..., "tools": [...]}`` or
``{"error": "one sentence"}``; then the server before stays.
"""

import json
import ssl
import sys
import tempfile
from pathlib import Path
from typing import Any, cast

import httpx

from emulator.data_plane.agentcore import Platform, Scope
from emulator.data_plane.agentcore_store import Record, Region, Store
from emulator.data_plane.agentcore_targets import connect
from emulator.data_plane.gateway import GatewayFront
from emulator.data_plane.inner import InnerServer
from emulator.data_plane.outbound import Outbound

ACCOUNT, REGION, GATEWAY, TARGET = "000000000000", "us-east-1", "dev-0000000000", "mcp"
VERSIONS = ["2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"]


class _LoopbackOutbound(Outbound):
    """Calls to this machine, which need no names and no certificates."""

    def __init__(self) -> None:
        self._entrance = ""
        self._client = httpx.Client(verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), trust_env=False)


class DevGateway:
    """One gateway with one target, whose server can be changed while it runs."""

    def __init__(self, folder: Path) -> None:
        """Keep the records in `folder`."""
        # Nothing here asks the platform: there are no credentials, no objects and no VPC.
        self._scope = Scope(
            ACCOUNT, REGION, Store(folder / "gateway.json"), cast(Platform, None), _LoopbackOutbound(), lambda: True
        )
        mcp = {"supportedVersions": VERSIONS, "streamingConfiguration": {"enableResponseStreaming": True}}
        self._gateway: Record = {
            "gatewayId": GATEWAY,
            "gatewayArn": self._scope.arn(f"gateway/{GATEWAY}"),
            "name": "dev",
            "authorizerType": "NONE",
            "protocolConfiguration": {"mcp": mcp},
            "exceptionLevel": "DEBUG",
        }
        with self._scope.store.change(ACCOUNT, REGION) as records:
            records.gateways[GATEWAY] = self._gateway
        front = GatewayFront(self._find, cast(Any, None), lambda _: None)
        self._server = InnerServer((front.answer,))
        self.url = f"{self._server.url}/gateways/{GATEWAY}/mcp"

    def start(self) -> None:
        """Listen."""
        self._server.start()

    def serve(self, url: str) -> list[str]:
        """Serve the tools of the MCP server at `url` and return their names here. Raises RuntimeError."""
        target: Record = {
            "targetId": "DEV0000000",
            "gatewayId": GATEWAY,
            "name": TARGET,
            "status": "CREATING",
            "targetConfiguration": {"mcp": {"mcpServer": {"endpoint": url}}},
            "tools": [],
        }
        connect(self._scope, target)
        if target["status"] != "READY":
            raise RuntimeError(" ".join(target["statusReasons"]))
        with self._scope.store.change(ACCOUNT, REGION) as records:
            records.targets[GATEWAY] = {target["targetId"]: target}
        return [f"{TARGET}___{tool['name']}" for tool in target["tools"]]

    def _find(self, gateway_id: str) -> tuple[Scope, Record] | None:
        records: Region = self._scope.records
        return (self._scope, self._gateway) if gateway_id in records.gateways else None


def main() -> int:
    """Serve until standard input ends; return the exit status."""
    with tempfile.TemporaryDirectory() as folder:
        gateway = DevGateway(Path(folder))
        gateway.start()
        for line in sys.stdin:
            try:
                answer: dict[str, Any] = {"url": gateway.url, "tools": gateway.serve(json.loads(line)["server"])}
            except RuntimeError as error:
                answer = {"error": str(error)}
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
