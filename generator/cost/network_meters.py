"""What the network's resources use: NAT gateways, addresses, the load balancer, endpoints.

Sources: the pricing pages of Amazon VPC (NAT gateways, public IPv4 addresses, AWS PrivateLink) and of Elastic Load
Balancing. A load balancer capacity unit is 25 new connections a second, 3,000 active ones a minute or 1 GB an hour,
whichever is most.
"""

from collections.abc import Iterator
from typing import Final

from generator.cost import items
from generator.cost.metering import (
    ADDRESSES,
    BALANCER,
    ENDPOINTS,
    NAT,
    TRANSFER,
    Site,
    Usage,
    log_endpoint,
    server_logs,
)
from generator.cost.traffic import HOURS, NOTHING, SECONDS, Amount, always

CONNECTIONS_PER_SECOND: Final = 25
CONNECTIONS_PER_MINUTE: Final = 3_000
NAT_ADDRESSES: Final = "of the NAT gateways"


def nat_gateway(site: Site, title: str) -> Iterator[Usage]:
    """A NAT gateway's hours, and its part of the logs that leave through it."""
    yield Usage(NAT, items.NAT_HOUR, always(HOURS), "hours")
    through = NOTHING if log_endpoint(site) else server_logs(site)
    share = through.times(1 / len(site.deployment.existing("AWS::EC2::NatGateway")))
    yield Usage(NAT, items.NAT_GB, share, "logs on their way out")


def address(site: Site, title: str) -> Iterator[Usage]:
    """The hours of an elastic address."""
    yield Usage(ADDRESSES, items.IPV4_HOUR, always(HOURS), NAT_ADDRESSES)


def load_balancer(site: Site, title: str) -> Iterator[Usage]:
    """A load balancer's hours and capacity units, its addresses, and what it answers across the internet."""
    yield Usage(BALANCER, items.ALB_HOUR, always(HOURS), "hours")
    yield Usage(BALANCER, items.LCU_HOUR, capacity(site), "capacity units")
    if site.property(title, "Scheme") == "internet-facing":
        zones = len(site.property(title, "Subnets"))
        yield Usage(ADDRESSES, items.IPV4_HOUR, always(HOURS * zones), "of the load balancer, one a zone")
        yield Usage(TRANSFER, items.INTERNET_GB, site.traffic.payload, "answers to the gateway, at most")


def capacity(site: Site) -> Amount:
    """Returns the capacity unit hours of a month; each request is counted as a connection of its own."""
    per_second = site.traffic.requests.times(1 / SECONDS)
    active = per_second.times(max(60.0, site.traffic.seconds))
    hourly = site.traffic.payload.times(1 / HOURS)

    def units(connections: float, open_ones: float, gigabytes: float) -> float:
        return HOURS * max(connections / CONNECTIONS_PER_SECOND, open_ones / CONNECTIONS_PER_MINUTE, gigabytes)

    return Amount(
        units(per_second.low, active.low, hourly.low),
        units(per_second.expected, active.expected, hourly.expected),
        units(per_second.high, active.high, hourly.high),
    )


def endpoint(site: Site, title: str) -> Iterator[Usage]:
    """An interface endpoint's hours in each zone, and the logs through that of CloudWatch Logs; others are free."""
    if site.property(title, "VpcEndpointType") != "Interface":
        return
    zones = len(site.property(title, "SubnetIds"))
    yield Usage(ENDPOINTS, items.ENDPOINT_HOUR, always(HOURS * zones), "hours, one a zone and service")
    if log_endpoint(site) == title:
        yield Usage(ENDPOINTS, items.ENDPOINT_GB, server_logs(site), "logs on their way out")
