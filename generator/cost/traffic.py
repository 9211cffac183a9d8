"""The traffic that a monthly cost is computed for, and amounts in three sizes."""

from dataclasses import dataclass
from typing import Final

HOURS: Final = 730.0
"""Hours of a month, as AWS's own pricing pages count it."""
DAYS: Final = HOURS / 24
SECONDS: Final = HOURS * 3600
GIGABYTE: Final = 1024**3
PEAK: Final = 3.0
"""The high case has so many times the traffic."""


@dataclass(frozen=True)
class Amount:
    """A quantity in three cases: `low`, an idle runtime; `expected`, the traffic as assumed; `high`, a busy month."""

    low: float
    expected: float
    high: float

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(self.low + other.low, self.expected + other.expected, self.high + other.high)

    def __sub__(self, other: "Amount") -> "Amount":
        return self + other.times(-1)

    def times(self, factor: float) -> "Amount":
        """Returns every case multiplied by a factor."""
        return Amount(self.low * factor, self.expected * factor, self.high * factor)

    def as_data(self) -> dict[str, float]:
        """Returns the cases by name, rounded to a hundredth of a cent."""
        return {name: round(value, 4) for name, value in vars(self).items()}


def always(value: float) -> Amount:
    """Returns an amount that does not depend on the case."""
    return Amount(value, value, value)


NOTHING: Final = always(0)


@dataclass(frozen=True)
class Traffic:
    """What is assumed of a runtime's use.

    `requests_per_day` are the gateway's requests, tool calls and listings alike, of which `searches_per_day` are
    searches for a tool by its meaning. A request takes `seconds` at the server, `payload_bytes` in both directions
    together, and the server writes `log_bytes` of it. The server has so many `tools`, as at first. The container
    registry keeps `images` of `image_bytes` each, of which `builds_per_month` are built remotely, `build_minutes` each.
    """

    requests_per_day: float = 10_000
    seconds: float = 0.5
    payload_bytes: float = 20_000
    log_bytes: float = 2_000
    searches_per_day: float = 0
    tools: int = 2
    images: int = 10
    image_bytes: float = 100 * 1024**2
    builds_per_month: float = 4
    build_minutes: float = 5

    @property
    def requests(self) -> Amount:
        """Requests of a month."""
        return self._in_a_month(self.requests_per_day)

    @property
    def searches(self) -> Amount:
        """Searches of a month."""
        return self._in_a_month(min(self.searches_per_day, self.requests_per_day))

    @property
    def payload(self) -> Amount:
        """Gigabytes of a month's requests and answers."""
        return self.gigabytes(self.payload_bytes)

    def gigabytes(self, bytes_per_request: float) -> Amount:
        """Returns the gigabytes of a month where every request makes so many bytes."""
        return self.requests.times(bytes_per_request / GIGABYTE)

    def _in_a_month(self, per_day: float) -> Amount:
        return Amount(0, per_day * DAYS, per_day * DAYS * PEAK)
