"""Name resolution: the records are followed one by one, and a name that leads nowhere says where it ended."""

from collections.abc import Iterable
from dataclasses import dataclass

import pytest

from emulator.data_plane.names import Endpoint, NameNotFound, Record, Resolver

BALANCER = "lb-1.us-east-1.elb.amazonaws.com"
INTERNAL = "internal-lb-3.us-east-1.elb.amazonaws.com"


@dataclass(frozen=True)
class Zone:
    """An emulated DNS with one load balancer and one of AWS's own names."""

    known: tuple[Record, ...] = ()

    def records(self) -> Iterable[Record]:
        """Return the records."""
        return self.known

    def load_balancer(self, dns_name: str) -> Endpoint | None:
        """Know one load balancer of each scheme."""
        if dns_name == INTERNAL:
            return Endpoint("127.0.0.1", 7443, 7080, "10.0.48.10", INTERNAL)
        return Endpoint("127.0.0.1", 8443, 8080) if dns_name == BALANCER else None

    def service(self, name: str) -> Endpoint | None:
        """Know Cognito in one Region."""
        return Endpoint("127.0.0.1", 9443) if name == "cognito-idp.us-east-1.amazonaws.com" else None


@pytest.mark.parametrize(
    ("records", "steps"),
    [
        ((Record("mcp.example.com", "A", alias=BALANCER + "."),), 2),
        ((Record("mcp.example.com", "A", alias="dualstack." + BALANCER),), 2),
        ((Record("mcp.example.com", "CNAME", values=("lb.example.com.",)), Record("lb.example.com", "A", BALANCER)), 3),
        ((Record("\\052.example.com", "A", alias=BALANCER),), 2),
    ],
)
def test_records_lead_to_the_load_balancer(records: tuple[Record, ...], steps: int) -> None:
    found = Resolver(Zone(records)).resolve("MCP.example.com.")

    assert found.as_json() | {"chain": []} == {
        "name": "mcp.example.com",
        "address": "127.0.0.1",
        "port": 8443,
        "http_port": 8080,
        "private": False,
        "chain": [],
    }
    assert len(found.chain) == steps


def test_internal_load_balancer_shows_outside_its_private_address_alone() -> None:
    record = Record("mcp.example.com", "A", alias=INTERNAL)
    outside = Resolver(Zone((record,))).resolve("mcp.example.com")
    inside = Resolver(Zone((record,))).resolve("mcp.example.com", inside=True)

    assert (outside.endpoint.address, outside.endpoint.port, outside.endpoint.http_port) == ("10.0.48.10", None, None)
    assert outside.as_json()["private"] is True
    assert outside.chain[-1].endswith("10.0.48.10, which its VPC alone reaches")
    assert (inside.endpoint.address, inside.endpoint.port) == ("127.0.0.1", 7443)


def test_aws_names_need_no_record() -> None:
    assert Resolver(Zone()).resolve("cognito-idp.us-east-1.amazonaws.com").endpoint == Endpoint("127.0.0.1", 9443)


@pytest.mark.parametrize(
    ("records", "reason"),
    [
        ((), "no hosted zone has a record"),
        ((Record("mcp.example.com", "A", alias="lb-2.us-east-1.elb.amazonaws.com"),), "data plane is not started"),
        ((Record("mcp.example.com", "CNAME", values=("mcp.example.com",)),), "form a loop"),
        ((Record("example.com", "A", alias=BALANCER),), "no hosted zone has a record"),
        ((Record("mcp.example.com", "TXT", values=("text",)),), "no hosted zone has a record"),
    ],
)
def test_a_name_that_leads_nowhere_says_why(records: tuple[Record, ...], reason: str) -> None:
    with pytest.raises(NameNotFound, match=reason):
        Resolver(Zone(records)).resolve("mcp.example.com")
