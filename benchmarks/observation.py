"""What observing one tool call costs: ``python -m benchmarks.observation`` with the server's interpreter.

Prints microseconds of one call's facts, audit line and metrics, written to a file that is read by nobody, and of one
publication of the metrics.
"""

import os
import statistics
import sys
import time
from pathlib import Path

from server.json_logs import configure_logging
from server.observation import Observation
from server.request_facts import read_facts
from server.settings import Settings

CALLS = 20_000
ROUNDS = 7
HEADERS = {
    "x-amzn-trace-id": "Root=1-67891233-abcdef012345678912345678",
    "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "x-request-id": "0af7651916cd43dd8448eb211c80319c",
}


def measure() -> tuple[float, float]:
    """Return the median microseconds of a call over the rounds, and those of one publication."""
    observation = Observation(Settings(), [f"tool_{number}" for number in range(20)])
    calls, publications = [], []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        for number in range(CALLS):
            call = observation.begin(f"tool_{number % 20}", read_facts(HEADERS))
            call.end("ok")
        ended = time.perf_counter()
        observation.publish()
        calls.append((ended - started) / CALLS * 1e6)
        publications.append((time.perf_counter() - ended) * 1e6)
    return statistics.median(calls), statistics.median(publications)


def main() -> int:
    """Print the two numbers."""
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        configure_logging("INFO", stream=nowhere)
        call, publication = measure()
    sys.stdout.write(f"{call:.1f} microseconds a call, {publication:.0f} microseconds a publication of 20 tools\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
