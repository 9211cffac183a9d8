"""What [[access]] grants is what Cedar itself decides on the statements made of it, whatever is granted to whom."""

import re
from collections.abc import Sequence
from typing import Any

import cedarpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator import cedar
from generator.tool_access import STATEMENT_BYTES, Grant, UnfitGrantError, callers, granted, statements
from generator.tool_catalogue import Catalogue, Tool

GATEWAY = "arn:aws:bedrock-agentcore:us-east-1:111122223333:gateway/mcp-runtime-0a1b2c3d-abcdefghij"
ACCOUNTS = ("111122223333", "444455556666")
DESTRUCTIVE = {"destructiveHint": True}


def tool(name: str, destructive: bool = False) -> Tool:
    return Tool(name, "", {"type": "object"}, annotations=DESTRUCTIVE if destructive else {})


def decisions(policies: Sequence[str], ids: Sequence[str], tools: Sequence[str]) -> list[bool]:
    """Returns what Cedar decides of every caller's call of every tool."""
    requests: list[dict[str, Any]] = [
        {
            "principal": f"AgentCore::IamEntity::{cedar.string(one)}",
            "action": f"AgentCore::Action::{cedar.string(f'mcp___{name}')}",
            "resource": f"AgentCore::Gateway::{cedar.string(GATEWAY)}",
            "context": {},
        }
        for one in ids
        for name in tools
    ]
    entities = [
        {"uid": {"type": "AgentCore::IamEntity", "id": one}, "attrs": {"id": one}, "parents": []} for one in ids
    ]
    text = "\n".join(policies).replace(cedar.GATEWAY, GATEWAY)
    answers = cedarpy.is_authorized_batch(requests, text, entities)
    assert not any(answer.diagnostics.errors for answer in answers)
    return [answer.allowed for answer in answers]


def schema(tools: Sequence[str]) -> dict[str, Any]:
    """Returns the schema that AgentCore documents for a gateway with these tools ("Schema constraints")."""
    applies = {"principalTypes": ["IamEntity", "OAuthUser"], "resourceTypes": ["Gateway"]}
    identified = {"shape": {"type": "Record", "attributes": {"id": {"type": "String"}}}}
    return {
        "AgentCore": {
            "entityTypes": {"IamEntity": identified, "OAuthUser": identified, "Gateway": {}},
            "actions": {f"mcp___{name}": {"appliesTo": applies} for name in tools},
        }
    }


NAMES = st.from_regex(r"[a-c+=,.@_-]{1,4}", fullmatch=True)
CALLERS = st.tuples(st.sampled_from(["role", "user"]), st.sampled_from(ACCOUNTS), NAMES)
PATTERNS = st.tuples(
    st.sampled_from(["role", "user"]),
    st.sampled_from([*ACCOUNTS, "*"]),
    st.from_regex(r"[a-c+=,.@_*-]{1,4}", fullmatch=True),
)
# Without the apostrophe: in a request, not in a statement, Cedar wants it escaped.
PRINTABLE = st.characters(min_codepoint=32, max_codepoint=126, exclude_characters="'")
TOOLS = st.lists(
    st.builds(tool, st.text(PRINTABLE, min_size=1, max_size=6), st.booleans()),
    max_size=4,
    unique_by=lambda one: one.name,
)


@st.composite
def configurations(draw: st.DrawFn) -> tuple[Catalogue, list[Grant], list[tuple[str, str, str]]]:
    catalogue = Catalogue.of(draw(TOOLS))
    seen = draw(st.lists(CALLERS, min_size=1, max_size=4))
    known = st.one_of(st.sampled_from(seen), PATTERNS).map(lambda one: f"arn:aws:iam::{one[1]}:{one[0]}/{one[2]}")
    principals = st.one_of(known, st.just("*"), st.sampled_from(ACCOUNTS).map(lambda one: f"arn:aws:iam::{one}:root"))
    names = st.lists(
        st.sampled_from(["*", *(name for name in catalogue.names if name != "*")]), min_size=1, unique=True
    )
    grants = draw(st.lists(st.builds(Grant, principals, names.map(tuple)), max_size=5))
    return catalogue, grants, seen


def means(principal: str, caller: tuple[str, str, str]) -> bool:
    kind, account, name = caller
    wanted = re.escape(f"arn:aws:iam::{account}:*" if principal.endswith(":root") else principal).replace(r"\*", ".*")
    return bool(re.fullmatch(wanted, f"arn:aws:iam::{account}:{kind}/{name}")) and (
        not principal.endswith(":root") or f"::{account}:" in principal
    )


def allowed(grants: Sequence[Grant], caller: tuple[str, str, str], called: Tool) -> bool:
    """The model: a grant for the caller names the tool, or gives every tool and the tool does not say it destroys."""
    ours = [grant for grant in grants if means(grant.principal, caller)]
    return any(called.name in one.tools or ("*" in one.tools and not called.annotated_destructive) for one in ours)


def seen_by_engine(caller: tuple[str, str, str]) -> str:
    kind, account, name = caller
    return f"arn:aws:sts::{account}:assumed-role/{name}" if kind == "role" else f"arn:aws:iam::{account}:user/{name}"


@given(configurations())
def test_cedar_decides_every_call_as_the_configuration_says(
    configuration: tuple[Catalogue, list[Grant], list[tuple[str, str, str]]],
) -> None:
    catalogue, grants, seen = configuration
    made = statements(grants, catalogue, "mcp")
    expected = [allowed(grants, caller, one) for caller in seen for one in catalogue.tools]
    assert decisions(made, [seen_by_engine(caller) for caller in seen], catalogue.names) == expected
    for statement in made:
        assert len(statement.encode()) <= STATEMENT_BYTES
        checked = cedarpy.validate_policies(statement.replace(cedar.GATEWAY, GATEWAY), schema(catalogue.names))
        assert checked.validation_passed, [found.error for found in checked.errors]


@given(st.text(), st.text())
def test_any_text_survives_as_a_literal_and_only_asterisks_match_more(text: str, other: str) -> None:
    policy = "permit(principal, action, resource) when {{ context.text {} }};"
    nobody = {"principal": 'U::"u"', "action": 'Action::"a"', "resource": 'R::"r"'}

    def holds(condition: str, value: str) -> bool:
        answer = cedarpy.is_authorized({**nobody, "context": {"text": value}}, policy.format(condition), [])
        assert not answer.diagnostics.errors
        return answer.allowed

    assert holds(f"== {cedar.string(text)}", text)
    assert holds(f"== {cedar.string(text)}", other) == (text == other)
    wanted = re.compile(".*".join(map(re.escape, text.split("*"))), re.DOTALL)
    for value in (text, other, text.replace("*", other)):
        assert holds(f"like {cedar.pattern(text)}", value) == bool(wanted.fullmatch(value))


def test_a_destructive_tool_is_granted_by_name_alone() -> None:
    catalogue = Catalogue.of([tool("read"), tool("wipe", destructive=True)])
    agents = ["arn:aws:iam::111122223333:role/agent", "arn:aws:iam::111122223333:role/operator"]
    made = statements([Grant(agents[0], ("*",)), Grant(agents[1], ("*", "wipe"))], catalogue, "mcp")
    assert decisions(made, [callers(one) for one in agents], ["read", "wipe"]) == [True, False, True, True]
    assert decisions([], [callers(one) for one in agents], ["read", "wipe"]) == [False] * 4


def test_principals_with_the_same_tools_share_a_statement_until_it_is_full() -> None:
    catalogue = Catalogue.of([tool("read"), tool("write")])
    agents = [f"arn:aws:iam::111122223333:role/agent-{number}" for number in range(150)]
    made = statements([Grant(agent, ("*",)) for agent in agents], catalogue, "mcp")
    assert len(made) == 3
    assert all(len(statement.encode()) <= STATEMENT_BYTES for statement in made)
    ids = [callers(agent) for agent in agents]
    assert decisions(made, [*ids, "arn:aws:sts::111122223333:assumed-role/agent-150"], ["read"]) == [True] * 150 + [
        False
    ]


def test_many_tools_of_one_principal_are_spread_over_statements() -> None:
    catalogue = Catalogue.of([tool(f"tool_with_quite_a_long_name_{number}") for number in range(120)])
    made = statements([Grant("arn:aws:iam::111122223333:role/agent", ("*",))], catalogue, "mcp")
    assert all(len(statement.encode()) <= STATEMENT_BYTES for statement in made)
    assert all(decisions(made, ["arn:aws:sts::111122223333:assumed-role/agent"], catalogue.names))


@pytest.mark.parametrize(
    ("principal", "seen"),
    [
        ("arn:aws:iam::111122223333:role/agent", "arn:aws:sts::111122223333:assumed-role/agent"),
        ("arn:aws:iam::111122223333:role/team/a/agent", "arn:aws:sts::111122223333:assumed-role/agent"),
        ("arn:aws-us-gov:iam::111122223333:role/agent-*", "arn:aws-us-gov:sts::111122223333:assumed-role/agent-*"),
        ("arn:aws:iam::*:role/agent", "arn:aws:sts::*:assumed-role/agent"),
        ("arn:aws:sts::111122223333:assumed-role/agent", "arn:aws:sts::111122223333:assumed-role/agent"),
        ("arn:aws:iam::111122223333:user/team/ann", "arn:aws:iam::111122223333:user/team/ann"),
        ("arn:aws:iam::111122223333:root", "arn:aws:*::111122223333:*"),
        ("*", "*"),
    ],
)
def test_principals_are_told_as_the_engine_sees_their_callers(principal: str, seen: str) -> None:
    assert callers(principal) == seen


@pytest.mark.parametrize(
    ("principal", "reason"),
    [
        ("agent", "must be the ARN"),
        ("", "must be the ARN"),
        ("arn:aws:iam::1111:role/agent", "must be the ARN"),
        ('arn:aws:iam::111122223333:role/a" || true', "must be the ARN"),
        ("arn:aws:iam::111122223333:role/team/*", "does not see; give the role's name"),
        ("arn:aws:iam::111122223333:role/*/agent", "does not see; give the role's name"),
        ("arn:aws:sts::111122223333:assumed-role/agent/session", "names a session"),
        ("arn:aws:iam::111122223333:role/" + "a" * 1024, "longer than any ARN"),
    ],
)
def test_what_no_principal_is_is_refused(principal: str, reason: str) -> None:
    with pytest.raises(UnfitGrantError, match=re.escape(reason)):
        callers(principal)


def test_an_unknown_tool_is_refused_with_the_nearest() -> None:
    catalogue = Catalogue.of([tool("get_order"), tool("get_orders"), tool("ping")])
    with pytest.raises(UnfitGrantError, match="names no tool of the server; nearest are get_order, get_orders"):
        granted(["get_oder"], catalogue)
    with pytest.raises(UnfitGrantError, match="it has no tool"):
        granted(["x"], Catalogue(()))
