"""A gateway's rate limits, counted as the AgentCore developer guide says ("Rate limit enforcement").

All limits must let a request pass; of a limit's entries the most specific one counts, found by putting ``*`` for the
dimensions from the last to the first; a request without a limit's dimension passes (limits fail open). The guide
does not say how time is cut: here a period is the running second or minute of the clock.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

_SECONDS = {"second": 1.0, "minute": 60.0}
_ANY = "*"


class RateLimits:
    """Counts the requests of every gateway; ``clock`` gives seconds. Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._counts: dict[tuple[str, ...], tuple[int, int]] = {}
        self._lock = threading.Lock()

    def exceeded(self, gateway_id: str, limits: Iterable[Mapping[str, Any]], values: Mapping[str, str]) -> str:
        """Count one request whose dimensions have ``values``; return the id of a limit that it exceeds, or nothing."""
        with self._lock:
            for limit in limits:
                keys = [str(key) for key in limit["dimensionKeys"]]
                if any(not values.get(key) for key in keys):
                    continue
                found = tuple(values[key] for key in keys)
                entry = _entry(limit["entries"], keys, found)
                for rate in (entry or {}).get("requests") or ():
                    if not self._counted((gateway_id, str(limit["rateLimitId"]), *found), rate):
                        return str(limit["rateLimitId"])
        return ""

    def _counted(self, bucket: tuple[str, ...], rate: Mapping[str, Any]) -> bool:
        period = int(self._clock() // _SECONDS[rate["period"]])
        begun, count = self._counts.get(bucket, (period, 0))
        count = count + 1 if begun == period else 1
        self._counts[bucket] = (period, count)
        return count <= float(rate["rate"])


def _entry(entries: Iterable[Mapping[str, Any]], keys: list[str], values: tuple[str, ...]) -> Mapping[str, Any] | None:
    known = {tuple(entry["dimensions"][key] for key in keys): entry for entry in entries}
    for exact in range(len(keys), -1, -1):
        entry = known.get((*values[:exact], *(_ANY for _ in keys[exact:])))
        if entry is not None:
            return entry
    return None
