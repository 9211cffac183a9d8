"""The emulated load balancers as the data plane sees them: typed views of the ELBv2 records, and nothing more."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

DEFAULT_PRIORITY = 100_000


@dataclass(frozen=True)
class Target:
    """One registered target: where its process listens on this machine."""

    address: str
    port: int


@dataclass(frozen=True)
class HealthCheck:
    """A target group's health check; ``interval`` and ``timeout`` in seconds, ``matcher`` as in ``200,202-204``."""

    enabled: bool = True
    path: str = "/"
    port: str = "traffic-port"
    interval: float = 30.0
    timeout: float = 5.0
    healthy_threshold: int = 5
    unhealthy_threshold: int = 2
    matcher: str = "200"

    def accepts(self, status: int) -> bool:
        """Whether an HTTP status satisfies the matcher."""
        for part in self.matcher.split(","):
            low, _, high = part.strip().partition("-")
            if low.isdigit() and int(low) <= status <= int(high if high.isdigit() else low):
                return True
        return False


@dataclass(frozen=True)
class TargetGroup:
    """A target group with its registered targets."""

    arn: str
    check: HealthCheck
    targets: tuple[Target, ...]


@dataclass(frozen=True)
class Condition:
    """One rule condition; ``header`` only for http-header, ``pairs`` only for query-string."""

    field: str
    values: tuple[str, ...]
    header: str = ""
    pairs: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Action:
    """One action in the API's spelling."""

    kind: str
    body: Mapping[str, Any]

    @property
    def target_groups(self) -> tuple[tuple[str, int], ...]:
        """Return the ARNs that a forward action names, each with its weight."""
        groups = (self.body.get("ForwardConfig") or {}).get("TargetGroups") or ()
        if groups:
            return tuple((str(group["TargetGroupArn"]), int(group.get("Weight", 1))) for group in groups)
        arn = self.body.get("TargetGroupArn")
        return ((str(arn), 1),) if arn else ()


@dataclass(frozen=True)
class Rule:
    """A listener rule; the default rule has DEFAULT_PRIORITY and no condition."""

    arn: str
    priority: int
    conditions: tuple[Condition, ...]
    actions: tuple[Action, ...]


@dataclass(frozen=True)
class Listener:
    """A listener with its rules in order of priority, the default rule last."""

    arn: str
    port: int
    protocol: str
    certificates: tuple[str, ...]
    ssl_policy: str
    rules: tuple[Rule, ...]


@dataclass(frozen=True)
class LoadBalancer:
    """A load balancer with its listeners; ``private`` is an internal one's address in its VPC."""

    arn: str
    name: str
    dns_name: str
    listeners: tuple[Listener, ...]
    private: str = ""


def read_target_group(record: Mapping[str, Any], targets: Sequence[Mapping[str, Any]]) -> TargetGroup:
    """Build the view of one target group from its DescribeTargetGroups record and its registered targets."""
    return TargetGroup(
        arn=str(record["TargetGroupArn"]),
        check=HealthCheck(
            enabled=str(record.get("HealthCheckEnabled", True)).lower() == "true",
            path=str(record.get("HealthCheckPath") or "/"),
            port=str(record.get("HealthCheckPort") or "traffic-port"),
            interval=float(record.get("HealthCheckIntervalSeconds") or 30),
            timeout=float(record.get("HealthCheckTimeoutSeconds") or 5),
            healthy_threshold=int(record.get("HealthyThresholdCount") or 5),
            unhealthy_threshold=int(record.get("UnhealthyThresholdCount") or 2),
            matcher=str((record.get("Matcher") or {}).get("HttpCode") or "200"),
        ),
        targets=tuple(
            Target(str(target["Id"]), int(target.get("Port") or record.get("Port") or 80)) for target in targets
        ),
    )


def read_listener(record: Mapping[str, Any], rules: Sequence[Mapping[str, Any]]) -> Listener:
    """Build the view of one listener from its record and those of its rules (the default rule may be among them)."""
    own = [_read_rule(rule) for rule in rules if str(rule.get("Priority")) != "default"]
    default = Rule(str(record["ListenerArn"]), DEFAULT_PRIORITY, (), _read_actions(record.get("DefaultActions")))
    return Listener(
        arn=str(record["ListenerArn"]),
        port=int(record.get("Port") or 80),
        protocol=str(record.get("Protocol") or "HTTP"),
        certificates=tuple(_certificate(item) for item in record.get("Certificates") or ()),
        ssl_policy=str(record.get("SslPolicy") or ""),
        rules=(*sorted(own, key=lambda rule: rule.priority), default),
    )


def _read_rule(record: Mapping[str, Any]) -> Rule:
    return Rule(
        arn=str(record["RuleArn"]),
        priority=int(record["Priority"]),
        conditions=tuple(_read_condition(item) for item in record.get("Conditions") or ()),
        actions=_read_actions(record.get("Actions")),
    )


def _read_condition(record: Mapping[str, Any]) -> Condition:
    field = str(record.get("Field", ""))
    configured: Sequence[Any] = record.get("Values") or ()
    for key, value in record.items():
        if key.endswith("Config") and isinstance(value, Mapping) and value.get("Values"):
            configured = value["Values"]
    pairs = tuple((str(v.get("Key") or ""), str(v.get("Value") or "")) for v in configured if isinstance(v, Mapping))
    return Condition(
        field=field,
        values=tuple(str(value) for value in configured if not isinstance(value, Mapping)),
        header=str((record.get("HttpHeaderConfig") or {}).get("HttpHeaderName") or ""),
        pairs=pairs,
    )


def _read_actions(records: Sequence[Mapping[str, Any]] | None) -> tuple[Action, ...]:
    ordered = sorted(records or (), key=lambda record: int(record.get("Order") or 1))
    return tuple(Action(str(record.get("Type", "")), record) for record in ordered)


def _certificate(item: object) -> str:
    return str(item.get("CertificateArn", "")) if isinstance(item, Mapping) else str(item)
