"""How many calls to AWS the stack set takes, counted at the wire: by what changes, for 1, 10, 100 and 500 targets.

Usage: `python benchmarks/growth.py [--targets N ...]`. The template has one resource; planning, applying and reading
back are the project's own (`deployer/stack_set_plan.py`, `deployer/stack_sets.py`); AWS is this machine's emulator.
While an operation runs, it is looked at again and again: as many looks as it takes count as one, since their number
tells of the operation's length only. Prints a Markdown table: all calls, and in brackets those that change something.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from deployer.stack_set_plan import Overrides, Target  # noqa: E402  # the project is not installed
from tests.emulator.running_emulator import RunningEmulator, interpreter  # noqa: E402  # as above
from tests.end_to_end.fleet import Fleet, admit, prepare  # noqa: E402  # as above
from tests.faults.calls import Call  # noqa: E402  # as above
from tests.faults.wire import Wire  # noqa: E402  # as above

REGIONS = ("us-east-1", "us-west-2", "eu-west-1", "ap-southeast-2", "ap-northeast-1")
OWN: Overrides = (("Label", "own"),)
LOOK = "DescribeStackSetOperation"


def places(count: int) -> list[Target]:
    """Returns so many targets: five Regions of each account, from ten targets on."""
    regions = REGIONS if count >= 10 else REGIONS[:1]
    first = 200_000_000_000 + 1000 * count  # of no other fleet's
    accounts = [str(first + number) for number in range(-(-count // len(regions)))]
    return [(account, region) for account in accounts for region in regions][:count]


def without_repeated_looks(calls: Iterable[Call]) -> list[Call]:
    """Returns the calls with the last look at each operation alone: what begins with a look, up to the next one."""
    kept: list[Call] = []
    look: int | None = None
    for call in calls:
        if call.writes:
            look = None
        elif call.operation == LOOK:
            if look is not None:
                del kept[look:]
            look = len(kept)
        kept.append(call)
    return kept


def changes(fleet: Fleet, targets: Sequence[Target]) -> Iterator[tuple[str, Mapping[Target, Overrides]]]:
    """Yields each change: its name and the targets that the fleet should then have."""
    plain: dict[Target, Overrides] = dict.fromkeys(targets, ())
    yield "first deploy", plain
    yield "no change", plain
    fleet.version(2)
    yield "another template", plain
    fleet.share(Other="shared")
    yield "another shared parameter", plain
    one = {**plain, targets[0]: OWN}
    yield "overrides of one target", one
    half = {**plain, **dict.fromkeys(targets[: -(-len(targets) // 2)], OWN)}
    yield "overrides of half of the targets", half
    yield "removal of half of the targets", dict(list(half.items())[len(half) // 2 :])


def counted(emulator: RunningEmulator, count: int) -> Iterator[tuple[str, list[Call]]]:
    """Yields each change's name and its calls, for a fleet of so many targets."""
    fleet = Fleet(emulator, f"fleet-{count}")
    targets = places(count)
    for account in sorted({account for account, _ in targets}):
        admit(emulator, account)
    for name, wanted in changes(fleet, targets):
        with _wire(emulator) as (wire, through):
            behind = replace(fleet, emulator=through)
            behind.wanted = fleet.wanted
            behind.converge(wanted)
            found = behind.instances()
        reached = {target: instance.overrides for target, instance in found.items()}
        if reached != wanted or not all(instance.current for instance in found.values()):
            raise RuntimeError(f"{name} with {count} targets left something else than was wanted")
        yield name, without_repeated_looks(wire.sequence.calls)


@contextmanager
def _wire(emulator: RunningEmulator) -> Iterator[tuple[Wire, RunningEmulator]]:
    port = int(emulator.endpoint.rpartition(":")[2])
    with Wire(port, lambda: 0) as wire:
        yield wire, replace(emulator, described={**emulator.described, "endpoint": wire.url})


@contextmanager
def running() -> Iterator[RunningEmulator]:
    """Yields an emulator with what a fleet needs."""
    with tempfile.TemporaryDirectory() as folder:
        emulator = RunningEmulator(Path(folder), interpreter("emulator"), interpreter("server"))
        emulator.start()
        try:
            prepare(emulator)
            yield emulator
        finally:
            emulator.stop()


def say(line: str) -> None:
    """Prints a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    """Counts and prints; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--targets", type=int, nargs="+", default=[1, 10, 100, 500], help="sizes of the fleet")
    given = parser.parse_args()
    rows: dict[str, list[str]] = {}
    with running() as emulator:
        for count in given.targets:
            for name, calls in counted(emulator, count):
                told = f"{len(calls)} ({sum(call.writes for call in calls)})"
                rows.setdefault(name, []).append(told)
    say("| change | " + " | ".join(f"{count} targets" for count in given.targets) + " |")
    say("|---" * (len(given.targets) + 1) + "|")
    for name, cells in rows.items():
        say(f"| {name} | " + " | ".join(cells) + " |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
