"""Collecting what AWS says of a target that failed: its stacks' events first, then what the services know.

Nothing is changed. What cannot be read is noted and hides nothing else. Events are read by the stacks' ids, so that
those of deleted stacks are there too, for 90 days (service model of CloudFormation, `DescribeStackEvents`).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from deployer.aws import Aws, refusal
from deployer.diagnosis.evidence import Evidence
from deployer.diagnosis.tasks import FailedService
from deployer.errors import DeployerError
from deployer.events import ResourceEvent
from deployer.service_watching import CLUSTER, SERVICE
from deployer.stacks import NESTED, StackWatcher

CERTIFICATE = "AWS::CertificateManager::Certificate"
GATEWAY_TARGET = "AWS::BedrockAgentCore::GatewayTarget"
BEGINS = ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS", "REVIEW_IN_PROGRESS")
CONSOLE = "https://{region}.console.aws.amazon.com/cloudformation/home?region={region}#/stacks/events?stackId={stack}"


@dataclass
class Collected:
    """What was collected of one target, the earliest first, and what was not read."""

    evidence: list[Evidence] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def of(self, name: str, read: Callable[[], Iterator[Evidence]]) -> None:
        """Adds what `read` finds; where AWS refuses, a note with the name of what was not read."""
        try:
            for one in read():
                self.evidence.append(one)
        except ClientError as error:
            self.notes.append(f"{name}: {refusal(error)}")
        except (BotoCoreError, DeployerError) as error:
            self.notes.append(f"{name}: {error}")


def collect(
    aws: Aws, account: str, region: str, stack_id: str, reason: str = "", kept: Sequence[Evidence] = ()
) -> Collected:
    """Returns what is said of a target.

    `reason` is what the stack set's operation says of it, or empty; it counts where the target's stack says nothing.
    `kept` is what was read while the operation ran.
    """
    found = Collected()
    if not stack_id:
        found.notes.append("the target has no stack, so that there are no events to read")
    elif not aws.reaches(account):
        found.notes.append(f"account {account} cannot be read; what the stack set says of it is all there is")
    else:
        events = latest(StackWatcher(aws.client("cloudformation", account, region), stack_id, f"{account}/{region}"))
        found.evidence += [*failures(events, region, stack_id), *(one for one in kept if one.area == "stack")]
        if found.evidence:
            _services(aws, account, region, events, found)
    if reason and not found.evidence:
        found.evidence.append(Evidence("operation", f"{account}/{region}", reason))
    found.evidence += [one for one in kept if one not in found.evidence]
    return found


def latest(watcher: StackWatcher) -> list[ResourceEvent]:
    """Returns the events of the stack's last operation, the rollback that it ended in included.

    A deletion that went well is no such operation: what failed before it is why there was one.
    """
    events = watcher.new_events()
    deleted = not any(event.status == "DELETE_FAILED" for event in events)
    begins = [
        event.moment
        for event in events
        if not event.path and event.status in BEGINS and not (deleted and event.status.startswith("DELETE"))
    ]
    return [event for event in events if not begins or event.moment >= begins[-1]]


def failures(events: Sequence[ResourceEvent], region: str, stack_id: str) -> list[Evidence]:
    """Returns the failures that no other failure explains, those of resources before those of nested stacks."""
    failed = [event for event in events if event.failed and event.reason and not event.consequence]
    leaves = [event for event in failed if event.resource_type != NESTED]
    # A nested stack that failed with words of its own, such as of a template that cannot be read, has no leaf.
    chosen = leaves or failed
    return [
        Evidence(
            "stack",
            "/".join((*event.path, event.logical_id)),
            event.reason,
            event.resource_type,
            CONSOLE.format(region=region, stack=stack_id),
            event.physical_id,
        )
        for event in sorted(chosen, key=lambda event: event.moment)
    ]


def _services(aws: Aws, account: str, region: str, events: Sequence[ResourceEvent], found: Collected) -> None:
    ids = {event.resource_type: event.physical_id for event in events if event.physical_id}
    kinds = {one.kind for one in found.evidence}

    def client(service: str) -> Any:
        return aws.client(service, account, region)

    if SERVICE in kinds and ids.get(SERVICE):
        place = next(one.place for one in found.evidence if one.kind == SERVICE)
        since = min(event.moment for event in events)
        service = FailedService(client("ecs"), _cluster(ids), ids[SERVICE], place, since)
        found.of("the stopped tasks", service.tasks)
        found.of("the tasks' log", lambda: service.log(client("logs")))
        found.of("the service", lambda: service.said(client("elbv2")))
    if CERTIFICATE in kinds and ids.get(CERTIFICATE, "").startswith("arn:"):
        found.of("the certificate", partial(_certificate, client("acm"), ids[CERTIFICATE]))
    if GATEWAY_TARGET in kinds and ids.get(GATEWAY_TARGET):
        found.of("the gateway target", partial(_target, client("bedrock-agentcore-control"), ids[GATEWAY_TARGET]))


def _cluster(ids: dict[str, str]) -> str:
    parts = ids[SERVICE].split("/")
    return ids.get(CLUSTER) or (parts[1] if len(parts) == 3 else "default")


def _certificate(acm: Any, arn: str) -> Iterator[Evidence]:
    """Yields each name whose validation has not succeeded, with the record that is wanted (shape DomainValidation)."""
    certificate = acm.describe_certificate(CertificateArn=arn)["Certificate"]
    look = f"aws acm describe-certificate --certificate-arn {arn}"
    if certificate.get("FailureReason"):
        yield Evidence(
            "certificate", arn, f"{certificate['Status']}: {certificate['FailureReason']}", CERTIFICATE, look
        )
    for one in certificate.get("DomainValidationOptions", []):
        record = one.get("ResourceRecord")
        if one.get("ValidationStatus") != "SUCCESS" and record:
            wanted = f"record {record['Name']} {record['Type']} {record['Value']}"
            text = f"{one['DomainName']}: validation {one.get('ValidationStatus', 'unknown')}, wants the {wanted}"
            yield Evidence("certificate", one["DomainName"], text, CERTIFICATE, look)


def _target(control: Any, physical_id: str) -> Iterator[Evidence]:
    """Yields why AgentCore says that a gateway's target is not ready."""
    gateway, _, target = physical_id.partition("|")
    found = control.get_gateway_target(gatewayIdentifier=gateway, targetId=target)
    for reason in found.get("statusReasons", []):
        yield Evidence("gateway", f"{gateway}/{target} {found['status']}", reason, GATEWAY_TARGET)
