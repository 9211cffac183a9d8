"""The policy engine before the gateway's tools: what is granted is called, the rest refused, and AWS's refusals made.

The tools are real ones of the real server, one of them annotated destructive; the statements are the generator's.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from generator.tool_access import Grant, statements
from generator.tool_catalogue import Catalogue
from tests.emulator import data_templates as templates
from tests.emulator.data_runtime import Outcome, Signer, call_gateway, create, delete, prepare, rpc, update
from tests.emulator.running_emulator import ACCOUNT, RunningEmulator

STACK = "policed"
AGENT = f"arn:aws:iam::{ACCOUNT}:role/agents/agent-one"
OPERATOR = f"arn:aws:iam::{ACCOUNT}:user/operator"
LEGACY = {"mcp-protocol-version": "2025-11-25"}
OPEN = templates.Variation(examples=True)
DENIED = "Tool Execution Denied: Tool call not allowed due to policy enforcement"


@dataclass(frozen=True)
class Runtime:
    """A runtime whose gateway has no engine yet, its callers and what its server lists."""

    emulator: RunningEmulator
    zone: str
    outputs: dict[str, str]
    callers: dict[str, Signer]
    catalogue: Catalogue

    def variation(self, mode: str, *grants: Grant) -> templates.Variation:
        """Returns the runtime with an engine whose statements are those of the grants."""
        return replace(OPEN, access_mode=mode, access=statements(grants, self.catalogue, "main"))

    def change(self, variation: templates.Variation) -> Outcome:
        """Updates the stack."""
        return update(self.emulator, STACK, variation, self.zone)

    def listed(self, caller: str) -> list[str]:
        """Returns the names that a caller is shown, without the gateway's own tool."""
        answer = self._ask(caller, rpc("tools/list"))
        names = [tool["name"].removeprefix("main___") for tool in answer["result"]["tools"]]
        return sorted(name for name in names if not name.startswith("x_amz"))

    def called(self, caller: str, tool: str, **arguments: Any) -> str:
        """Returns the text that a call is answered with."""
        answer = self._ask(caller, rpc("tools/call", {"name": f"main___{tool}", "arguments": arguments}))
        text = answer["result"]["content"][0]["text"]
        assert answer["result"]["isError"] == (DENIED in text)
        return str(text)

    def _ask(self, caller: str, message: dict[str, Any]) -> dict[str, Any]:
        answer = call_gateway(
            self.emulator,
            self.outputs["GatewayUrl"],
            message,
            headers={**LEGACY, "accept": "application/json"},
            signer=self.callers[caller],
        )
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    @property
    def control(self) -> Any:
        """AgentCore's control plane."""
        return self.emulator.client("bedrock-agentcore-control")


@pytest.fixture(scope="module")
def runtime(emulator: RunningEmulator) -> Iterator[Runtime]:
    zone = prepare(emulator)
    outcome = create(emulator, STACK, OPEN, zone)
    assert (outcome.status, outcome.failures) == ("CREATE_COMPLETE", {})
    callers = {"root": Signer(), "agent": role(emulator), "operator": user(emulator, "operator")}
    everything = call_gateway(emulator, outcome.outputs["GatewayUrl"], rpc("tools/list"), headers=LEGACY).json()
    tools = [
        {**tool, "name": tool["name"].removeprefix("main___")}
        for tool in everything["result"]["tools"]
        if tool["name"].startswith("main___")
    ]
    yield Runtime(emulator, zone, outcome.outputs, callers, Catalogue.listed(tools))
    delete(emulator, STACK)
    assert emulator.client("bedrock-agentcore-control").list_policy_engines()["policyEngines"] == []


ALLOWED = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "bedrock-agentcore:InvokeGateway", "Resource": "*"}],
    }
)


def user(emulator: RunningEmulator, name: str) -> Signer:
    iam = emulator.client("iam")
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="call", PolicyDocument=ALLOWED)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return Signer(access_key=key["AccessKeyId"], secret=key["SecretAccessKey"])


def role(emulator: RunningEmulator) -> Signer:
    iam = emulator.client("iam")
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    made = iam.create_role(RoleName="agent-one", Path="/agents/", AssumeRolePolicyDocument=document)["Role"]
    iam.put_role_policy(RoleName="agent-one", PolicyName="call", PolicyDocument=ALLOWED)
    found = emulator.client("sts").assume_role(RoleArn=made["Arn"], RoleSessionName="session")["Credentials"]
    return Signer(access_key=found["AccessKeyId"], secret=found["SecretAccessKey"], token=found["SessionToken"])


def test_the_server_s_annotation_reaches_the_gateway(runtime: Runtime) -> None:
    assert [tool.name for tool in runtime.catalogue.tools if tool.annotated_destructive] == ["wipe"]
    assert runtime.called("agent", "wipe", path="/") == "/ would be gone"


def test_a_standing_gateway_gets_an_engine_that_refuses_what_nobody_was_granted(runtime: Runtime) -> None:
    changed = runtime.change(runtime.variation("ENFORCE", Grant(AGENT, ("*",)), Grant(OPERATOR, ("echo", "wipe"))))
    assert (changed.status, changed.failures) == ("UPDATE_COMPLETE", {})

    ordinary = sorted(tool.name for tool in runtime.catalogue.tools if tool.name != "wipe")
    assert runtime.listed("agent") == ordinary
    assert runtime.called("agent", "echo", message="hello") == "hello"
    assert runtime.called("agent", "wipe", path="/") == (
        f"AuthorizeActionException - {DENIED} [No policy applies to the request (denied by default).]"
    )
    assert runtime.listed("operator") == ["echo", "wipe"]
    assert runtime.called("operator", "wipe", path="/") == "/ would be gone"
    assert DENIED in runtime.called("operator", "get_system_info")
    assert runtime.listed("root") == []
    assert DENIED in runtime.called("root", "echo", message="hello")


def test_log_only_lets_everything_pass_and_says_what_it_would_refuse(runtime: Runtime) -> None:
    changed = runtime.change(runtime.variation("LOG_ONLY", Grant(AGENT, ("echo",))))
    assert (changed.status, changed.failures) == ("UPDATE_COMPLETE", {})

    assert "wipe" in runtime.listed("agent")
    assert runtime.called("agent", "wipe", path="/") == "/ would be gone"
    log = (runtime.emulator.state / "emulator.log").read_text()
    caller = f"arn:aws:sts::{ACCOUNT}:assumed-role/agent-one"
    assert f"policy decision DENY (LOG_ONLY) for {caller} calling main___wipe" in log
    assert len(runtime.control.list_policies(policyEngineId=engine(runtime))["policies"]) == 1


def engine(runtime: Runtime) -> str:
    (found,) = runtime.control.list_policy_engines()["policyEngines"]
    return str(found["policyEngineId"])


def test_a_statement_on_a_tool_that_is_not_there_rolls_the_update_back(runtime: Runtime) -> None:
    (granted,) = runtime.variation("ENFORCE", Grant(AGENT, ("echo",))).access
    gone = replace(OPEN, access_mode="ENFORCE", access=(granted.replace("main___echo", "main___gone"),))
    changed = runtime.change(gone)
    assert changed.status == "UPDATE_ROLLBACK_COMPLETE"
    assert "unrecognized action `AgentCore::Action::" in changed.failures["Access0"]
    assert (
        runtime.control.get_gateway(gatewayIdentifier=runtime.outputs["Gateway"])["policyEngineConfiguration"]["mode"]
        == "LOG_ONLY"
    )


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("permit(principal, action, resource); // wide", "a wildcard resource was detected"),
        (
            'permit(principal, action == AgentCore::Action::"x", resource is AgentCore::Gateway);',
            "a specific gateway ARN",
        ),
        ("permit(principal, action, resource is AgentCore::Gateway) when { garbage", "unexpected"),
        (
            2 * "permit(principal, action, resource is AgentCore::Gateway);",
            "unexpected token 'permit'",
        ),
    ],
)
def test_statements_that_agentcore_refuses_are_refused(runtime: Runtime, statement: str, words: str) -> None:
    with pytest.raises(ClientError, match="ValidationException") as caught:
        runtime.control.create_policy(
            policyEngineId=engine(runtime), name="refused", definition={"cedar": {"statement": statement}}
        )
    assert words in str(caught.value)


def test_an_engine_with_policies_is_not_deleted(runtime: Runtime) -> None:
    with pytest.raises(ClientError, match="has policies associated with it"):
        runtime.control.delete_policy_engine(policyEngineId=engine(runtime))


def test_a_forbidding_statement_wins(runtime: Runtime) -> None:
    gateway = runtime.control.get_gateway(gatewayIdentifier=runtime.outputs["Gateway"])["gatewayArn"]
    made = runtime.control.create_policy(
        policyEngineId=engine(runtime),
        name="shut",
        definition={"cedar": {"statement": f'forbid(principal, action, resource == AgentCore::Gateway::"{gateway}");'}},
    )
    assert made["status"] == "CREATING"
    runtime.change(runtime.variation("ENFORCE", Grant(AGENT, ("echo",))))
    assert f"[Policy evaluation denied due to {made['policyId']}]" in runtime.called("agent", "echo", message="x")
    assert runtime.listed("agent") == []
    runtime.control.delete_policy(policyEngineId=engine(runtime), policyId=made["policyId"])
    assert runtime.called("agent", "echo", message="x") == "x"


def test_a_role_that_may_not_ask_an_engine_gets_none(runtime: Runtime) -> None:
    changed = runtime.change(replace(runtime.variation("LOG_ONLY", Grant(AGENT, ("echo",))), engine_permission=False))
    assert changed.status == "UPDATE_ROLLBACK_COMPLETE"
    assert "Access denied while calling GetPolicyEngine" in changed.failures["Gateway"]


def test_without_an_engine_everything_is_open_again(runtime: Runtime) -> None:
    assert runtime.change(OPEN).status == "UPDATE_COMPLETE"
    assert runtime.control.list_policy_engines()["policyEngines"] == []
    assert runtime.called("root", "wipe", path="/") == "/ would be gone"
    # The end of the file deletes a stack with an engine.
    assert runtime.change(runtime.variation("ENFORCE", Grant(AGENT, ("*",)))).status == "UPDATE_COMPLETE"
