"""A runtime's outside before the real server: what stands there and how it can be broken."""

import base64
import json
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.credentials import ReadOnlyCredentials
from botocore.stub import Stubber

from deployer.network import LocalNetwork
from tests.deployer.loopback import (
    ACCESS_KEY,
    CLIENT,
    GATEWAY_HOST,
    HOST,
    ISSUER,
    ISSUER_HOST,
    REGION,
    SCOPE,
    SECRET_KEY,
    TARGET,
    TOKEN,
    TOKEN_HOST,
    Authority,
    HttpServer,
    Names,
    Reply,
    Request,
    json_reply,
    signature_is_valid,
)
from tests.server.server_process import ServerProcess

GROUP_ARN = f"arn:aws:elasticloadbalancing:{REGION}:{ACCESS_KEY}:targetgroup/group/0123456789abcdef"
SECRET_ARN = f"arn:aws:secretsmanager:{REGION}:{ACCESS_KEY}:secret:client-abcdef"
OUTPUTS: Mapping[str, str] = {
    "GatewayUrl": f"https://{GATEWAY_HOST}/mcp",
    "GatewayId": "runtime-0123456789",
    "GatewayTargetId": "TARGET0001",
    "GatewayTargetName": TARGET,
    "CallerPolicyArn": f"arn:aws:iam::{ACCESS_KEY}:policy/caller",
    "EndpointUrl": f"https://{HOST}/mcp",
    "HostName": HOST,
    "MissingSettings": "",
    "TokenIssuer": ISSUER,
    "TokenScope": SCOPE,
    "ClientSecretArn": SECRET_ARN,
    "LoadBalancerDnsName": f"lb-1.{REGION}.elb.amazonaws.com",
    "TargetGroupArn": GROUP_ARN,
    "ServiceName": "service",
    "LogGroupName": "logs",
}
ENGINE = "runtime_engine-0123456789"
ENGINE_ARN = f"arn:aws:bedrock-agentcore:{REGION}:{ACCESS_KEY}:policy-engine/{ENGINE}"
GATEWAY: Mapping[str, Any] = {
    "gatewayArn": f"arn:aws:bedrock-agentcore:{REGION}:{ACCESS_KEY}:gateway/runtime-0123456789",
    "gatewayId": "runtime-0123456789",
    "createdAt": 0,
    "updatedAt": 0,
    "status": "READY",
    "name": "runtime",
    "authorizerType": "AWS_IAM",
}
FORWARDED = ("content-type", "accept")


@dataclass
class Outside:
    """What stands before the server; each attribute that a test changes breaks one layer."""

    server: ServerProcess
    network: LocalNetwork
    names: Names
    stale_tools: bool = False
    hidden_tool: str = ""
    closed: bool = True
    checks_signatures: bool = True
    methods: tuple[str, ...] = ("client_secret_basic", "client_secret_post")
    token_requests: list[Request] = field(default_factory=list)

    def balancer(self, request: Request) -> Reply:
        """The load balancer: its token check, then the server."""
        if self.closed and request.headers.get("authorization") != f"Bearer {TOKEN}":
            return Reply(401, b"Unauthorized", {"content-type": "text/plain"})
        return self._served(request, request.body) if request.path in ("/mcp", "/mcp/") else Reply(404)

    def gateway(self, request: Request) -> Reply:
        """The gateway: its signature check, then the server with the target's name before each tool's."""
        if self.checks_signatures and not signature_is_valid(request, SECRET_KEY):
            return json_reply(403, {"message": "The security token included in the request is invalid."})
        if request.method != "POST":
            return Reply(405)
        message = json.loads(request.body)
        if message["method"] == "tools/call":
            message["params"]["name"] = message["params"]["name"].removeprefix(f"{TARGET}___")
        reply = self._served(request, json.dumps(message).encode())
        if message["method"] != "tools/list" or reply.status != 200:
            return reply
        answer = json.loads(reply.body)
        listed = answer["result"]["tools"][1:] if self.stale_tools else answer["result"]["tools"]
        answer["result"]["tools"] = [{**tool, "name": f"{TARGET}___{tool['name']}"} for tool in listed]
        return json_reply(200, answer)

    def issuer(self, request: Request) -> Reply:
        """The issuer's discovery document and its token endpoint."""
        if request.headers["host"] == ISSUER_HOST and request.path.endswith("/.well-known/openid-configuration"):
            document = {
                "issuer": ISSUER,
                "token_endpoint": f"https://{TOKEN_HOST}/oauth2/token",
                "token_endpoint_auth_methods_supported": list(self.methods),
            }
            return json_reply(200, document)
        if request.headers["host"] != TOKEN_HOST or request.path != "/oauth2/token":
            return json_reply(404, {})
        self.token_requests.append(request)
        form = dict(urllib.parse.parse_qsl(request.body.decode()))
        given = (form.get("client_id"), form.get("client_secret"))
        scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
        if scheme == "Basic":
            pair = base64.b64decode(encoded).decode().split(":")
            given = (urllib.parse.unquote(pair[0]), urllib.parse.unquote(pair[1]))
        if given != CLIENT:
            return json_reply(401, {"error": "invalid_client"})
        if form.get("grant_type") != "client_credentials" or form.get("scope") != SCOPE:
            return json_reply(400, {"error": "invalid_scope"})
        return json_reply(200, {"access_token": TOKEN, "token_type": "Bearer", "expires_in": 3600})

    def _served(self, request: Request, body: bytes) -> Reply:
        headers = {
            name: value.removeprefix(f"{TARGET}___")
            for name, value in request.headers.items()
            if name in FORWARDED or name.startswith("mcp-")
        }
        answer = self.server.request(request.method, request.path.rstrip("/"), body, headers)
        passed = {
            name.lower(): value
            for name, value in answer.headers.items()
            if name.lower() in ("content-type", "mcp-session-id")
        }
        document = json.loads(answer.body) if answer.body.startswith(b"{") else {}
        if "tools" in document.get("result", {}):
            tools = document["result"]["tools"]
            document["result"]["tools"] = [tool for tool in tools if tool["name"] != self.hidden_tool]
            return Reply(answer.status, json.dumps(document).encode(), passed)
        return Reply(answer.status, answer.body, passed)


@contextmanager
def standing(server: ServerProcess, folder: Path) -> Iterator[Outside]:
    """Yields everything that stands before the server, each host under its own certificate."""
    authority = Authority(folder)
    names = Names({})
    with ExitStack() as running:
        resolver = running.enter_context(HttpServer(names))
        network = LocalNetwork(f"http://127.0.0.1:{resolver.port}", authority.path)
        outside = Outside(server, network, names)
        for answer, hosts in (
            (outside.balancer, (HOST,)),
            (outside.gateway, (GATEWAY_HOST,)),
            (outside.issuer, (ISSUER_HOST, TOKEN_HOST)),
        ):
            listening = running.enter_context(HttpServer(answer, authority.context(*hosts)))
            names.ports.update(dict.fromkeys(hosts, listening.port))
        yield outside


class Clients:
    """AWS's clients, whose answers are given and checked against the service models by botocore's stubber."""

    def __init__(self) -> None:
        self.secret: Any = {"client_id": CLIENT[0], "client_secret": CLIENT[1]}
        self.states = [{"State": "healthy"}, {"State": "healthy"}]
        self.secret_key = SECRET_KEY
        self.engine: dict[str, str] | None = None
        self.policies: list[dict[str, Any]] = []

    def client(self, service: str, account: str, region: str) -> Any:
        """Returns a client that answers one question, any number of times."""
        assert (account, region) == (ACCESS_KEY, REGION)
        client = boto3.client(
            service, region_name=region, aws_access_key_id=account, aws_secret_access_key=self.secret_key
        )
        stubber = Stubber(client)
        if service == "bedrock-agentcore-control":
            attached = {} if self.engine is None else {"policyEngineConfiguration": self.engine}
            stubber.add_response("get_gateway", {**GATEWAY, **attached}, {"gatewayIdentifier": OUTPUTS["GatewayId"]})
            if self.engine is not None:
                stubber.add_response("list_policies", {"policies": self.policies}, {"policyEngineId": ENGINE})
        elif service == "secretsmanager":
            text = self.secret if isinstance(self.secret, str) else json.dumps(self.secret)
            stubber.add_response("get_secret_value", {"SecretString": text}, {"SecretId": SECRET_ARN})
        else:
            found = [{"Target": {"Id": "10.0.0.1"}, "TargetHealth": state} for state in self.states]
            answer = {"TargetHealthDescriptions": found}
            stubber.add_response("describe_target_health", answer, {"TargetGroupArn": GROUP_ARN})
        stubber.activate()
        return client

    def credentials(self, account: str) -> ReadOnlyCredentials:
        """Returns the credentials of the one account."""
        return ReadOnlyCredentials(account, self.secret_key, None)
