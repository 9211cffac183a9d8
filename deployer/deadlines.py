"""Waiting in vain: what will not succeed any more is called early, long before CloudFormation gives it up. Pure.

CloudFormation waits three hours for a service and three days for a certificate's validation (reports of
containers-roadmap#1303 and #1573; ACM user guide, "DNS validation"). A service whose tasks end is ended by its circuit
breaker, after three of them (ECS developer guide, "Failure threshold"), and each nested stack has a timeout for its
creation. What has neither is bounded here: tasks that never get to run, an update, and all of the flattened form.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from deployer.diagnosis.evidence import Evidence
from deployer.events import ResourceEvent

PATIENCE: Final[Mapping[str, int]] = {
    "AWS::CertificateManager::Certificate": 45 * 60,
    "AWS::ECS::Service": 30 * 60,
    "AWS::BedrockAgentCore::GatewayTarget": 20 * 60,
}
"""How long one resource may be under way, in seconds. ACM needs up to half an hour once the validation record is there
(ACM user guide, "DNS validation")."""
UNDER_WAY: Final = ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS")


def in_vain(events: Sequence[ResourceEvent], now: float) -> Evidence | None:
    """Returns why waiting for a target is in vain, None as long as it may succeed.

    `events` are those of the target's stacks in this operation, the earliest first; `now` is in seconds since 1970, as
    the events' moments are. Once something failed CloudFormation is on the way back, and there is nothing to call.
    """
    if any(event.failed for event in events):
        return None
    latest = {(event.path, event.logical_id): event for event in events}
    for event in latest.values():
        if event.status not in UNDER_WAY or event.resource_type not in PATIENCE:
            continue
        seconds = now - _began(events, event)
        if seconds >= PATIENCE[event.resource_type]:
            place = "/".join((*event.path, event.logical_id))
            text = f"{event.status} for {int(seconds // 60)} minutes"
            return Evidence("stack", place, text, event.resource_type, physical_id=event.physical_id)
    return None


def _began(events: Sequence[ResourceEvent], last: ResourceEvent) -> float:
    """Returns when what `last` says began: CloudFormation says the same again while it goes on."""
    began = last.moment
    for event in reversed([one for one in events if (one.path, one.logical_id) == (last.path, last.logical_id)]):
        if event.status != last.status:
            break
        began = event.moment
    return began
