"""The layered truth test against a real server behind real HTTPS: it passes when whole, and finds each broken layer."""

from collections.abc import Callable
from typing import Any

import pytest

from deployer.network import LocalNetwork
from deployer.verification import Row, verify
from tests.deployer.loopback import ACCESS_KEY, HOST, REGION, Authority
from tests.deployer.outside import ENGINE, ENGINE_ARN, OUTPUTS, Clients, Outside

LAYERS = [
    "name",
    "certificate",
    "stranger at the load balancer",
    "stranger at the gateway",
    "health",
    "tools through the load balancer",
    "tool access",
    "tools through the gateway",
    "tool call",
]
OBSERVED = ("health", "tool access")


def verified(outside: Outside, clients: Clients, local: bool = False, **changed: str) -> list[Row]:
    return verify({**OUTPUTS, **changed}, clients, outside.network, local, ACCESS_KEY, REGION)


def test_a_whole_runtime_passes_every_layer(outside: Outside, clients: Clients) -> None:
    rows = verified(outside, clients)

    assert [(row.layer, row.passed, row.remedy) for row in rows] == [(layer, True, "") for layer in LAYERS]
    details = {row.layer: row.detail for row in rows}
    assert HOST in details["name"]
    assert "Loopback authority" in details["certificate"]
    assert details["stranger at the load balancer"] == (
        "Refused with no token: 401, a meaningless token: 401, a forged token: 401."
    )
    assert details["stranger at the gateway"] == "Refused with no signature: 403, a wrong secret key: 403."
    assert details["health"] == "Tasks: 2 healthy."
    assert details["tools through the load balancer"] == ("2 in both eras of the protocol: echo, get_system_info.")
    assert "mcp___echo" in details["tools through the gateway"]


def test_on_aws_real_code_answers(outside: Outside, clients: Clients) -> None:
    evidence = {row.layer: row.evidence for row in verified(outside, clients)}

    assert evidence == {layer: "observed" if layer in OBSERVED else "called" for layer in LAYERS}


def test_locally_what_an_imitation_answered_is_no_result(outside: Outside, clients: Clients) -> None:
    rows = verified(outside, clients, local=True)

    imitated = [row.layer for row in rows if row.evidence == "stand-in"]
    assert imitated == [*LAYERS[1:4], "tools through the gateway"]
    for row in rows:
        if row.evidence == "called":
            assert "in the load balancer's place" in row.detail or "imitation" in row.detail


def _no_name(outside: Outside, clients: Clients) -> None:
    del outside.names.ports[HOST]


def _another_certificate(outside: Outside, clients: Clients) -> None:
    outside.names.ports[HOST] = outside.names.ports[OUTPUTS["GatewayUrl"].split("/")[2]]


def _open_to_all(outside: Outside, clients: Clients) -> None:
    outside.closed = False


def _no_signature_check(outside: Outside, clients: Clients) -> None:
    outside.checks_signatures = False


def _no_tasks(outside: Outside, clients: Clients) -> None:
    clients.states = []


def _all_tasks_starting(outside: Outside, clients: Clients) -> None:
    clients.states = [{"State": "initial", "Reason": "Elb.InitialHealthChecking"}]


def _one_task_unhealthy(outside: Outside, clients: Clients) -> None:
    clients.states[1] = {"State": "unhealthy", "Reason": "Target.ResponseCodeMismatch", "Description": "codes: [503]"}


def _wrong_client(outside: Outside, clients: Clients) -> None:
    clients.secret = {"client_id": "client", "client_secret": "another"}


def _caller_not_admitted(outside: Outside, clients: Clients) -> None:
    clients.secret_key = "another-secret-key"


def _stale_tools(outside: Outside, clients: Clients) -> None:
    outside.stale_tools = True


@pytest.mark.parametrize(
    ("break_it", "layer", "words"),
    [
        (_no_name, "name", "has no address"),
        (_another_certificate, "certificate", "not valid for it: Hostname mismatch"),
        (_open_to_all, "stranger at the load balancer", "A caller with no token was let in"),
        (_no_signature_check, "stranger at the gateway", "A caller with no signature was let in"),
        (_no_tasks, "health", "no task is registered"),
        (_all_tasks_starting, "health", "1 initial"),
        (_one_task_unhealthy, "health", "1 healthy, 1 unhealthy; Target.ResponseCodeMismatch (codes: [503])"),
        (_wrong_client, "tools through the load balancer", "invalid_client"),
        (_caller_not_admitted, "tools through the gateway", "HTTP status 403: The security token included"),
        (_stale_tools, "tools through the gateway", "echo missing there, none only there"),
    ],
)
def test_the_first_broken_layer_is_named_and_nothing_is_tried_beyond_it(
    outside: Outside, clients: Clients, break_it: Callable[[Outside, Clients], None], layer: str, words: str
) -> None:
    break_it(outside, clients)

    rows = verified(outside, clients)

    place = LAYERS.index(layer)
    assert [row.passed for row in rows] == [True] * place + [False] + [None] * (len(LAYERS) - place - 1)
    assert words in rows[place].detail
    assert rows[place].remedy.endswith(".")
    for row in rows[place + 1 :]:
        assert (row.evidence, row.detail) == ("none", f"Not tried, since {layer} failed.")


def test_an_authority_that_is_not_trusted_fails_the_certificate(
    outside: Outside, clients: Clients, tmp_path_factory: pytest.TempPathFactory
) -> None:
    stranger = Authority(tmp_path_factory.mktemp("stranger"))
    outside.network = LocalNetwork(outside.network.endpoint, stranger.path)

    failed = next(row for row in verified(outside, clients) if row.passed is False)

    assert failed.layer == "certificate"


def test_an_issuer_that_is_gone_fails_the_tools_not_the_strangers(outside: Outside, clients: Clients) -> None:
    del outside.names.ports[OUTPUTS["TokenIssuer"].split("/")[2]]

    failed = next(row for row in verified(outside, clients) if row.passed is False)

    assert failed.layer == "tools through the load balancer"
    assert "cognito-idp" in failed.detail


def test_tasks_that_come_and_go_beside_a_healthy_one_are_told(outside: Outside, clients: Clients) -> None:
    clients.states = [
        {"State": "healthy"},
        {"State": "initial", "Reason": "Elb.RegistrationInProgress"},
        {"State": "draining", "Reason": "Target.DeregistrationInProgress"},
    ]

    rows = verified(outside, clients)

    assert [row.passed for row in rows] == [True] * len(LAYERS)
    assert rows[4].detail == "Tasks: 1 draining, 1 healthy, 1 initial."


def test_without_an_endpoint_the_rows_say_what_is_missing(outside: Outside, clients: Clients) -> None:
    missing = "The runtime has no endpoint and the gateway no target: set ParentDomain and HostedZoneId."
    rows = verified(outside, clients, EndpointUrl="", HostName="", GatewayTargetId="", MissingSettings=missing)

    tried = [row.layer for row in rows if row.passed is not None]
    assert tried == ["stranger at the gateway", "health"]
    assert {row.detail for row in rows if row.passed is None} == {missing}


def test_a_server_without_the_echo_tool_has_no_tool_to_call(outside: Outside, clients: Clients) -> None:
    outside.hidden_tool = "echo"

    rows = verified(outside, clients)

    assert [row.passed for row in rows] == [True] * 8 + [None]
    assert rows[8].detail == "The server has no tool named echo; call one of its own with invoke."


def test_nothing_secret_is_in_a_row(outside: Outside, clients: Clients) -> None:
    clients.secret = {"client_id": "client", "client_secret": "unmistakable"}

    assert "unmistakable" not in repr(verified(outside, clients))


def test_tasks_that_are_still_starting_are_waited_for(
    outside: Outside, clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    clients.states = [{"State": "healthy"}, {"State": "unhealthy", "Reason": "Target.FailedHealthChecks"}]

    def started(_: float) -> None:
        clients.states[1] = {"State": "healthy"}

    monkeypatch.setattr("deployer.verification.time.sleep", started)
    rows = verify(OUTPUTS, clients, outside.network, False, ACCESS_KEY, REGION, patience=600.0)

    assert [row.passed for row in rows] == [True] * len(LAYERS)
    assert rows[4].detail == "Tasks: 2 healthy."


def policy(name: str, status: str = "ACTIVE") -> dict[str, Any]:
    return {
        "policyId": f"{name}-0123456789",
        "policyArn": f"{ENGINE_ARN}/policy/{name}-0123456789",
        "policyEngineId": ENGINE,
        "name": name,
        "definition": {"cedar": {"statement": "permit(principal, action, resource);"}},
        "status": status,
        "statusReasons": [],
        "createdAt": 0,
        "updatedAt": 0,
    }


def enforcing(clients: Clients, *policies: dict[str, Any], mode: str = "ENFORCE") -> dict[str, str]:
    clients.engine, clients.policies = {"arn": ENGINE_ARN, "mode": mode}, list(policies)
    slots = {f"AccessStatement{number}": "permit" for number in range(1, 1 + len(policies))}
    return {"ToolAccess": {"ENFORCE": "enforce", "LOG_ONLY": "log-only"}[mode], **slots}


def row_of(outside: Outside, clients: Clients, layer: str, parameters: dict[str, str]) -> Row:
    rows = verify(OUTPUTS, clients, outside.network, False, ACCESS_KEY, REGION, parameters)
    return next(row for row in rows if row.layer == layer)


def test_tool_access_tells_the_engine_and_its_statements(outside: Outside, clients: Clients) -> None:
    row = row_of(outside, clients, "tool access", {"ToolAccess": "off"})
    assert (row.passed, row.detail) == (
        True,
        "No policy engine is attached: who may call the gateway may call every tool.",
    )
    row = row_of(outside, clients, "tool access", enforcing(clients, policy("a"), policy("b")))
    assert (row.passed, row.evidence) == (True, "observed")
    assert row.detail == f"The policy engine {ENGINE} refuses what its 2 statements do not permit."
    row = row_of(outside, clients, "tool access", enforcing(clients, policy("a"), mode="LOG_ONLY"))
    assert row.detail == f"The policy engine {ENGINE} only logs what its 1 statements do not permit."


def test_tool_access_that_is_not_the_configuration_s_fails(outside: Outside, clients: Clients) -> None:
    wanted = enforcing(clients, policy("a"), policy("b"))
    clients.policies = [policy("a"), policy("b", "UPDATE_FAILED")]
    assert "not every statement is in force: b" in row_of(outside, clients, "tool access", wanted).detail
    clients.policies = [policy("a")]
    assert "has 1 statements, not 2" in row_of(outside, clients, "tool access", wanted).detail
    clients.engine = {"arn": ENGINE_ARN, "mode": "LOG_ONLY"}
    assert "is log-only, not enforce" in row_of(outside, clients, "tool access", wanted).detail
    clients.engine = None
    row = row_of(outside, clients, "tool access", wanted)
    assert (row.passed, "is off, not enforce" in row.detail) == (False, True)
    assert row.remedy.endswith(".")


def test_tools_that_an_engine_keeps_from_the_caller_are_told_and_no_failure(outside: Outside, clients: Clients) -> None:
    wanted = enforcing(clients, policy("a"))
    outside.stale_tools = True
    row = row_of(outside, clients, "tools through the gateway", wanted)
    assert row.passed is True
    assert row.detail.endswith("The policy engine keeps echo from this caller.")
    row = row_of(outside, clients, "tool call", wanted)
    assert row.passed is None
    assert "the policy engine may keep it from this caller" in row.detail
