"""The whole fuzz run: ``python -m tests.fuzz [--requests N] [--seed FIRST]``. Exits 1 where something must not be."""

import argparse
import sys

from deployer.environments import ensure
from tests.fuzz.campaign import run
from tests.server.server_process import ServerProcess


def main() -> int:
    """Run the campaign and print its counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with ServerProcess(ensure("server"), {}, "tests.fuzz.fixture_server") as server:
        findings = run(server.wait_until_listening(), options.requests, options.seed)
    statuses = ", ".join(f"{status}: {count}" for status, count in sorted(findings.statuses.items()))
    sys.stdout.write(
        f"{findings.requests} requests, {findings.log_lines} log lines, memory grew by {findings.growth_mb:.1f} MB; "
        f"answers by status {statuses}\n"
    )
    for fault in findings.faults:
        sys.stdout.write(f"{fault}\n")
    return 1 if findings.faults else 0


if __name__ == "__main__":
    sys.exit(main())
