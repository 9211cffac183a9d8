"""From evidence to a diagnosis, without asking anybody."""

import re
from collections.abc import Iterable, Sequence

from deployer.diagnosis.catalogue import CAUSES
from deployer.diagnosis.evidence import Area, Cause, Diagnosis, Evidence

ORDER: tuple[Area, ...] = (
    "stack",
    "operation",
    "certificate",
    "gateway",
    "probe",
    "log",
    "task",
    "service",
    "health",
)


def diagnose(account: str, region: str, found: Sequence[Evidence], notes: Iterable[str] = ()) -> Diagnosis:
    """Returns what the evidence says of a target; `found` begins with what failed first.

    A failed stack event or operation leads. What it says decides unless it is only a symptom, or nothing that is known:
    then the services' own words decide, if the catalogue knows them, in the order log, task, service, health.
    """
    leading = next((one for area in ORDER for one in found if one.area == area), None)
    if leading is None:
        return Diagnosis(account, region, None, None, (), tuple(notes))
    cause = known(leading)
    if cause is None or cause.symptom:
        beyond = cause.symptom if cause else _beyond(leading)
        better = [(one, other) for area in beyond for one in found if one.area == area and (other := known(one))]
        better.sort(key=lambda pair: CAUSES.index(pair[1]) if pair[1].symptom else -1)
        if better and (cause is None or CAUSES.index(better[0][1]) < CAUSES.index(cause)):
            leading, cause = better[0]
    rest = tuple(one for one in found if one is not leading)
    return Diagnosis(account, region, cause, leading, rest, tuple(notes))


def known(evidence: Evidence) -> Cause | None:
    """Returns the catalogue's entry for a piece of evidence, or None."""
    return next((cause for cause in CAUSES if fits(cause, evidence)), None)


def fits(cause: Cause, evidence: Evidence) -> bool:
    """Returns whether a cause is what a piece of evidence speaks of."""
    return (
        evidence.area in cause.areas
        and (not cause.kinds or evidence.kind in cause.kinds)
        and re.search(cause.pattern, evidence.text, re.IGNORECASE | re.DOTALL) is not None
    )


def _beyond(leading: Evidence) -> tuple[Area, ...]:
    """Returns where else the cause may be told of what failed with words that nobody knows."""
    if leading.kind == "AWS::ECS::Service":
        return ("log", "task", "service", "health")
    if leading.kind == "AWS::CertificateManager::Certificate":
        return ("certificate",)
    if leading.kind == "AWS::BedrockAgentCore::GatewayTarget":
        return ("gateway",)
    return ()
