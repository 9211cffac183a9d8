"""The timeline of a deployment: what is noted of the events, the longest path, and what is kept of it."""

import io
import json
from typing import Any

from botocore.exceptions import ClientError

from deployer.durations import key_of
from deployer.events import Event, ResourceEvent, Step
from deployer.timeline import KEPT, Recorder, Span, Timelines, timeline

ROOT = "1/us-east-1"


class Silent:
    """A reporter that counts."""

    def __init__(self) -> None:
        self.heard = 0

    def emit(self, event: Event) -> None:
        """Takes one event."""
        self.heard += 1


class Bucket:
    """What S3 does with one bucket's objects."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def put_object(self, **request: Any) -> None:
        """Keeps an object."""
        self.objects[request["Key"]] = request["Body"]

    def get_object(self, **request: Any) -> dict[str, Any]:
        """Gives an object back."""
        if request["Key"] not in self.objects:
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": ""}}, "GetObject")
        return {"Body": io.BytesIO(self.objects[request["Key"]])}


def event(
    name: str, status: str, moment: float, reason: str = "", path: tuple[str, ...] = (ROOT, "S")
) -> ResourceEvent:
    """Returns an event of a resource."""
    return ResourceEvent(path, name, f"T::{name}", status, reason, moment)


def span(name: str, start: float, end: float, target: str = ROOT) -> Span:
    """Returns a span."""
    return Span((target,), name, f"T::{name}", "add", start, end)


def test_every_resource_has_one_span_from_its_first_word_to_its_last() -> None:
    silent = Silent()
    recorder = Recorder(silent)
    events: list[Event] = [
        Step("Stack set", "started"),
        event("A", "CREATE_IN_PROGRESS", 10),
        event("A", "CREATE_IN_PROGRESS", 12, "Resource creation Initiated"),
        event("B", "UPDATE_IN_PROGRESS", 11),
        event(
            "B", "UPDATE_IN_PROGRESS", 12, "Requested update requires the creation of a new physical resource; hence"
        ),
        event("C", "UPDATE_IN_PROGRESS", 12),
        event("A", "CREATE_COMPLETE", 20),
        event("C", "UPDATE_FAILED", 15),
        event("B", "UPDATE_COMPLETE", 30),
        event("Bucket", "CREATE_IN_PROGRESS", 1, path=("mcp-runtime-foundation",)),
        event("Bucket", "CREATE_COMPLETE", 2, path=("mcp-runtime-foundation",)),
    ]
    for one in events:
        recorder.emit(one)
    assert silent.heard == len(events)
    told = [(one.logical_id, one.action, one.start, one.end) for one in recorder.spans]
    assert told == [("A", "add", 10, 20), ("B", "add", 11, 30)]


def test_longest_path_is_the_chain_of_waits_and_not_what_merely_ended_before() -> None:
    spans = [span("A", 0, 10), span("Other", 0, 49), span("B", 10, 50), span("C", 50, 60)]
    waits = {("B", "A"), ("C", "B"), ("C", "A")}
    found = timeline([*spans, span("Quick", 0, 5, "1/eu-west-1")], lambda one, other: (one, other) in waits)
    assert found is not None
    assert (found.target, found.seconds, found.count) == (ROOT, 60, 4)
    assert [one.logical_id for one in found.path] == ["A", "B", "C"]
    assert [one.logical_id for one in found.others] == ["Other"]
    assert found.as_data()["path"][1] == {
        "resource": f"{ROOT}/B", "type": "T::B", "action": "add", "began": 10, "seconds": 40,
    }  # fmt: skip


def test_nothing_that_changed_has_no_timeline() -> None:
    assert timeline([], lambda _one, _other: True) is None


def test_what_is_kept_is_the_slowest_of_the_targets_and_bounded() -> None:
    bucket = Bucket()
    kept = Timelines(bucket, "b", "1", "mcp")
    assert kept.read() == {}
    kept.keep([span("A", 0, 10), span("A", 0, 30, "1/eu-west-1"), span("B", 0, 1)])
    kept.keep([span("B", 0, 2)])
    assert kept.read() == {key_of("add", "T::A", "A"): 30.0, key_of("add", "T::B", "B"): 2.0}
    kept.keep([span(f"R{number}", 0, 1) for number in range(KEPT)])
    assert len(kept.read()) == KEPT
    (body,) = bucket.objects.values()
    bucket.objects = dict.fromkeys(bucket.objects, json.dumps({"seconds": [1]}).encode())
    assert kept.read() == {}
    assert len(body) < 64_000
