"""A gateway's rate limits are counted as AgentCore's guide says."""

from typing import Any

from emulator.data_plane.rate_limits import RateLimits

PRINCIPAL = "$.context.iam.principal"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def limit(name: str, *keys: str, **rates: float) -> dict[str, Any]:
    """A limit a minute whose entries are given by the values of its keys, `_` standing for any."""
    entries = [
        {
            "dimensions": dict(zip(keys, values.replace("_", "*").split("-"), strict=True)),
            "requests": [{"period": "minute", "rate": rate}],
        }
        for values, rate in rates.items()
    ]
    return {"rateLimitId": name, "dimensionKeys": list(keys), "entries": entries}


def test_each_value_has_a_count_of_its_own_until_the_next_minute() -> None:
    clock = Clock()
    counting, limits = RateLimits(clock), [limit("principals", PRINCIPAL, _=2)]
    answers = [counting.exceeded("g", limits, {PRINCIPAL: who}) for who in ("a", "a", "a", "b")]
    assert answers == ["", "", "principals", ""]
    assert counting.exceeded("other gateway", limits, {PRINCIPAL: "a"}) == ""
    clock.now += 60
    assert counting.exceeded("g", limits, {PRINCIPAL: "a"}) == ""


def test_all_limits_must_let_a_request_pass() -> None:
    counting, limits = RateLimits(Clock()), [limit("principals", PRINCIPAL, _=9), limit("tools", "toolName", _=1)]
    values = {PRINCIPAL: "a", "toolName": "mcp___echo"}
    assert [counting.exceeded("g", limits, values) for _ in range(2)] == ["", "tools"]
    assert counting.exceeded("g", limits, {PRINCIPAL: "a", "toolName": ""}) == ""


def test_the_most_specific_entry_counts() -> None:
    counting, limits = RateLimits(Clock()), [limit("both", "targetName", "toolName", **{"t-x": 0, "t-_": 1, "_-_": 5})]
    for target, tool, passes in (("t", "x", 0), ("t", "y", 1), ("u", "x", 5)):
        values = {"targetName": target, "toolName": tool}
        answers = [counting.exceeded("g", limits, values) for _ in range(passes + 1)]
        assert answers == [""] * passes + ["both"]


def test_what_cannot_be_resolved_passes() -> None:
    counting, limits = RateLimits(Clock()), [limit("principals", PRINCIPAL, _=0), limit("named", "toolName", only=0)]
    assert counting.exceeded("g", limits, {"toolName": "another"}) == ""
