"""Names: what each host name means on this machine, followed record by record as a resolver would."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

_LONGEST_CHAIN = 10


class NameNotFound(LookupError):
    """No record of the emulated DNS answers for this name; its message says where the chain ended.

    `chain` holds the records that were followed: where there are any, the name is right and what it leads to is not
    served on this machine.
    """

    def __init__(self, message: str, chain: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.chain = tuple(chain)


@dataclass(frozen=True)
class Record:
    """One Route 53 record set: ``name`` without the final dot, its alias target or its values."""

    name: str
    kind: str
    alias: str = ""
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class Endpoint:
    """Where a service listens on this machine: ports of ``address`` for https and http, None when it has none.

    ``private`` is the address of an internal load balancer in its VPC, which alone it shows outside; ``balancer`` the
    DNS name of a load balancer; ``is_host`` says that a record names the address itself, reached at any port.
    """

    address: str
    port: int | None
    http_port: int | None = None
    private: str = ""
    balancer: str = ""
    is_host: bool = False

    @property
    def outside(self) -> "Endpoint":
        """Return what of it is reached from outside its VPC: of an internal load balancer no port."""
        return Endpoint(self.private, None, None, self.private, self.balancer) if self.private else self


@dataclass(frozen=True)
class Resolution:
    """The answer for one name; ``chain`` tells each step in words."""

    name: str
    endpoint: Endpoint
    chain: tuple[str, ...]

    def as_json(self) -> dict[str, object]:
        """Return the body of ``/_emulator/resolve``."""
        return {
            "name": self.name,
            "address": self.endpoint.address,
            "port": self.endpoint.port,
            "http_port": self.endpoint.http_port,
            "private": bool(self.endpoint.private),
            "chain": list(self.chain),
        }


class Directory(Protocol):
    """What the resolver asks of the emulated account and of the data plane."""

    def records(self) -> Iterable[Record]:
        """Return every record of every hosted zone."""

    def load_balancer(self, dns_name: str) -> Endpoint | None:
        """Return where the load balancer of this DNS name (lower case) listens here, None when it does not."""

    def service(self, name: str) -> Endpoint | None:
        """Return where one of AWS's own host names is served here, None when it is not one of them."""


class Resolver:
    """Follows Route 53 aliases and CNAMEs to a load balancer, or recognises a host name of AWS's own."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    def resolve(self, name: str, inside: bool = False) -> Resolution:
        """Return where ``name`` is served, for callers outside VPCs unless ``inside``: the name of an internal load
        balancer resolves everywhere, but to addresses that its VPC alone reaches (Elastic Load Balancing API reference,
        CreateLoadBalancer, Scheme). Raises NameNotFound when no record leads anywhere.
        """
        asked = name.rstrip(".").lower()
        records = {(record.name.lower(), record.kind): record for record in self._directory.records()}
        current = asked
        chain: list[str] = []
        for _ in range(_LONGEST_CHAIN):
            endpoint = self._directory.load_balancer(current) or self._directory.service(current)
            if endpoint and endpoint.private and not inside:
                step = f"{current} → {endpoint.private}, which its VPC alone reaches"
                return Resolution(asked, endpoint.outside, (*chain, step))
            if endpoint:
                ports = ", ".join(str(port) for port in (endpoint.port, endpoint.http_port) if port)
                return Resolution(asked, endpoint, (*chain, f"{current} → {endpoint.address} port {ports}"))
            following_step = _next_step(records, current)
            if following_step is None:
                raise NameNotFound(f"{asked} does not resolve: {_where(chain, current)}", chain)
            following, described = following_step
            chain.append(described)
            if _is_loopback(following):
                return Resolution(asked, Endpoint(following, 443, 80, is_host=True), tuple(chain))
            current = following
        raise NameNotFound(f"{asked} does not resolve: its records form a loop ({'; '.join(chain)})")


def _next_step(records: Mapping[tuple[str, str], Record], name: str) -> tuple[str, str] | None:
    for candidate in (name, _wildcard(name)):
        for kind in ("A", "AAAA", "CNAME"):
            record = records.get((candidate, kind))
            if record is None:
                continue
            if record.alias:
                target = record.alias.rstrip(".").lower()
                # The console's alias to a load balancer is written with a "dualstack." prefix.
                return target.removeprefix("dualstack."), f"{name} {kind} alias → {target}"
            if record.values:
                target = record.values[0].rstrip(".").lower()
                return target, f"{name} {kind} → {target}"
    return None


def _wildcard(name: str) -> str:
    # Route 53 stores the asterisk as \052 (Route 53 developer guide, "DNS domain name format").
    return "\\052." + name.partition(".")[2]


def _where(chain: Sequence[str], last: str) -> str:
    if chain:
        return f"{'; '.join(chain)}, and nothing serves {last} on this machine (its data plane is not started)"
    return "no hosted zone has a record for it"


def _is_loopback(address: str) -> bool:
    return address.startswith("127.") and address.replace(".", "").isdigit()
