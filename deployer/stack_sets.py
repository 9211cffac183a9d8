"""A stack set through the administrator's CloudFormation: reading it, and making the calls of a plan."""

import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from botocore.exceptions import ClientError

from deployer.diagnosis.evidence import Evidence
from deployer.errors import RefusedError
from deployer.events import InstanceStatus, OperationStatus, Reporter
from deployer.override_records import OverrideRecords
from deployer.stack_set_plan import SELF_MANAGED, Group, Instance, Overrides, Plan, StackSet, Target, grouped
from deployer.stacks import CAPABILITIES

DESCRIPTION: Final = "MCP agent runtimes from "
"""Begins the set's description, which ends with the template's URL: AWS gives back the template's text, never its URL,
and a tag would reach every resource."""
FINISHED: Final = frozenset({"SUCCEEDED", "FAILED", "STOPPED"})
SOFT: Final = "SOFT_FAILURE_TOLERANCE"


class UnreachedError(RefusedError):
    """An operation did not reach every target.

    `reasons` are what the stack set says of each that failed; `kept` is what was read of them while it was there.
    """

    def __init__(
        self,
        sentence: str,
        reasons: Mapping[Target, str],
        kept: Mapping[Target, tuple[Evidence, ...]] | None = None,
    ) -> None:
        super().__init__(sentence)
        self.reasons = reasons
        self.kept = kept or {}


class OperationFailedError(UnreachedError):
    """An operation failed, by what the stack set itself says of it."""

    def __init__(self, name: str, reasons: Mapping[Target, str]) -> None:
        super().__init__(self.told(name, reasons, {}), reasons)
        self.name = name

    @staticmethod
    def told(name: str, reasons: Mapping[Target, str], causes: Mapping[Target, str]) -> str:
        """Returns the sentences: for each target the cause that its stacks' events show, else the set's own reason."""
        found = {target: f"{target[0]} {target[1]}: {reason}." for target, reason in reasons.items()} | dict(causes)
        said = [sentence for _, sentence in sorted(found.items())] or ["AWS gave no reason."]
        return " ".join([f"The stack set {name} did not reach every target.", *said])

    def explained(
        self, causes: Mapping[Target, str], kept: Mapping[Target, tuple[Evidence, ...]] | None = None
    ) -> UnreachedError:
        """Returns this failure with the causes that were found in the targets' stacks, and what else was read there."""
        return UnreachedError(self.told(self.name, self.reasons, causes), self.reasons, kept)


@dataclass(frozen=True)
class Preferences:
    """How an operation goes through its targets, as the configuration says.

    `concurrency` and `tolerance` are numbers of accounts in a Region, or percentages of them such as "25%".
    """

    concurrency: str = "100%"
    tolerance: str = "0"
    region_order: tuple[str, ...] = ()
    parallel_regions: bool = True

    def request(self, regions: Iterable[str] | None = None, alone: bool = False) -> dict[str, Any]:
        """Returns the preferences as AWS takes them for an operation on `regions`, or on all that the set has.

        A target that goes `alone` may not fail: where one failure is tolerated AWS would call that a success. Failures
        do not lower the concurrency (shape `StackSetOperationPreferences`, `ConcurrencyMode`), so that the
        two settings say what they seem to.
        """
        order = [region for region in self.region_order if regions is None or region in set(regions)]
        return {
            "RegionConcurrencyType": "PARALLEL" if self.parallel_regions else "SEQUENTIAL",
            **({"RegionOrder": order} if order else {}),
            **_share("MaxConcurrent", self.concurrency),
            **_share("FailureTolerance", "0" if alone else self.tolerance),
            "ConcurrencyMode": SOFT,
        }


def _share(name: str, amount: str) -> dict[str, int]:
    if amount.endswith("%"):
        return {f"{name}Percentage": int(amount[:-1])}
    return {f"{name}Count": int(amount)}


@dataclass(frozen=True)
class Look:
    """What is seen of a running operation: when CloudFormation began it, and each target's result status so far.

    `stacks` reads the ids of the targets' stacks, as far as there are any yet: a call for a hundred targets.
    """

    operation: str
    since: datetime
    statuses: Mapping[Target, str]
    stacks: Callable[[], Mapping[Target, str]]


@dataclass
class StackSets:
    """Reads and changes one stack set through the administrator account's CloudFormation."""

    client: Any
    name: str
    reporter: Reporter
    poll: float
    preferences: Preferences = field(default_factory=Preferences)
    delegated: bool = False
    """Whether the caller is a delegated administrator of the organization, not its management account."""
    records: OverrideRecords | None = None
    observe: Callable[[Look], None] | None = None
    """Is called at every look at a running operation."""
    after_canary: Callable[[Target], None] | None = None
    """Is called once the first target stands and before any other is touched; raises RefusedError to stop there."""
    operations: set[str] = field(default_factory=set)
    """The ids of the operations that this object began."""
    _last: dict[tuple[str, Target], str] = field(default_factory=dict)

    def describe(self) -> StackSet | None:
        """Returns the stack set as AWS holds it, or None; the template's URL is read from its description."""
        try:
            found = self.client.describe_stack_set(**self._named())["StackSet"]
        except ClientError as error:
            if error.response["Error"]["Code"] == "StackSetNotFoundException":
                return None
            raise
        model = found.get("PermissionModel", SELF_MANAGED)
        automatic = found.get("AutoDeployment", {}) if model != SELF_MANAGED else {}
        return StackSet(
            name=self.name,
            template_url=found.get("Description", "").removeprefix(DESCRIPTION),
            parameters={item["ParameterKey"]: item["ParameterValue"] for item in found.get("Parameters", [])},
            administration_role_arn=found.get("AdministrationRoleARN", "") if model == SELF_MANAGED else "",
            execution_role_name=found.get("ExecutionRoleName", "") if model == SELF_MANAGED else "",
            permission_model=model,
            auto_deployment=automatic.get("Enabled", False),
            retain_on_leave=automatic.get("RetainStacksOnAccountRemoval", False),
        )

    def listed(self) -> dict[Target, Instance]:
        """Returns every instance of the set, a call for a hundred of them; overrides as far as records tell them."""
        pages = self.client.get_paginator("list_stack_instances").paginate(**self._named())
        return {
            (summary["Account"], summary["Region"]): self._instance(summary)
            for page in pages
            for summary in page["Summaries"]
        }

    def instances(self) -> dict[Target, Instance]:
        """Returns every instance of the set with its overrides.

        Those of an instance that stands as it should, but whose last operation is not recorded, cost a call each; those
        of one that does not stand as it should are not known.
        """
        return {
            target: self._described(target, instance) if instance.current and instance.overrides is None else instance
            for target, instance in self.listed().items()
        }

    def _instance(self, summary: Mapping[str, Any]) -> Instance:
        target = (summary["Account"], summary["Region"])
        operation = summary.get("LastOperationId") or ""
        reached = summary.get("StackInstanceStatus", {}).get("DetailedStatus") == "SUCCEEDED"
        known = self.records.overrides(operation, target) if self.records and reached else None
        return Instance(
            overrides=known,
            current=summary["Status"] == "CURRENT",
            stack_id=summary.get("StackId") or "",
            detail=summary.get("StatusReason") or "",
            unit=summary.get("OrganizationalUnitId") or "",
            operation=operation,
            status=summary["Status"],
            drift=summary.get("DriftStatus") or "",
        )

    def _described(self, target: Target, instance: Instance) -> Instance:
        account, region = target
        full = self.client.describe_stack_instance(
            **self._named(), StackInstanceAccount=account, StackInstanceRegion=region
        )["StackInstance"]
        overrides = {item["ParameterKey"]: item["ParameterValue"] for item in full.get("ParameterOverrides", [])}
        return Instance(**{**vars(instance), "overrides": tuple(sorted(overrides.items()))})

    def apply(self, steps: Plan, wanted: StackSet, before: Mapping[Target, Instance]) -> None:
        """Makes the plan's calls, one operation after the other; `before` are the instances that there are.

        Raises OperationFailedError with every failed target's reason where an operation does not succeed.
        """
        if steps.create_set:
            self._create(wanted)
        # What leaves goes first: the foundation does not let its account read templates any more, so that an update of
        # the set would fail there.
        for group in steps.remove:
            self._operate("delete_stack_instances", {**_addressed(group), "RetainStacks": False}, (group,))
        left = {target for group in steps.remove for target in group.targets}
        before = {target: instance for target, instance in before.items() if target not in left}
        for group in steps.pin:
            self._operate_on(group, "update_stack_instances")
        if steps.update_set:
            self._update_set(steps, wanted, before)
        if steps.proof:
            self._canary_stands(steps.proof)
        told = False
        for call, group in steps.waves():
            alone = steps.canary is not None and group.targets == (steps.canary,)
            self._operate_on(group, f"{call}_stack_instances", alone)
            if alone and not told and not steps.update_set:
                told = True
                self._canary_stands(steps.canary)

    def remove(self, group: Group, retain: bool) -> Mapping[Target, str]:
        """Removes instances, with their stacks unless these are retained; returns why some stayed, by target."""
        try:
            identity = self._operate("delete_stack_instances", {**_addressed(group), "RetainStacks": retain}, (group,))
        except OperationFailedError as error:
            return error.reasons
        return self._failed(identity).reasons

    def delete(self) -> None:
        """Deletes the set, which must have no instances left; one that is gone is deleted."""
        try:
            self.client.delete_stack_set(**self._named())
        except ClientError as error:
            # The answer to the first try was lost.
            if error.response["Error"]["Code"] != "StackSetNotFoundException":
                raise

    def join_running(self) -> None:
        """Waits for operations that an interrupted command has left running, the oldest first."""
        for operation in self._unfinished():
            self._wait(operation["OperationId"], operation["Action"])

    def running(self) -> list[str]:
        """Returns the operations that run or wait, each as its action, its status and its id, the oldest first."""
        return [f"{one['Action']} {one['Status']} {one['OperationId']}" for one in self._unfinished()]

    def _unfinished(self) -> list[dict[str, Any]]:
        """Returns the operations that have not ended: those are among the newest hundred."""
        found = self.client.list_stack_set_operations(**self._named())["Summaries"]
        return [operation for operation in reversed(found) if operation["Status"] not in FINISHED]

    def operation_id(self, groups: Iterable[Group]) -> str:
        """Returns a new operation's id that carries the record of what the operation leaves its targets with."""
        identity = self.records.operation_id(groups) if self.records else str(uuid.uuid4())
        self.operations.add(identity)
        return identity

    def detect_drift(self, operation: str) -> Mapping[Target, str]:
        """Detects drift in every instance as the operation of the given id; returns why it failed by target."""
        preferences = replace(self.preferences, tolerance="100%")
        self.client.detect_stack_set_drift(
            **self._named(), OperationId=operation, OperationPreferences=preferences.request()
        )
        self._wait(operation, "DETECT_DRIFT")
        return self._failed(operation).reasons

    def drifted_resources(self, operation: str, target: Target) -> list[dict[str, Any]]:
        """Returns what a detection found changed in an instance's root stack, as CloudFormation tells it."""
        request = {
            **self._named(),
            "StackInstanceAccount": target[0],
            "StackInstanceRegion": target[1],
            "OperationId": operation,
            "StackInstanceResourceDriftStatuses": ["MODIFIED", "DELETED"],
        }
        summaries: list[dict[str, Any]] = []
        while True:
            page = self.client.list_stack_instance_resource_drifts(**request)
            summaries += page["Summaries"]
            if not page.get("NextToken"):
                return summaries
            request["NextToken"] = page["NextToken"]

    def wait(self, operation: str, action: str) -> None:
        """Waits for an operation; raises OperationFailedError where it does not succeed."""
        if self._wait(operation, action) != "SUCCEEDED":
            raise self._failed(operation)

    def _create(self, wanted: StackSet) -> None:
        try:
            self.client.create_stack_set(
                **self._shared(wanted),
                PermissionModel=wanted.permission_model,
                ClientRequestToken=str(uuid.uuid4()),
            )
        except ClientError as error:
            # Where the answer to the first try was lost, the set that is there is this one.
            if error.response["Error"]["Code"] != "NameAlreadyExistsException" or self.describe() != wanted:
                raise

    def _update_set(self, steps: Plan, wanted: StackSet, before: Mapping[Target, Instance]) -> None:
        """Updates the set; targets may fail whose own values are corrected afterwards, as with a broken first try."""
        corrected = {target for group in steps.update for target in group.targets}
        held = {target: instance.overrides for target, instance in before.items()}
        held |= {target: group.overrides for group in steps.pin for target in group.targets}
        request = self._shared(wanted)
        canary = before.get(steps.canary) if steps.canary else None
        if steps.canary and canary:
            alone = Group((steps.canary[0],), (steps.canary[1],), (), (canary.unit,) if canary.unit else ())
            # With AutoDeployment AWS takes no targets (service model, `UpdateStackSet`).
            narrow = {key: value for key, value in request.items() if key != "AutoDeployment"} | _addressed(alone)
            self._update(narrow, {steps.canary: held[steps.canary]}, corrected, alone=True)
            # Where its own values are to be corrected the update of the set may have failed there: only with them the
            # canary shows anything.
            for call, group in steps.waves():
                if group.targets == (steps.canary,):
                    self._operate_on(group, f"{call}_stack_instances", alone=True)
            self._canary_stands(steps.canary)
        self._update(request, held, corrected)

    def _update(
        self,
        request: Mapping[str, Any],
        held: Mapping[Target, Overrides | None],
        corrected: set[Target],
        alone: bool = False,
    ) -> None:
        known = {target: overrides for target, overrides in held.items() if overrides is not None}
        try:
            self._operate("update_stack_set", request, grouped(known), alone)
        except OperationFailedError as error:
            if not error.reasons or not error.reasons.keys() <= corrected:
                raise

    def _canary_stands(self, canary: Target | None) -> None:
        if canary is not None and self.after_canary is not None:
            self.after_canary(canary)

    def _operate_on(self, group: Group, call: str, alone: bool = False) -> None:
        request = {**_addressed(group), "ParameterOverrides": _parameters(group.overrides)}
        self._operate(call, request, (group,), alone)

    def _operate(self, call: str, request: Mapping[str, Any], groups: Iterable[Group], alone: bool = False) -> str:
        """Makes a call that begins an operation, and waits for it; returns its id."""
        identity = self.operation_id(groups)
        regions = request.get("Regions")
        try:
            getattr(self.client, call)(
                **{**self._named(), **request},
                OperationId=identity,
                OperationPreferences=self.preferences.request(regions, alone),
            )
        except ClientError as error:
            # The answer to the first try was lost: the operation is this one.
            if error.response["Error"]["Code"] != "OperationIdAlreadyExistsException":
                raise
        self.wait(identity, call.partition("_")[0].upper())
        return identity

    def _wait(self, operation: str, action: str) -> str:
        reported = ""
        while True:
            found = self.client.describe_stack_set_operation(**self._named(), OperationId=operation)[
                "StackSetOperation"
            ]
            status: str = found["Status"]
            told = OperationStatus(
                self.name, action or found["Action"], operation, status, found.get("StatusReason") or ""
            )
            if status != reported and (status not in FINISHED or not reported):
                self.reporter.emit(told)
                reported = status
            results = self._results(operation)
            for result in results:
                target = (result["Account"], result["Region"])
                if self._last.get((operation, target)) != result["Status"]:
                    self._last[operation, target] = result["Status"]
                    self.reporter.emit(InstanceStatus(*target, result["Status"], result.get("StatusReason", "")))
            if self.observe is not None:
                statuses = {(result["Account"], result["Region"]): result["Status"] for result in results}
                self.observe(Look(operation, found["CreationTimestamp"], statuses, self._stacks))
            if status in FINISHED:
                if status != reported:
                    self.reporter.emit(told)  # What became of the targets comes before what became of them all.
                return status
            time.sleep(self.poll)

    def stop(self, operation: str) -> None:
        """Has an operation begin at no other target; where it runs it goes on (service model, `StopStackSetOperation`).

        One that has ended meanwhile is left alone.
        """
        try:
            self.client.stop_stack_set_operation(**self._named(), OperationId=operation)
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("InvalidOperationException", "OperationNotFoundException"):
                raise

    def _stacks(self) -> dict[Target, str]:
        return {target: one.stack_id for target, one in self.listed().items() if one.stack_id}

    def _results(self, operation: str) -> list[dict[str, Any]]:
        pages = self.client.get_paginator("list_stack_set_operation_results").paginate(
            **self._named(), OperationId=operation
        )
        return [result for page in pages for result in page["Summaries"]]

    def _failed(self, operation: str) -> OperationFailedError:
        failed = {
            (result["Account"], result["Region"]): result.get("StatusReason", "no reason given").rstrip(".")
            for result in self._results(operation)
            if result["Status"] == "FAILED"
        }
        return OperationFailedError(self.name, failed)

    def _named(self) -> dict[str, str]:
        return {"StackSetName": self.name, **({"CallAs": "DELEGATED_ADMIN"} if self.delegated else {})}

    def _shared(self, wanted: StackSet) -> dict[str, Any]:
        """Returns what creating and updating a set have in common."""
        request: dict[str, Any] = {
            **self._named(),
            "TemplateURL": wanted.template_url,
            "Parameters": _parameters(wanted.parameters.items()),
            "Capabilities": list(CAPABILITIES),
            "Description": DESCRIPTION + wanted.template_url,
            "ManagedExecution": {"Active": True},
        }
        if not wanted.service_managed:
            return request | {
                "AdministrationRoleARN": wanted.administration_role_arn,
                "ExecutionRoleName": wanted.execution_role_name,
            }
        automatic: dict[str, bool] = {"Enabled": wanted.auto_deployment}
        if wanted.auto_deployment:
            automatic["RetainStacksOnAccountRemoval"] = wanted.retain_on_leave
        return request | {"AutoDeployment": automatic}


def _addressed(group: Group) -> dict[str, Any]:
    if not group.units:
        return {"Accounts": list(group.accounts), "Regions": list(group.regions)}
    chosen: dict[str, Any] = {"OrganizationalUnitIds": list(group.units)}
    if not group.whole:
        chosen |= {"Accounts": list(group.accounts), "AccountFilterType": "INTERSECTION"}
    return {"DeploymentTargets": chosen, "Regions": list(group.regions)}


def _parameters(values: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"ParameterKey": key, "ParameterValue": value} for key, value in sorted(values)]
