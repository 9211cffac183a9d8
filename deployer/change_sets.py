"""CloudFormation's own word on what an update would change: a change set with nested stacks, read and deleted again.

Only stacks that stand are asked about, so that none in `REVIEW_IN_PROGRESS` is made for them; one that a change set
makes for a nested stack that is yet to come goes with the root's change set (CloudFormation service model,
`DeleteChangeSet`).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from botocore.exceptions import ClientError

from deployer.errors import RefusedError
from deployer.stacks import CAPABILITIES, NESTED
from deployer.update_diff import Action, PropertyChange, ResourceChange

NAME: Final = "mcp-runtime-plan"
NOTHING: Final = ("didn't contain changes", "No updates are to be performed")
"""What a change set's reason says where it failed because there is nothing to change."""
TRIES: Final = 150
_REFERRED: Final = ("ResourceReference", "ResourceAttribute")


@dataclass(frozen=True)
class Observed:
    """What a change set says of one resource; it is not `sure` where the change hangs on what another will be."""

    change: ResourceChange
    sure: bool

    @property
    def key(self) -> tuple[tuple[str, ...], str]:
        """The stacks that hold the resource, and its logical id."""
        return self.change.path, self.change.logical_id


def observed(
    client: Any, stack_id: str, template_url: str, parameters: Mapping[str, str], wait: Callable[[], None]
) -> tuple[Observed, ...]:
    """Returns every resource that CloudFormation would change in a standing stack and in those nested in it.

    `client` is of the stack's account and Region; `wait` is called between two looks. The change set is deleted
    whatever happens, and so is one that a run before this left behind. Raises RefusedError where AWS makes none.
    """
    try:
        _discard(client, stack_id, wait)
        made = client.create_change_set(
            StackName=stack_id,
            ChangeSetName=NAME,
            ChangeSetType="UPDATE",
            IncludeNestedStacks=True,
            TemplateURL=template_url,
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in sorted(parameters.items())],
            Capabilities=list(CAPABILITIES),
        )["Id"]
        return _read(client, made, wait)
    except ClientError as error:
        raise RefusedError(f"CloudFormation makes no change set of it: {error.response['Error']['Message']}") from error
    finally:
        _discard(client, stack_id, wait)


def _read(client: Any, change_set: str, wait: Callable[[], None]) -> tuple[Observed, ...]:
    for _ in range(TRIES):
        found = client.describe_change_set(ChangeSetName=change_set)
        if found["Status"] == "CREATE_COMPLETE":
            return tuple(_changes(client, change_set, ()))
        if found["Status"] == "FAILED":
            reason = found.get("StatusReason", "")
            if any(words in reason for words in NOTHING):
                return ()
            raise RefusedError(f"CloudFormation's change set failed: {reason or 'it gave no reason'}")
        wait()
    raise RefusedError("CloudFormation's change set was not made in time.")


def _changes(client: Any, change_set: str, path: tuple[str, ...]) -> Iterator[Observed]:
    pages = client.get_paginator("describe_change_set").paginate(ChangeSetName=change_set, IncludePropertyValues=True)
    for change in (one["ResourceChange"] for page in pages for one in page["Changes"] if "ResourceChange" in one):
        name = change["LogicalResourceId"]
        if change.get("ChangeSetId"):
            yield from _changes(client, change["ChangeSetId"], (*path, name))
        elif change["ResourceType"] != NESTED:
            details = change.get("Details", ())
            properties = {one.path: one for one in map(_property, details) if one.path}
            action = _action(change)
            sure = action in ("add", "remove", "replace") or any(one["Evaluation"] == "Static" for one in details)
            yield Observed(ResourceChange(action, path, name, change["ResourceType"], tuple(properties.values())), sure)


def _action(change: Mapping[str, Any]) -> Action:
    if change["Action"] in ("Add", "Import"):
        return "add"
    if change["Action"] == "Remove":
        return "remove"
    kinds: Mapping[str, Action] = {"True": "replace", "Conditional": "may replace"}
    return kinds.get(change.get("Replacement", ""), "update")


def _property(detail: Mapping[str, Any]) -> PropertyChange:
    target = detail.get("Target", {})
    follows = detail.get("CausingEntity", "").partition(".")[0] if detail.get("ChangeSource") in _REFERRED else ""
    return PropertyChange(
        target.get("Name", ""),
        target.get("BeforeValue", ""),
        target.get("AfterValue", ""),
        target.get("RequiresRecreation") == "Always",
        follows,
    )


def _discard(client: Any, stack_id: str, wait: Callable[[], None]) -> None:
    """Deletes the change set of this name with those of nested stacks; where there is none AWS says yes too."""
    for attempt in range(TRIES):
        try:
            client.delete_change_set(StackName=stack_id, ChangeSetName=NAME)
        except ClientError as error:
            # One that is being made cannot be deleted yet (`InvalidChangeSetStatus`).
            if error.response["Error"]["Code"] != "InvalidChangeSetStatus" or attempt == TRIES - 1:
                raise
            wait()
        else:
            return


def reconciled(computed: Sequence[ResourceChange], found: Sequence[Observed]) -> tuple[tuple[ResourceChange, ...], str]:
    """Returns the changes with CloudFormation's word on them, and sentences on where it differs from ours; pure.

    What CloudFormation is sure of counts. It is not of what refers to a changed resource: a change set says that this
    may change, or may be replaced, where ours knows from the schemas and from what is referred to.
    """
    theirs = {one.key: one for one in found}
    ours = {(one.path, one.logical_id) for one in computed}
    changes, differing = [], []
    for one in computed:
        other = theirs.get((one.path, one.logical_id))
        settled = other is None or not other.sure or other.change.action in (one.action, "may replace")
        changes.append(one if settled or other is None else replace(one, action=other.change.action))
        differing += [] if settled else [one.where]
    more = [one.change for one in found if one.key not in ours and one.sure]
    perhaps = [one for one in found if one.key not in ours and not one.sure]
    fewer = [one.where for one in computed if (one.path, one.logical_id) not in theirs]
    sentences = ["CloudFormation's own change set was asked."]
    if differing:
        sentences.append(f"It changes otherwise than the templates tell: {', '.join(differing)}.")
    if more:
        sentences.append(f"It changes besides: {', '.join(one.where for one in more)}.")
    if fewer:
        sentences.append(f"It does not list, though the templates differ: {', '.join(fewer)}.")
    if not (differing or more or fewer):
        sentences.append("It says the same.")
    if perhaps:
        sentences.append(f"{len(perhaps)} more refer to what changes, of which it says that they may change too.")
    return (*changes, *more), " ".join(sentences)
