"""Tells when the process's memory is nearly used up, before the kernel ends the task for it.

The limit is the control group's (`memory.max`, version 1: `memory.limit_in_bytes`), which a container runtime sets from
the task definition; what counts against it is the resident memory of this process, since the container runs nothing
else and the page cache can be given back. Without a limit there is nothing to guard.
"""

import gc
import logging
import time
from collections.abc import Callable
from pathlib import Path

_logger = logging.getLogger("server.memory")
_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
_PAGE_BYTES = 4096
_NO_LIMIT_BYTES = 2**60
LOOK_SECONDS = 0.5
"""How old a look at the memory may be."""


class MemoryGuard:
    """Looks at the process's resident memory, at most every `LOOK_SECONDS`."""

    def __init__(
        self,
        limit_bytes: int | None,
        share: float,
        resident: Callable[[], int],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the limit (None: there is none), the share of it from which on memory is short, and how to look."""
        self._most = None if limit_bytes is None else int(limit_bytes * share)
        self._resident = resident
        self._clock = clock
        self._looked = float("-inf")
        self._short = False

    def is_short(self) -> bool:
        """Return whether more of the limit is in use than the share."""
        if self._most is None:
            return False
        now = self._clock()
        if now - self._looked >= LOOK_SECONDS:
            self._looked = now
            self._look(self._most)
        return self._short

    def _look(self, most: int) -> None:
        used = self._resident()
        if used > most:
            gc.collect()
            used = self._resident()
        short = used > most
        if short != self._short:
            level = logging.ERROR if short else logging.INFO
            state = "short: new calls are refused" if short else "enough again"
            _logger.log(level, "memory is %s", state, extra={"resident_bytes": used, "bound_bytes": most})
        self._short = short


def memory_limit() -> int | None:
    """Return the memory limit of this container in bytes, None where there is none."""
    for path in _LIMITS:
        try:
            text = path.read_text(encoding="ascii").strip()
        except OSError:
            continue
        if text.isdecimal() and int(text) < _NO_LIMIT_BYTES:
            return int(text)
    return None


def resident_bytes() -> int:
    """Return the resident memory of this process in bytes (Linux: ``/proc/self/statm``), 0 where nobody tells."""
    try:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * _PAGE_BYTES
    except OSError:
        return 0
