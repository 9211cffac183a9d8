"""The layered truth test: from the runtime's name to one tool call, each layer by what an outsider would see.

The first layer that fails is the one to repair, so nothing is tried beyond it. Every row says what kind of evidence it
is: `called` (real code answered), `observed` (read back from a control plane), `cited` (AWS's documentation says so) or
`stand-in` (on this machine, an imitation answered).
"""

import base64
import json
import secrets
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, Literal, Protocol
from urllib.parse import urlsplit

import httpx2
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import BotoCoreError, ClientError

from deployer import bounds, policy_engine, private_exposure
from deployer.aws import refusal
from deployer.errors import RefusedError
from deployer.mcp_client import BearerToken, Era, McpRefused, Signed, Tool, call_tool, list_tools, mcp_url
from deployer.network import Network, NotStarted, Unreachable, certificate_of
from deployer.tokens import Issuer, client_token
from generator import parameters as p

Evidence = Literal["called", "observed", "cited", "stand-in", "none"]

ERAS: Final[tuple[Era, ...]] = ("handshake", "modern")
REFUSALS: Final = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
TOOL: Final = "echo"
SEPARATOR: Final = "___"
"""Between the target's and the tool's name (AgentCore developer guide, "Use a gateway")."""
SEARCH_TOOL: Final = "x_amz_bedrock_agentcore_search"
"""The gateway's own tool, where it has semantic search (same guide)."""
FORGED_SECONDS: Final = 600
HEALTH_POLL_SECONDS: Final = 1.0
PASSING: Final = ("healthy", "initial", "draining")
"""States of a target on its way in or out (TargetHealth, Elastic Load Balancing API reference); all others fail."""


@dataclass(frozen=True)
class Row:
    """What one layer showed. `passed` is None where it was not tried, and then `evidence` is `none`.

    `detail` and `remedy` are sentences; `remedy` is empty unless the layer failed.
    """

    layer: str
    passed: bool | None
    detail: str
    remedy: str
    evidence: Evidence


class Access(Protocol):
    """What verification needs of AWS."""

    def client(self, service: str, account: str, region: str) -> Any:
        """Returns a boto3 client."""

    def credentials(self, account: str) -> ReadOnlyCredentials:
        """Returns credentials to sign requests with."""


class _NotTried(Exception):
    """A layer does not apply; the message says why, and later layers are tried all the same."""


@dataclass(frozen=True)
class _Layer:
    name: str
    check: Callable[[], str]
    remedy: str
    evidence: Evidence
    local_evidence: Evidence
    local_detail: str = ""


@dataclass(frozen=True)
class _Runtime:
    outputs: Mapping[str, str]
    parameters: Mapping[str, str]
    aws: Access
    network: Network
    account: str
    region: str
    patience: float

    def __getitem__(self, output: str) -> str:
        return self.outputs.get(output, "")

    def token(self) -> str:
        issuer = Issuer(
            url=self["TokenIssuer"],
            secret_arn=self["ClientSecretArn"],
            scope=self["TokenScope"],
            client_id=self.parameters.get(p.CLIENT_ID.name, ""),
            discovery_url=self.parameters.get(p.DISCOVERY_URL.name, ""),
        )
        return client_token(self.network, self.client("secretsmanager"), issuer)

    @property
    def pinned(self) -> bool:
        """Whether the gateway offers the packaged tool schema instead of what it finds out from the server."""
        return self.parameters.get(p.TOOL_LISTING.name) == "pinned"

    def require_endpoint(self) -> None:
        if not self["EndpointUrl"]:
            raise _NotTried(self["MissingSettings"] or "The runtime has no endpoint.")

    @property
    def private(self) -> bool:
        """Whether nothing outside the VPC reaches the load balancer."""
        return self["Exposure"] == "private"

    def client(self, service: str) -> Any:
        return self.aws.client(service, self.account, self.region)

    def require_target(self) -> None:
        if not self["GatewayTargetId"]:
            raise _NotTried(self["MissingSettings"] or "The gateway has no target.")


def verify(
    outputs: Mapping[str, str],
    aws: Access,
    network: Network,
    local: bool,
    account: str,
    region: str,
    parameters: Mapping[str, str] | None = None,
    patience: float = 0.0,
) -> list[Row]:
    """Returns one row a layer, in their order; layers after the first failure are not tried.

    `outputs` are the root stack's; `parameters`, its values, are needed only with an existing token issuer, whose
    client's id is no output. `patience` is for how many seconds tasks may still be starting. Raises nothing that AWS or
    the network may say: that is a row.
    """
    runtime = _Runtime(outputs, parameters or {}, aws, network, account, region, patience)
    idle = _not_started(runtime)
    if idle:
        return [_not_tried(layer, idle) for layer in _layers(runtime)]
    rows: list[Row] = []
    for layer in _layers(runtime):
        failed = next((row.layer for row in rows if row.passed is False), None)
        rows.append(_not_tried(layer, f"Not tried, since {failed} failed.") if failed else _tried(layer, local))
    return rows


def _not_started(runtime: _Runtime) -> str:
    """Returns why nothing can be tried where the runtime's data plane does not run on this machine, else nothing."""
    try:
        if runtime["EndpointUrl"]:
            runtime.network.resolve(_host(runtime["EndpointUrl"]))
    except NotStarted as reason:
        return str(reason)
    except RefusedError:
        pass  # The first layer tells it.
    return ""


def _not_tried(layer: _Layer, detail: str) -> Row:
    return Row(layer.name, None, detail, "", "none")


def _tried(layer: _Layer, local: bool) -> Row:
    evidence = layer.local_evidence if local else layer.evidence
    try:
        found = layer.check()
    except _NotTried as reason:
        return _not_tried(layer, str(reason))
    except RefusedError as error:
        return Row(layer.name, False, str(error), layer.remedy, evidence)
    except ClientError as error:
        return Row(layer.name, False, refusal(error), layer.remedy, evidence)
    except BotoCoreError as error:
        return Row(layer.name, False, f"AWS could not be asked: {error}", layer.remedy, evidence)
    detail = f"{found} {layer.local_detail}" if local and layer.local_detail else found
    return Row(layer.name, True, detail, "", evidence)


def _layers(runtime: _Runtime) -> tuple[_Layer, ...]:
    """The layers, outermost first; what only a VPC reaches is observed instead of called."""
    outer, way = (_private_front, _private_way) if runtime.private else (_public_front, _public_way)
    return (
        _name_layer(runtime),
        *outer(runtime),
        *_shared(runtime),
        *_bounds(runtime),
        way(runtime),
        *_through_gateway(runtime),
    )


def _bounds(runtime: _Runtime) -> tuple[_Layer, ...]:
    """The layer of what bounds callers, where the parameters ask for anything."""
    asked = bounds.wanted(runtime.parameters, runtime.region)
    if not asked:
        return ()
    return (
        _Layer(
            "firewall and limits",
            lambda: bounds.told(
                runtime.client("wafv2"), runtime.client("bedrock-agentcore-control"), runtime.outputs, asked
            ),
            "Update the stack, and look for what was changed by hand of its web ACLs and the gateway's rate limits.",
            "observed",
            "observed",
        ),
    )


def _name_layer(runtime: _Runtime) -> _Layer:
    balancer = runtime["LoadBalancerDnsName"] or "the load balancer"
    return _Layer(
        "name",
        lambda: _name(runtime),
        f"Let {runtime['HostName']} be an alias of {balancer}, and see that its zone is delegated to.",
        "called",
        "observed",
        "Read from the records of the emulated Route 53.",
    )


def _public_front(runtime: _Runtime) -> tuple[_Layer, ...]:
    return (
        _Layer(
            "certificate",
            lambda: _certificate(runtime),
            "Give the listener an issued certificate that covers the host name.",
            "called",
            "stand-in",
            "A proxy answered in the load balancer's place, with a certificate of the local authority.",
        ),
        _Layer(
            "stranger at the load balancer",
            lambda: _stranger_at_load_balancer(runtime),
            "Close the load balancer's security group, then update the stack: a listener or rule forwards without a"
            " token check.",
            "called",
            "stand-in",
            "An imitation of the load balancer's token check refused.",
        ),
    )


def _private_front(runtime: _Runtime) -> tuple[_Layer, ...]:
    return (
        _Layer(
            "certificate",
            lambda: _observed_certificate(runtime),
            "Give the listener an issued certificate that covers the host name.",
            "observed",
            "observed",
        ),
        _Layer(
            "stranger at the load balancer",
            lambda: _observed_strangers(runtime),
            "Remove what was changed by hand in the load balancer's security group, then update the stack.",
            "observed",
            "observed",
        ),
    )


def _shared(runtime: _Runtime) -> tuple[_Layer, ...]:
    return (
        _Layer(
            "stranger at the gateway",
            lambda: _stranger_at_gateway(runtime),
            "Set the gateway's authorizer to AWS_IAM by updating the stack, and look for other changes made by hand.",
            "called",
            "stand-in",
            "An imitation of the gateway refused.",
        ),
        _Layer(
            "health",
            lambda: _health(runtime),
            f"Read the log group {runtime['LogGroupName']} and the events of the service {runtime['ServiceName']}.",
            "observed",
            "observed",
        ),
    )


def _public_way(runtime: _Runtime) -> _Layer:
    return _Layer(
        "tools through the load balancer",
        lambda: _tools_through_load_balancer(runtime),
        f"Compare the issuer {runtime['TokenIssuer']} and its client with the listener's token check, then read the"
        f" log group {runtime['LogGroupName']}.",
        "called",
        "called",
        "The real server answered, behind a proxy and an imitation of the token check.",
    )


def _private_way(runtime: _Runtime) -> _Layer:
    return _Layer(
        "private endpoint",
        lambda: _observed_endpoint(runtime),
        f"Synchronize the target {runtime['GatewayTargetId']} of the gateway {runtime['GatewayId']}, and compare its"
        " private endpoint's security groups with the rules of the load balancer's.",
        "observed",
        "observed",
    )


def _through_gateway(runtime: _Runtime) -> tuple[_Layer, ...]:
    return (
        _Layer(
            "tool access",
            lambda: _tool_access(runtime),
            "Update the stack, and look for what was changed by hand of the gateway's policy engine.",
            "observed",
            "observed",
        ),
        _Layer(
            "tools through the gateway",
            lambda: _tools_through_gateway(runtime),
            f"Attach the caller's policy {runtime['CallerPolicyArn']} to the caller, and "
            + (
                "deploy the image whose tools were packaged."
                if runtime.pinned
                else f"synchronize the target {runtime['GatewayTargetId']} of the gateway {runtime['GatewayId']}."
            ),
            "called",
            "stand-in",
            "An imitation of the gateway answered with what it had "
            + ("read from the packaged tool schema." if runtime.pinned else "listed from the real server."),
        ),
        _Layer(
            "tool call",
            lambda: _tool_call(runtime),
            f"Read the log group {runtime['LogGroupName']} at the time of the call.",
            "called",
            "called",
            "The real server answered, through an imitation of the gateway.",
        ),
    )


def _name(runtime: _Runtime) -> str:
    runtime.require_endpoint()
    try:
        found = runtime.network.resolve(_host(runtime["EndpointUrl"]))
    except Unreachable as reason:
        if runtime.private:
            raise _NotTried(f"{reason} The gateway's private endpoint needs no record.") from reason
        raise
    return f"{'; '.join(found.chain)}."


def _certificate(runtime: _Runtime) -> str:
    runtime.require_endpoint()
    host = _host(runtime["EndpointUrl"])
    held = certificate_of(runtime.network, host)
    return f"Valid for {', '.join(held.names)} until {held.expires}, issued by {held.issuer}."


def _observed_certificate(runtime: _Runtime) -> str:
    runtime.require_endpoint()
    host = _host(runtime["EndpointUrl"])
    return private_exposure.certificate(
        runtime.client("elbv2"), runtime.client("acm"), runtime["LoadBalancerArn"], host
    )


def _observed_strangers(runtime: _Runtime) -> str:
    runtime.require_endpoint()
    entering = private_exposure.entering_groups(
        runtime.client("bedrock-agentcore-control"), runtime["GatewayId"], runtime["GatewayTargetId"]
    )
    return private_exposure.closed_to_strangers(
        runtime.client("elbv2"), runtime.client("ec2"), runtime["LoadBalancerArn"], entering
    )


def _observed_endpoint(runtime: _Runtime) -> str:
    runtime.require_target()
    return private_exposure.endpoint(
        runtime.client("bedrock-agentcore-control"),
        runtime["GatewayId"],
        runtime["GatewayTargetId"],
        runtime["LoadBalancerDnsName"],
    )


def _stranger_at_load_balancer(runtime: _Runtime) -> str:
    runtime.require_endpoint()
    strangers: dict[str, httpx2.Auth | None] = {
        "no token": None,
        "a meaningless token": BearerToken("meaningless"),
        "a forged token": BearerToken(_forged(runtime)),
    }
    return _refused(runtime.network, runtime["EndpointUrl"], strangers)


def _stranger_at_gateway(runtime: _Runtime) -> str:
    own = runtime.aws.credentials(runtime.account)
    wrong = ReadOnlyCredentials(own.access_key, secrets.token_urlsafe(30), own.token)
    strangers: dict[str, httpx2.Auth | None] = {
        "no signature": None,
        "a wrong secret key": Signed(wrong, runtime.region),
    }
    return _refused(runtime.network, mcp_url(runtime["GatewayUrl"]), strangers)


def _refused(network: Network, url: str, strangers: Mapping[str, httpx2.Auth | None]) -> str:
    """Returns how each stranger was refused; raises RefusedError where one was not, or not by a refusal."""
    shown = []
    for kind, auth in strangers.items():
        try:
            list_tools(network, url, auth, "handshake")
        except McpRefused as error:
            if error.status not in REFUSALS:
                raise RefusedError(f"A caller with {kind} was not refused with 401 or 403: {error}") from error
            shown.append(f"{kind}: {error.status}")
        else:
            raise RefusedError(f"A caller with {kind} was let in by {url} and could list its tools.")
    return f"Refused with {', '.join(shown)}."


def _forged(runtime: _Runtime) -> str:
    """Returns a token that is right in every claim and signed by nobody."""
    now = int(time.time())
    claims = {
        "iss": runtime["TokenIssuer"],
        "scope": runtime["TokenScope"],
        "client_id": "forged",
        "token_use": "access",
        "iat": now,
        "exp": now + FORGED_SECONDS,
    }
    header = {"alg": "RS256", "typ": "JWT", "kid": "forged"}
    parts = (json.dumps(header).encode(), json.dumps(claims).encode(), secrets.token_bytes(256))
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


def _health(runtime: _Runtime) -> str:
    deadline = time.monotonic() + runtime.patience
    while True:
        try:
            return _health_now(runtime)
        except RefusedError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(HEALTH_POLL_SECONDS)


def _health_now(runtime: _Runtime) -> str:
    client = runtime.client("elbv2")
    found = client.describe_target_health(TargetGroupArn=runtime["TargetGroupArn"])["TargetHealthDescriptions"]
    states = Counter(target["TargetHealth"]["State"] for target in found)
    told = ", ".join(f"{count} {state}" for state, count in sorted(states.items())) or "no task is registered"
    reasons = {
        f"{health.get('Reason', 'no reason given')} ({health['Description']})"
        if health.get("Description")
        else health.get("Reason", "no reason given")
        for target in found
        for health in [target["TargetHealth"]]
        if health["State"] not in PASSING
    }
    if not states["healthy"] or reasons:
        raise RefusedError(f"Not every task is healthy: {'; '.join([told, *sorted(reasons)])}.")
    return f"Tasks: {told}."


def _tools_through_load_balancer(runtime: _Runtime) -> str:
    runtime.require_endpoint()
    auth = BearerToken(runtime.token())
    return _told(_listed(runtime.network, runtime["EndpointUrl"], auth))


def _tool_access(runtime: _Runtime) -> str:
    runtime.require_target()
    return policy_engine.told(runtime.client("bedrock-agentcore-control"), runtime["GatewayId"], runtime.parameters)


def _withholds(runtime: _Runtime) -> bool:
    """Whether a policy engine may keep tools from this caller, which then are not listed for it."""
    return policy_engine.attached(runtime.client("bedrock-agentcore-control"), runtime["GatewayId"]).enforced


def _tools_through_gateway(runtime: _Runtime) -> str:
    runtime.require_target()
    listed = _gateway_tools(runtime)
    there = {name.removeprefix(_prefix(runtime)) for name in listed if name != SEARCH_TOOL}
    if not there and _withholds(runtime):
        raise _NotTried(
            "The policy engine keeps every tool from this caller; verify as one whom [[access]] grants some."
        )
    if runtime.private:
        return _told(listed)
    own = {tool.name for tool in list_tools(runtime.network, runtime["EndpointUrl"], BearerToken(runtime.token()))}
    if there < own and _withholds(runtime):
        return f"{_told(listed)} The policy engine keeps {_names(own - there)} from this caller."
    if own != there:
        raise RefusedError(
            f"The gateway's tools are not the server's: {_names(own - there)} missing there, {_names(there - own)} only"
            " there."
        )
    where = "pinned to the packaged tool schema" if runtime.pinned else "discovered from the server"
    return f"{_told(listed).removesuffix('.')}; {where}."


def _tool_call(runtime: _Runtime) -> str:
    runtime.require_target()
    name = _prefix(runtime) + TOOL
    if name not in _gateway_tools(runtime):
        if _withholds(runtime):
            raise _NotTried(f"{name} is not listed, and the policy engine may keep it from this caller.")
        raise _NotTried(f"The server has no tool named {TOOL}; call one of its own with invoke.")
    url, auth = mcp_url(runtime["GatewayUrl"]), _signature(runtime)
    for era in ERAS:
        message = secrets.token_hex(8)
        answer = call_tool(runtime.network, url, auth, name, {"message": message}, era)
        if answer.failed or answer.text != message:
            raise RefusedError(f"{name} was to answer {message} ({era} era) but answered {answer.text[:100]!r}.")
    return f"{name} answered with what it was sent, in both eras of the protocol."


def _gateway_tools(runtime: _Runtime) -> list[str]:
    return _listed(runtime.network, mcp_url(runtime["GatewayUrl"]), _signature(runtime))


def _signature(runtime: _Runtime) -> Signed:
    return Signed(runtime.aws.credentials(runtime.account), runtime.region)


def _listed(network: Network, url: str, auth: httpx2.Auth) -> list[str]:
    """Returns the names of the tools that both eras of the protocol list; raises RefusedError where they differ."""
    handshake, modern = (_sorted(list_tools(network, url, auth, era)) for era in ERAS)
    if handshake != modern:
        raise RefusedError(
            f"{url} lists {_names(handshake)} in the handshake era, but {_names(modern)} in the modern one."
        )
    return handshake


def _sorted(tools: list[Tool]) -> list[str]:
    return sorted(tool.name for tool in tools)


def _told(names: list[str]) -> str:
    if not names:
        raise RefusedError("No tool is listed; the server must have at least one.")
    return f"{len(names)} in both eras of the protocol: {_names(names)}."


def _names(names: set[str] | list[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def _prefix(runtime: _Runtime) -> str:
    return runtime["GatewayTargetName"] + SEPARATOR


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""
