"""What took how long in a deployment, from the resource events that it saw; kept, so that the next can be estimated."""

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from botocore.exceptions import ClientError

from deployer.durations import key_of
from deployer.events import Event, Reporter, ResourceEvent
from deployer.stacks import NESTED

SHOWN: Final = 10
"""So many of the slowest resources are told."""
KEPT: Final = 1000
"""So many durations are kept, the newest: a runtime has some hundred resources, each made and updated."""
PREFIX: Final = "timelines"
SLACK: Final = 1.0
"""So many seconds may a resource seem to begin before what it waited for was done."""
Waits = Callable[[str, str], bool]
REPLACING: Final = "requires the creation of a new physical resource"
"""Part of what CloudFormation says of an update that replaces."""
_BEGUN: Final = ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS")
_ENDED: Final = ("CREATE_COMPLETE", "UPDATE_COMPLETE")


@dataclass(frozen=True)
class Span:
    """One resource that was made or updated: where, and from when to when in seconds since 1970."""

    path: tuple[str, ...]
    logical_id: str
    resource_type: str
    action: str
    start: float
    end: float

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.end - self.start

    @property
    def where(self) -> str:
        """The resource with the target and the stacks that hold it."""
        return "/".join((*self.path, self.logical_id))


@dataclass
class Recorder:
    """A reporter that passes everything on and notes when the resources of targets began and were done."""

    reporter: Reporter
    spans: list[Span] = field(default_factory=list)
    _open: dict[tuple[str, ...], tuple[str, float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def emit(self, event: Event) -> None:
        """Passes the event on."""
        # The root stacks' own events, and what is not a target's, have no account/Region before them.
        if isinstance(event, ResourceEvent) and event.path and "/" in event.path[0] and event.resource_type != NESTED:
            with self._lock:
                self._take(event)
        self.reporter.emit(event)

    def _take(self, event: ResourceEvent) -> None:
        key = (*event.path, event.logical_id)
        if event.status in _BEGUN:
            # A resource says more than once that it has begun: once it is asked for, and once it has an id.
            status, start = self._open.get(key, (event.status, event.moment))
            made_anew = REPLACING in event.reason
            self._open[key] = (_BEGUN[0] if made_anew else status, start)
        elif event.status in _ENDED and key in self._open:
            begun, start = self._open.pop(key)
            action = "add" if begun.startswith("CREATE") else "update"
            self.spans.append(Span(event.path, event.logical_id, event.resource_type, action, start, event.moment))
        elif not event.status.endswith("_IN_PROGRESS"):
            self._open.pop(key, None)


def critical(spans: Sequence[Span], waits: Waits) -> tuple[Span, ...]:
    """Returns the chain of one target's resources that decided how long it took, in their order.

    It is read back from the last that was done: before each stands, of those that it waits for, the one that was done
    last. `waits` says whether the first of two logical ids waits for the second.
    """
    chain: list[Span] = []
    candidates = list(spans)
    while candidates:
        chain.append(max(candidates, key=lambda span: (span.end, span.seconds)))
        begun = chain[-1]
        candidates = [
            span for span in spans if span.end <= begun.start + SLACK and waits(begun.logical_id, span.logical_id)
        ]
    return tuple(reversed(chain))


@dataclass(frozen=True)
class Timeline:
    """The slowest target's spans: the whole of it in seconds, the longest path, and the slowest beside that."""

    target: str
    seconds: float
    path: tuple[Span, ...]
    others: tuple[Span, ...]
    count: int

    def as_data(self) -> dict[str, Any]:
        """Returns it as plain data, bounded as the table is."""
        return {
            "target": self.target,
            "seconds": round(self.seconds, 1),
            "resources": self.count,
            "path": [_plain(span, self.start) for span in self.path],
            "slowest_beside": [_plain(span, self.start) for span in self.others],
        }

    @property
    def start(self) -> float:
        """When its first resource began, in seconds since 1970."""
        return min((span.start for span in (*self.path, *self.others)), default=0.0)


def _plain(span: Span, start: float) -> dict[str, Any]:
    return {
        "resource": span.where,
        "type": span.resource_type,
        "action": span.action,
        "began": round(span.start - start, 1),
        "seconds": round(span.seconds, 1),
    }


def timeline(spans: Sequence[Span], waits: Waits) -> Timeline | None:
    """Returns what decided how long the slowest of the targets took that were followed; None where none was.

    `waits` says whether the first of two logical ids waits for the second.
    """
    by_target: dict[str, list[Span]] = {}
    for span in spans:
        by_target.setdefault(span.path[0], []).append(span)
    if not by_target:
        return None
    lasted = {name: max(s.end for s in found) - min(s.start for s in found) for name, found in by_target.items()}
    slowest = max(sorted(lasted), key=lambda name: lasted[name])
    found = by_target[slowest]
    path = critical(found, waits)
    beside = sorted((span for span in found if span not in path), key=lambda span: -span.seconds)
    return Timeline(slowest, lasted[slowest], path[-SHOWN:], tuple(beside[:SHOWN]), len(found))


@dataclass(frozen=True)
class Timelines:
    """The durations of a stack set's former deployments, one object in the artifact bucket."""

    s3: Any
    bucket: str
    owner: str
    stack_set: str

    def read(self) -> dict[str, float]:
        """Returns seconds by `key_of`; nothing where there is no record, or none that can be read."""
        try:
            answer = self.s3.get_object(Bucket=self.bucket, Key=self._key, ExpectedBucketOwner=self.owner)
            found = json.loads(answer["Body"].read())
            return {str(key): float(value) for key, value in found["seconds"].items()}
        except (ClientError, ValueError, KeyError, TypeError, AttributeError):
            return {}

    def keep(self, spans: Sequence[Span]) -> None:
        """Adds what a deployment took to the record, the slowest of the targets for each resource."""
        fresh: dict[str, float] = {}
        for span in spans:
            key = key_of(span.action, span.resource_type, span.logical_id)
            fresh[key] = max(fresh.get(key, 0.0), round(span.seconds, 1))
        if not fresh:
            return
        before: Mapping[str, float] = {key: value for key, value in self.read().items() if key not in fresh}
        newest = dict(list({**before, **fresh}.items())[-KEPT:])
        self.s3.put_object(
            Bucket=self.bucket,
            Key=self._key,
            Body=json.dumps({"seconds": newest}).encode(),
            ContentType="application/json",
            ExpectedBucketOwner=self.owner,
        )

    @property
    def _key(self) -> str:
        return f"{PREFIX}/{self.stack_set}.json"
