"""The attack table: what each lock answers to each attack, which lock should be the first to refuse, and by what
evidence. `docs/attack-table.md` is written from it: ``python -m tests.attacks.page``.
"""

from dataclasses import dataclass
from typing import Final

CALLED: Final = "called"
CITED: Final = "cited"
STAND_IN: Final = "stand-in"

GATEWAY: Final = "gateway"
LOAD_BALANCER: Final = "load balancer"
SERVER: Final = "server"
LOCKS: Final = (GATEWAY, LOAD_BALANCER, SERVER)


@dataclass(frozen=True)
class Cell:
    """What one lock answers: an HTTP status, with a JSON-RPC error code where that is the refusal.

    Without a status the lock lets the attack pass; `why` says why. A cell that is called or stand-in is executed.
    """

    status: int | None
    evidence: str
    code: int | None = None
    why: str = ""

    @property
    def text(self) -> str:
        """The cell as the page shows it."""
        code = "" if self.code is None else f" ({self.code})"
        told = f"passes: {self.why}" if self.status is None else f"{self.status}{code}"
        return f"{told}, *{self.evidence}*"


@dataclass(frozen=True)
class Attack:
    """One row: `first` is the lock that should refuse first, `reason` what the server's log calls it."""

    name: str
    first: str
    cells: dict[str, Cell]
    reason: str | None = None


def _token(name: str, reason: str, server_status: int = 401) -> Attack:
    cells = {
        GATEWAY: Cell(403, STAND_IN),
        LOAD_BALANCER: Cell(401, STAND_IN),
        SERVER: Cell(server_status, CALLED),
    }
    return Attack(name, LOAD_BALANCER, cells, reason)


def _signature(name: str) -> Attack:
    cells = {GATEWAY: Cell(403, STAND_IN), LOAD_BALANCER: Cell(401, STAND_IN), SERVER: Cell(401, CALLED)}
    return Attack(name, GATEWAY, cells, "no bearer token")


_BUFFERED: Final = Cell(None, CITED, why="requests up to 6 MB are taken (AgentCore quotas)")
_UNREAD: Final = Cell(None, CITED, why="a load balancer does not read bodies (AWS WAF apart)")


def _request(
    name: str, first: str, server: Cell, reason: str | None, gateway: Cell = _BUFFERED, balancer: Cell = _UNREAD
) -> Attack:
    return Attack(name, first, {GATEWAY: gateway, LOAD_BALANCER: balancer, SERVER: server}, reason)


_OWN_NAME: Final = Cell(None, CITED, why="its host names are AWS's own, told apart by TLS")

TOKEN_ATTACKS: Final = (
    _token("no token", "no token"),
    _token("an expired token", "expired"),
    _token("a token of another issuer", "wrong issuer"),
    _token("a token without the scope", "wrong scope", 403),
    _token("a token of another client", "wrong client"),
    _token("a token with the algorithm none", "algorithm not allowed"),
    _token("a token signed with the public key as HS256", "algorithm not allowed"),
    _token("a token whose claims were changed", "signature not valid (BadSignatureError)"),
)
SIGNATURE_ATTACKS: Final = (
    _signature("a signed body that was changed"),
    _signature("a signature of six minutes ago"),
    _signature("a signature for another service"),
    _signature("a signature for another Region"),
    _signature("an x-amz header that was not signed"),
)
REQUEST_ATTACKS: Final = (
    _request(
        "a foreign host name",
        LOAD_BALANCER,
        Cell(421, CALLED),
        "a foreign host name",
        _OWN_NAME,
        Cell(404, STAND_IN),
    ),
    _request("a body of 5 MiB", SERVER, Cell(413, CALLED), "body too large"),
    _request("arguments nested 100 deep", SERVER, Cell(400, CALLED, -32600), "body nested too deep"),
    _request(
        "10,000 bytes of headers",
        SERVER,
        Cell(431, CALLED),
        "headers too large",
        Cell(None, CITED, why="its limit is not documented"),
        Cell(None, CITED, why="its limits are 16 KB a header and 64 KB in all (Elastic Load Balancing quotas)"),
    ),
    _request("a body that does not arrive", SERVER, Cell(408, CALLED), "body too slow"),
    _request(
        "a body that is not UTF-8", GATEWAY, Cell(400, CALLED, -32700), "body not UTF-8", Cell(400, STAND_IN, -32700)
    ),
    _request("a batch", GATEWAY, Cell(400, CALLED, -32600), "batch", Cell(400, STAND_IN, -32600)),
    _request("an unknown method", GATEWAY, Cell(200, CALLED, -32601), None, Cell(200, STAND_IN, -32601)),
    _request(
        "a resource address that climbs up", GATEWAY, Cell(200, CALLED, -32602), None, Cell(200, STAND_IN, -32601)
    ),
    _request("a tool under a wrong target", GATEWAY, Cell(200, CALLED), None, Cell(200, STAND_IN, -32602)),
    _request(
        "more calls at a time than the bound",
        SERVER,
        Cell(429, CALLED),
        "too many calls at a time",
        Cell(None, CITED, why="its rate limits count requests, not calls that run"),
        Cell(None, CITED, why="it bounds no calls of a target"),
    ),
)
ATTACKS: Final = (*TOKEN_ATTACKS, *SIGNATURE_ATTACKS, *REQUEST_ATTACKS)
