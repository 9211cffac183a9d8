"""Limits commands to a share of one processor by a control group of Linux, versions 1 and 2."""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

PERIOD_MICROSECONDS = 100_000
"""The kernel's own default."""

_TREE = Path("/sys/fs/cgroup")


class NoShare(Exception):
    """Processes cannot be limited here; the message says why."""


@contextmanager
def limited(share: float | None) -> Iterator[Sequence[str]]:
    """Yields what to put before a command so that it and its children together get `share` of one processor.

    Nothing where `share` is None. Raises NoShare without a writable control group.
    """
    if share is None:
        yield ()
        return
    quota = round(share * PERIOD_MICROSECONDS)
    first = (_TREE / "cpu" / "cpu.cfs_quota_us").exists()
    group = (_TREE / "cpu" if first else _TREE) / f"startup-benchmark-{os.getpid()}"
    try:
        group.mkdir()
        if first:
            (group / "cpu.cfs_period_us").write_text(str(PERIOD_MICROSECONDS))
            (group / "cpu.cfs_quota_us").write_text(str(quota))
        else:
            (group / "cpu.max").write_text(f"{quota} {PERIOD_MICROSECONDS}")
    except OSError as error:
        raise NoShare(f"A share of a processor takes a control group that can be written: {error}.") from error
    try:
        yield ("/bin/sh", "-c", f'echo $$ > {group}/cgroup.procs && exec "$@"', "limited")
    finally:
        _remove(group)


def _remove(group: Path) -> None:
    for _ in range(50):
        # Processes that were just killed leave it a moment later.
        with suppress(OSError):
            group.rmdir()
            return
        time.sleep(0.1)
