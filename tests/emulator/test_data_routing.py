"""Load balancers become the proxy's configuration: rules in order, checks before forwards, nothing added."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from emulator.data_plane.authority import LeafCertificate
from emulator.data_plane.balancers import HealthCheck, LoadBalancer, Target, read_listener, read_target_group
from emulator.data_plane.routing import Surroundings, balancer_configuration

FORWARD = {"Type": "forward", "Order": 2, "TargetGroupArn": "group"}
CHECK = {"Type": "jwt-validation", "Order": 1, "JwtValidationConfig": {"Issuer": "i", "JwksEndpoint": "https://i/keys"}}
NOTHING = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}
TARGETS = (Target("127.0.0.1", 4001), Target("127.0.0.1", 4002))


def configure(
    conditions: list[dict[str, Any]],
    actions: list[dict[str, Any]],
    *,
    protocol: str = "HTTPS",
    targets: Sequence[Target] = TARGETS,
) -> dict[str, Any]:
    """Return the configuration of a balancer with one rule above a default that answers 404."""
    listener = {"ListenerArn": "listener", "Port": 443, "Protocol": protocol, "Certificates": ["a", "b"]}
    rule = {"RuleArn": "rule", "Priority": "7", "Conditions": conditions, "Actions": actions}
    view = read_listener({**listener, "DefaultActions": [NOTHING]}, [rule])
    balancer = LoadBalancer("lb", "lb", "lb.example.com", (view,))
    leaves = {name: LeafCertificate(Path(f"/{name}.pem"), Path(f"/{name}.key")) for name in "ab"}
    surroundings = Surroundings(lambda arn: targets, leaves.get, "http://127.0.0.1:1")
    return balancer_configuration(balancer, surroundings)[0]


def routers(configuration: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the routers, the one that wins first."""
    return sorted(configuration["http"]["routers"].values(), key=lambda router: -router["priority"])


def test_a_rule_outranks_the_default_action() -> None:
    rule, default = routers(configure([{"Field": "path-pattern", "Values": ["/mcp"]}], [FORWARD]))

    assert rule["rule"] == "(PathRegexp(`^/mcp$`))"
    assert default["rule"] == "PathPrefix(`/`)"
    assert default["service"] == "inner"


def test_the_token_check_comes_before_the_forward_and_only_where_it_is_asked() -> None:
    guarded = configure([], [FORWARD, CHECK])
    (middleware,) = routers(guarded)[0]["middlewares"]
    assert guarded["http"]["middlewares"][middleware]["forwardAuth"]["address"].startswith("http://127.0.0.1:1/token/")

    assert "middlewares" not in routers(configure([], [FORWARD]))[0]


def test_a_forward_goes_to_the_groups_targets_and_without_any_to_a_503() -> None:
    configuration = configure([], [FORWARD])
    service = routers(configuration)[0]["service"]
    servers = configuration["http"]["services"][service]["loadBalancer"]["servers"]
    assert servers == [{"url": "http://127.0.0.1:4001"}, {"url": "http://127.0.0.1:4002"}]

    assert routers(configure([], [FORWARD], targets=()))[0]["service"] == "inner"


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        ({"Field": "host-header", "Values": ["*.example.com"]}, "HostRegexp(`(?i)^.*\\.example\\.com$`)"),
        ({"Field": "host-header", "HostHeaderConfig": {"Values": ["a.b"]}}, "HostRegexp(`(?i)^a\\.b$`)"),
        (
            {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/a?", "/b`"]}},
            "PathRegexp(`^/a.$`) || PathRegexp(`^/b\\x60$`)",
        ),
        ({"Field": "http-request-method", "Values": ["POST"]}, "Method(`POST`)"),
        ({"Field": "source-ip", "Values": ["10.0.0.0/8"]}, "ClientIP(`10.0.0.0/8`)"),
        (
            {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-A", "Values": ["v*"]}},
            "HeaderRegexp(`X-A`, `(?i)^v.*$`)",
        ),
        (
            {"Field": "query-string", "QueryStringConfig": {"Values": [{"Key": "k", "Value": "v"}]}},
            "QueryRegexp(`k`, `(?i)^v$`)",
        ),
    ],
)
def test_conditions_keep_their_meaning(condition: dict[str, Any], text: str) -> None:
    assert routers(configure([condition], [FORWARD]))[0]["rule"] == f"({text})"


def test_all_conditions_must_hold() -> None:
    both = [{"Field": "host-header", "Values": ["a"]}, {"Field": "path-pattern", "Values": ["/b"]}]

    assert " && " in routers(configure(both, [FORWARD]))[0]["rule"]


def test_a_rule_for_loopback_sources_matches_nobody() -> None:
    (only,) = routers(configure([{"Field": "source-ip", "Values": ["127.0.0.1/32"]}], [FORWARD]))

    assert only["service"] == "inner"


def test_an_unknown_condition_is_refused() -> None:
    with pytest.raises(ValueError, match="'moon-phase' is not emulated"):
        configure([{"Field": "moon-phase", "Values": ["full"]}], [FORWARD])


def test_the_listeners_first_certificate_answers_for_every_name() -> None:
    tls = configure([], [FORWARD])["tls"]

    assert tls["stores"]["default"]["defaultCertificate"]["certFile"] == "/a.pem"
    assert [item["certFile"] for item in tls["certificates"]] == ["/a.pem", "/b.pem"]
    assert "tls" not in routers(configure([], [FORWARD], protocol="HTTP"))[0]


def test_a_target_group_is_read_with_the_defaults_of_elastic_load_balancing() -> None:
    group = read_target_group({"TargetGroupArn": "group", "Port": 80}, [{"Id": "10.0.0.1"}, {"Id": "b", "Port": 9}])

    assert group.check == HealthCheck(True, "/", "traffic-port", 30, 5, 5, 2, "200")
    assert group.targets == (Target("10.0.0.1", 80), Target("b", 9))


@pytest.mark.parametrize(
    ("matcher", "status", "accepted"),
    [("200", 200, True), ("200", 204, False), ("200,302", 302, True), ("200-299", 250, True), ("200-299", 300, False)],
)
def test_the_matcher_decides_which_status_is_healthy(matcher: str, status: int, accepted: bool) -> None:
    assert HealthCheck(matcher=matcher).accepts(status) is accepted
