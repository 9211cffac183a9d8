"""What has been under way for too long is called, with a diagnosis, and no other target is begun."""

from typing import Any

import pytest

from deployer.deadlines import PATIENCE, in_vain
from deployer.diagnosis.finding import diagnose
from deployer.events import ResourceEvent
from deployer.watching import InVainError, TargetWatcher
from tests.deployer.test_stacks import BEGIN, Recorder
from tests.deployer.test_watching import ELSEWHERE, HERE, SERVICE, Clients, look, root

CERTIFICATE = "AWS::CertificateManager::Certificate"
BUCKET = "AWS::S3::Bucket"


def event(kind: str, status: str, moment: float, reason: str = "") -> ResourceEvent:
    return ResourceEvent(("111111111111/us-east-1",), kind.rpartition(":")[2], kind, status, reason, moment)


@pytest.mark.parametrize("kind", PATIENCE)
@pytest.mark.parametrize("status", ["CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"])
def test_waiting_ends_when_patience_does_and_counts_from_the_first_word(kind: str, status: str) -> None:
    events = [event(kind, "CREATE_COMPLETE", 1.0), event(kind, status, 100.0), event(kind, status, 160.0)]
    if status == "CREATE_IN_PROGRESS":
        del events[0]
    assert in_vain(events, 99.0 + PATIENCE[kind]) is None
    found = in_vain(events, 100.0 + PATIENCE[kind])
    assert found is not None
    assert (found.kind, found.text) == (kind, f"{status} for {PATIENCE[kind] // 60} minutes")


def test_what_is_done_or_failed_or_may_take_long_is_not_called() -> None:
    late = 10 * 3600.0
    assert in_vain([], late) is None
    assert in_vain([event(BUCKET, "CREATE_IN_PROGRESS", 0.0)], late) is None
    assert in_vain([event(SERVICE, "CREATE_IN_PROGRESS", 0.0), event(SERVICE, "CREATE_COMPLETE", 1.0)], late) is None
    assert in_vain([event(SERVICE, "DELETE_IN_PROGRESS", 0.0)], late) is None
    failed = event(BUCKET, "CREATE_FAILED", 5.0, "no")
    assert in_vain([event(SERVICE, "CREATE_IN_PROGRESS", 0.0), failed], late) is None


def test_operation_is_waited_for_until_every_running_target_is_in_vain(monkeypatch: pytest.MonkeyPatch) -> None:
    now = BEGIN.timestamp()
    monkeypatch.setattr("deployer.watching.time.time", lambda: now)
    aws = Clients()
    aws.client("cloudformation", *HERE).add(root(HERE), "Certificate", CERTIFICATE, "CREATE_IN_PROGRESS", "")
    watcher = TargetWatcher(aws, Recorder())
    watcher.look(look({HERE: "RUNNING", ELSEWHERE: "RUNNING"}))
    now += PATIENCE[CERTIFICATE] + 60
    watcher.look(look({HERE: "RUNNING", ELSEWHERE: "RUNNING"}))
    with pytest.raises(InVainError) as called:
        watcher.look(look({HERE: "RUNNING", ELSEWHERE: "SUCCEEDED"}))
    assert called.value.operation == "1"
    assert "111111111111 us-east-1: 111111111111/us-east-1/Certificate: CREATE_IN_PROGRESS for" in str(called.value)
    kept: Any = called.value.kept[HERE]
    assert diagnose(*HERE, kept).code != ""
    assert kept[0].kind == CERTIFICATE
