"""What meters are made of: the components of a bill, what a resource uses, and questions that several meters ask."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from generator.cost.items import Item
from generator.cost.traffic import DAYS, Amount, Traffic, always
from generator.evaluation import Deployment
from generator.symbols import referenced

NAT: Final = "NAT gateways"
ADDRESSES: Final = "Public IPv4 addresses"
BALANCER: Final = "Load balancer"
TASKS: Final = "Fargate tasks"
ENDPOINTS: Final = "Interface endpoints"
GATEWAY: Final = "AgentCore Gateway"
ISSUER: Final = "Token issuer, secrets"
FIREWALL: Final = "Firewall"
LOGS: Final = "Logs"
MONITORING: Final = "Alarms, metrics, dashboard"
TRANSFER: Final = "Data transfer"
IMAGES: Final = "Container images"

COMPONENTS: Final = (
    *(NAT, TASKS, BALANCER, ADDRESSES, ENDPOINTS, GATEWAY, ISSUER),
    *(FIREWALL, LOGS, MONITORING, TRANSFER, IMAGES),
)
"""The components of a bill, in the order in which it shows them."""

CALLS_AT_A_TIME: Final = 64
"""Calls that one task of the server runs at a time (`MAX_CONCURRENCY` of the server's settings)."""


@dataclass(frozen=True)
class Usage:
    """So much of an item in a month, for a component; `note` says in a few words what it is."""

    component: str
    item: Item
    amount: Amount
    note: str


@dataclass(frozen=True)
class Site:
    """What a meter reads: the deployment under its values, and the traffic."""

    deployment: Deployment
    traffic: Traffic

    def property(self, title: str, name: str) -> Any:
        """Returns a property of a resource."""
        return self.deployment.property(title, name)

    def only(self, kind: str) -> str | None:
        """Returns the one existing resource of a type, None where there is none."""
        return next(iter(self.deployment.existing(kind)), None)


Meter = Callable[[Site, str], Iterable[Usage]]
"""Says what a resource that exists uses in a month; the text is its logical id."""


def tasks(site: Site) -> Amount:
    """Returns how many tasks run: the fewest, as many as the traffic needs, and the most.

    Needed are as many as keep requests per task and minute at the scaling's target, and calls within what a task runs
    at a time; a mean over the day, without peaks.
    """
    target = site.only("AWS::ApplicationAutoScaling::ScalableTarget")
    if target is None:
        return always(1)
    fewest, most = float(site.property(target, "MinCapacity")), float(site.property(target, "MaxCapacity"))
    per_second = site.traffic.requests_per_day / 86_400
    needed = max(per_second * 60 / _requests_target(site), per_second * site.traffic.seconds / CALLS_AT_A_TIME)
    return Amount(fewest, min(max(fewest, math.ceil(needed)), most), max(fewest, most))


def _requests_target(site: Site) -> float:
    for title in site.deployment.existing("AWS::ApplicationAutoScaling::ScalingPolicy"):
        found = site.property(title, "TargetTrackingScalingPolicyConfiguration")
        if found["PredefinedMetricSpecification"]["PredefinedMetricType"] == "ALBRequestCountPerTarget":
            return float(found["TargetValue"])
    return math.inf


def server_logs(site: Site) -> Amount:
    """Returns the gigabytes that the server logs in a month, nothing where there is no service."""
    return site.traffic.gigabytes(site.traffic.log_bytes if site.only("AWS::ECS::Service") else 0)


def log_endpoint(site: Site) -> str | None:
    """Returns the interface endpoint through which logs leave, None where they take the NAT gateway."""
    endpoints = site.deployment.existing("AWS::EC2::VPCEndpoint")
    return next((one for one in endpoints if str(site.property(one, "ServiceName")).endswith(".logs")), None)


def refers(value: Any, title: str) -> bool:
    """Returns whether an evaluated value refers to a resource."""
    return title in referenced(value)


def stored(ingested: Amount, days: float) -> Amount:
    """Returns the gigabytes that lie there once the retention of so many days is full."""
    return ingested.times(days / DAYS)
