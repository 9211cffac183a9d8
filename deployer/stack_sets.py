"""The stack set and its instances: what must change so that AWS holds what the configuration says, and doing it.

Planning is pure: `plan` compares what is with what should be. One call of AWS's takes all accounts times all Regions
given to it with one set of overrides, so targets are grouped into as few calls as that allows.
"""

import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from deployer.errors import RefusedError
from deployer.events import InstanceStatus, Reporter
from deployer.stacks import CAPABILITIES

Target = tuple[str, str]
"""An account and a Region."""
Overrides = tuple[tuple[str, str], ...]
"""Parameter overrides, sorted by key."""

DESCRIPTION = "MCP agent runtimes from "
"""Begins the set's description, which ends with the template's URL: AWS gives back the template's text, never its URL,
and a tag would reach every resource."""
FINISHED = frozenset({"SUCCEEDED", "FAILED", "STOPPED"})


class OperationFailedError(RefusedError):
    """An operation did not reach every target; `reasons` are what the stack set says of each that failed."""

    def __init__(self, name: str, reasons: Mapping[Target, str]) -> None:
        super().__init__(self.told(name, reasons, {}))
        self.name = name
        self.reasons = reasons

    @staticmethod
    def told(name: str, reasons: Mapping[Target, str], causes: Mapping[Target, str]) -> str:
        """Returns the sentences: for each target the cause that its stacks' events show, else the set's own reason."""
        found = {target: f"{target[0]} {target[1]}: {reason}." for target, reason in reasons.items()} | dict(causes)
        said = [sentence for _, sentence in sorted(found.items())] or ["AWS gave no reason."]
        return " ".join([f"The stack set {name} did not reach every target.", *said])

    def explained(self, causes: Mapping[Target, str]) -> RefusedError:
        """Returns this failure with the causes that were found in the targets' stacks."""
        return RefusedError(self.told(self.name, self.reasons, causes))


@dataclass(frozen=True)
class StackSet:
    """A stack set as it is or should be: its template, its parameters and its roles."""

    name: str
    template_url: str
    parameters: Mapping[str, str]
    administration_role_arn: str
    execution_role_name: str


@dataclass(frozen=True)
class Instance:
    """One target as AWS holds it."""

    overrides: Overrides
    current: bool
    stack_id: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Group:
    """One call's worth of targets: every account in every Region, with the same overrides."""

    accounts: tuple[str, ...]
    regions: tuple[str, ...]
    overrides: Overrides = ()

    @property
    def targets(self) -> tuple[Target, ...]:
        """The group's accounts times its Regions."""
        return tuple((account, region) for account in self.accounts for region in self.regions)


@dataclass(frozen=True)
class Plan:
    """The calls that bring AWS to what should be, in the order in which they are made."""

    create_set: bool = False
    pin: tuple[Group, ...] = ()
    update_set: bool = False
    remove: tuple[Group, ...] = ()
    create: tuple[Group, ...] = ()
    update: tuple[Group, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether nothing is to be done."""
        return self == Plan()


def plan(
    wanted: StackSet,
    targets: Mapping[Target, Overrides],
    existing: StackSet | None,
    instances: Mapping[Target, Instance],
) -> Plan:
    """Returns what must be called.

    An update of the set reaches every instance with the overrides that it has, so that a value which moves between the
    shared parameters and a target's overrides would be missing, or double, in between. Where both change, the target's
    present values are pinned as its overrides first, and replaced by what is wanted once the set is updated.
    """
    update_set = existing is not None and existing != wanted
    gone = instances.keys() - targets.keys()
    new = targets.keys() - instances.keys()
    kept = targets.keys() & instances.keys()
    moved = {target for target in kept if instances[target].overrides != targets[target]}
    behind = {target for target in kept if not instances[target].current and not update_set}
    pinned: dict[Target, Overrides] = {}
    if existing is not None and update_set:
        changed = {
            name: value
            for name, value in existing.parameters.items()
            if name in wanted.parameters and wanted.parameters[name] != value
        }
        pinned = {
            target: tuple(sorted((changed | dict(instances[target].overrides)).items()))
            for target in moved
            if changed and instances[target].current
        }
    return Plan(
        create_set=existing is None,
        pin=grouped(pinned),
        update_set=update_set,
        remove=grouped(dict.fromkeys(gone, ())),
        create=grouped({target: targets[target] for target in new}),
        update=grouped({target: targets[target] for target in moved | behind}),
    )


def grouped(targets: Mapping[Target, Overrides]) -> tuple[Group, ...]:
    """Returns the targets as groups: one a distinct set of overrides and a distinct set of Regions."""
    regions: dict[tuple[Overrides, str], set[str]] = defaultdict(set)
    for (account, region), overrides in targets.items():
        regions[overrides, account].add(region)
    accounts: dict[tuple[Overrides, tuple[str, ...]], list[str]] = defaultdict(list)
    for (overrides, account), found in regions.items():
        accounts[overrides, tuple(sorted(found))].append(account)
    return tuple(
        Group(tuple(sorted(found)), where, overrides) for (overrides, where), found in sorted(accounts.items())
    )


@dataclass
class StackSets:
    """Reads and changes one stack set through the administrator account's CloudFormation."""

    client: Any
    name: str
    reporter: Reporter
    poll: float
    observe: Callable[[Mapping[Target, str]], None] | None = None
    """Is given the ids of the targets' stacks at every look at a running operation."""
    _last: dict[Target, str] = field(default_factory=dict)

    def describe(self) -> StackSet | None:
        """Returns the stack set as AWS holds it, or None; the template's URL is read from its description."""
        try:
            found = self.client.describe_stack_set(StackSetName=self.name)["StackSet"]
        except ClientError as error:
            if error.response["Error"]["Code"] == "StackSetNotFoundException":
                return None
            raise
        return StackSet(
            name=self.name,
            template_url=found.get("Description", "").removeprefix(DESCRIPTION),
            parameters={item["ParameterKey"]: item["ParameterValue"] for item in found.get("Parameters", [])},
            administration_role_arn=found.get("AdministrationRoleARN", ""),
            execution_role_name=found.get("ExecutionRoleName", ""),
        )

    def stacks(self) -> dict[Target, str]:
        """Returns the ids of the targets' stacks, as far as there are any yet: one call for a hundred targets."""
        pages = self.client.get_paginator("list_stack_instances").paginate(StackSetName=self.name)
        return {
            (summary["Account"], summary["Region"]): summary["StackId"]
            for page in pages
            for summary in page["Summaries"]
            if summary.get("StackId")
        }

    def instances(self) -> dict[Target, Instance]:
        """Returns every instance of the set with its overrides."""
        pages = self.client.get_paginator("list_stack_instances").paginate(StackSetName=self.name)
        return {
            (summary["Account"], summary["Region"]): self._instance(summary)
            for page in pages
            for summary in page["Summaries"]
        }

    def _instance(self, summary: Mapping[str, Any]) -> Instance:
        full = self.client.describe_stack_instance(
            StackSetName=self.name,
            StackInstanceAccount=summary["Account"],
            StackInstanceRegion=summary["Region"],
        )["StackInstance"]
        overrides = {item["ParameterKey"]: item["ParameterValue"] for item in full.get("ParameterOverrides", [])}
        return Instance(
            overrides=tuple(sorted(overrides.items())),
            current=full["Status"] == "CURRENT",
            stack_id=full.get("StackId", ""),
            detail=full.get("StatusReason", ""),
        )

    def apply(self, steps: Plan, wanted: StackSet) -> None:
        """Makes the plan's calls, one operation after the other.

        Raises OperationFailedError with every failed target's reason where an operation does not succeed.
        """
        request = {
            "StackSetName": self.name,
            "TemplateURL": wanted.template_url,
            "Parameters": _parameters(wanted.parameters.items()),
            "Capabilities": list(CAPABILITIES),
            "Description": DESCRIPTION + wanted.template_url,
            "AdministrationRoleARN": wanted.administration_role_arn,
            "ExecutionRoleName": wanted.execution_role_name,
            "ManagedExecution": {"Active": True},
        }
        if steps.create_set:
            self.client.create_stack_set(
                **request,
                PermissionModel="SELF_MANAGED",
                ClientRequestToken=str(uuid.uuid4()),
            )
        for group in steps.pin:
            self._operate_on(group, "update_stack_instances")
        if steps.update_set:
            self._update_set(request, {target for group in steps.update for target in group.targets})
        for group in steps.remove:
            self._operate("delete_stack_instances", {**_addressed(self.name, group), "RetainStacks": False})
        for group in steps.update:
            self._operate_on(group, "update_stack_instances")
        for group in steps.create:
            self._operate_on(group, "create_stack_instances")

    def delete(self) -> None:
        """Deletes the set, which must have no instances left."""
        self.client.delete_stack_set(StackSetName=self.name)

    def join_running(self) -> None:
        """Waits for operations that an interrupted command has left running."""
        pages = self.client.get_paginator("list_stack_set_operations").paginate(StackSetName=self.name)
        running = [
            operation["OperationId"]
            for page in pages
            for operation in page["Summaries"]
            if operation["Status"] not in FINISHED
        ]
        for operation in reversed(running):
            self._wait(operation)

    def _update_set(self, request: Mapping[str, Any], corrected: set[Target]) -> None:
        """Updates the set; targets may fail whose own values are corrected afterwards, as with a broken first try."""
        try:
            self._operate("update_stack_set", request)
        except OperationFailedError as error:
            if not error.reasons or not error.reasons.keys() <= corrected:
                raise

    def _operate_on(self, group: Group, call: str) -> None:
        self._operate(call, {**_addressed(self.name, group), "ParameterOverrides": _parameters(group.overrides)})

    def _operate(self, call: str, request: Mapping[str, Any]) -> None:
        operation = getattr(self.client, call)(
            **request, OperationId=str(uuid.uuid4()), OperationPreferences=PREFERENCES
        )["OperationId"]
        if self._wait(operation) != "SUCCEEDED":
            raise self._failed(operation)

    def _wait(self, operation: str) -> str:
        while True:
            status: str = self.client.describe_stack_set_operation(StackSetName=self.name, OperationId=operation)[
                "StackSetOperation"
            ]["Status"]
            for result in self._results(operation):
                target = (result["Account"], result["Region"])
                if self._last.get(target) != result["Status"]:
                    self._last[target] = result["Status"]
                    self.reporter.emit(InstanceStatus(*target, result["Status"], result.get("StatusReason", "")))
            if self.observe is not None:
                self.observe(self.stacks())
            if status in FINISHED:
                return status
            time.sleep(self.poll)

    def _results(self, operation: str) -> list[dict[str, Any]]:
        pages = self.client.get_paginator("list_stack_set_operation_results").paginate(
            StackSetName=self.name, OperationId=operation
        )
        return [result for page in pages for result in page["Summaries"]]

    def _failed(self, operation: str) -> OperationFailedError:
        failed = {
            (result["Account"], result["Region"]): result.get("StatusReason", "no reason given").rstrip(".")
            for result in self._results(operation)
            if result["Status"] == "FAILED"
        }
        return OperationFailedError(self.name, failed)


PREFERENCES: Mapping[str, Any] = {
    "RegionConcurrencyType": "PARALLEL",
    "FailureTolerancePercentage": 0,
    "MaxConcurrentPercentage": 100,
    "ConcurrencyMode": "SOFT_FAILURE_TOLERANCE",
}


def _addressed(name: str, group: Group) -> dict[str, Any]:
    return {"StackSetName": name, "Accounts": list(group.accounts), "Regions": list(group.regions)}


def _parameters(values: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"ParameterKey": key, "ParameterValue": value} for key, value in sorted(values)]
