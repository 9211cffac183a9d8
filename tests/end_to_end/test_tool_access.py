"""Who may call which tool, through the real command line: granted, changed, only logged, and open again.

The tests of this file are one story and run in their order. No tool of the server destroys; one that does is granted
and refused at the emulated gateway in `tests/emulator/test_data_policies.py`.
"""

import json
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.credentials import ReadOnlyCredentials

from deployer.mcp_client import Signed, call_tool, list_tools
from deployer.policy_engine import DENIED
from tests.end_to_end.running import ACCOUNT, REGION, Project

TARGET = f"{ACCOUNT}/{REGION}"
OFF = 'tool_access = "off" '
MARK = "# Who may call which tool, one table"


def table(principal: str, *tools: str) -> str:
    return f'[[access]]\nprincipal = "{principal}"\ntools = {json.dumps(list(tools))}\n'


OPERATOR = table(f"arn:aws:iam::{ACCOUNT}:user/operator", "*")
AGENT = table(f"arn:aws:iam::{ACCOUNT}:role/agent-*", "echo")


@dataclass(frozen=True)
class Caller:
    """Somebody with credentials of their own, who may call the gateway as far as IAM is asked."""

    project: Project
    credentials: ReadOnlyCredentials

    def tools(self) -> list[str]:
        """Returns the names of the tools that the caller is shown, without the gateway's own."""
        found = list_tools(self.project.network, self._url, Signed(self.credentials, REGION))
        return sorted(tool.name for tool in found if tool.name.startswith("mcp___"))

    def call(self, tool: str, **arguments: Any) -> tuple[bool, str]:
        """Returns whether a call failed, and its answer."""
        answer = call_tool(self.project.network, self._url, Signed(self.credentials, REGION), tool, arguments)
        return answer.failed, answer.text

    @property
    def _url(self) -> str:
        return self.project.outputs()["GatewayUrl"]


def deploy(project: Project, mode: str, *tables: str) -> dict[str, Any]:
    project.configure((OFF, f'tool_access = "{mode}" '), (MARK, "".join(tables) + MARK))
    document: dict[str, Any] = project.json("deploy")
    return document


def row(document: dict[str, Any], layer: str) -> dict[str, Any]:
    (found,) = [one for one in document["verification"][TARGET] if one["layer"] == layer]
    return dict(found)


@pytest.fixture(scope="module")
def deployed(project: Project) -> dict[str, Any]:
    return deploy(project, "enforce", OPERATOR, AGENT)


@pytest.fixture(scope="module")
def agent(project: Project, deployed: dict[str, Any]) -> Caller:
    iam = project.client("iam")
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    made = iam.create_role(RoleName="agent-one", AssumeRolePolicyDocument=document)["Role"]
    iam.attach_role_policy(RoleName="agent-one", PolicyArn=project.outputs()["CallerPolicyArn"])
    found = project.client("sts").assume_role(RoleArn=made["Arn"], RoleSessionName="session")["Credentials"]
    keys = ReadOnlyCredentials(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])
    return Caller(project, keys)


@pytest.fixture(scope="module")
def stranger(project: Project, deployed: dict[str, Any]) -> Caller:
    iam = project.client("iam")
    iam.create_user(UserName="stranger")
    iam.attach_user_policy(UserName="stranger", PolicyArn=project.outputs()["CallerPolicyArn"])
    key = iam.create_access_key(UserName="stranger")["AccessKey"]
    return Caller(project, ReadOnlyCredentials(key["AccessKeyId"], key["SecretAccessKey"], None))


def test_verify_reads_the_engine_back(deployed: dict[str, Any]) -> None:
    told = row(deployed, "tool access")
    assert told["evidence"] == "observed"
    assert told["detail"].endswith("refuses what its 2 statements do not permit.")


def test_a_caller_sees_and_calls_what_it_is_granted(agent: Caller) -> None:
    assert agent.tools() == ["mcp___echo"]
    assert agent.call("mcp___echo", message="hello") == (False, "hello")
    failed, text = agent.call("mcp___get_system_info")
    assert failed
    assert DENIED in text


def test_a_caller_that_iam_lets_in_and_nobody_grants_a_tool_calls_none(stranger: Caller) -> None:
    assert stranger.tools() == []
    failed, text = stranger.call("mcp___echo", message="hello")
    assert failed
    assert DENIED in text


def test_deploy_tells_that_its_own_caller_is_granted_nothing(deployed: dict[str, Any]) -> None:
    told = row(deployed, "tools through the gateway")
    assert (told["passed"], told["evidence"]) == (None, "none")
    assert "keeps every tool from this caller" in told["detail"]


def test_invoke_says_that_the_engine_refused(project: Project, deployed: dict[str, Any]) -> None:
    refused = project.run("invoke", "echo", "message=hello")
    assert refused.status == 1
    assert DENIED in refused.out + refused.err


def test_log_only_holds_nobody(project: Project, agent: Caller, stranger: Caller) -> None:
    document = deploy(project, "log-only", AGENT)
    assert all(one["passed"] for one in document["verification"][TARGET])
    assert "only logs what its 1 statements do not permit" in row(document, "tool access")["detail"]
    assert stranger.call("mcp___echo", message="hello") == (False, "hello")
    assert agent.tools() == ["mcp___echo", "mcp___get_system_info"]


def test_off_takes_engine_and_statements_away(project: Project, stranger: Caller) -> None:
    document = deploy(project, "off")
    assert "No policy engine is attached" in row(document, "tool access")["detail"]
    assert project.client("bedrock-agentcore-control").list_policy_engines()["policyEngines"] == []
    assert stranger.call("mcp___echo", message="hello") == (False, "hello")


def test_an_unknown_tool_changes_nothing(project: Project) -> None:
    before = project.operations()
    project.configure((OFF, 'tool_access = "enforce" '), (MARK, table("*", "ecko") + MARK))
    refused = project.run("deploy")
    assert refused.status == 2
    assert "access[1].tools = 'ecko' names no tool of the server; nearest is echo." in refused.error
    assert project.operations() == before
