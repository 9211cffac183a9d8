"""What a stack set's operation does to one target: the roles that it needs, and the stack there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from emulator import bridge_stacks, organization
from emulator.bridge_data_plane import Record, Refused, current_scope, role_allows, role_trusts, role_trusts_role, scope
from emulator.stack_set_records import SERVICE_MANAGED


class TargetFailed(Exception):
    """The operation failed for one target; the message is the result's reason."""


@dataclass(frozen=True)
class Settings:
    """A set as an operation begins with it: later changes of the set do not reach the operation."""

    name: str
    arn: str
    service_managed: bool
    template: str
    values: Mapping[str, str]
    capabilities: Sequence[str]
    tags: Sequence[Mapping[str, str]]
    administration_role_arn: str
    execution_role_name: str

    @classmethod
    def of(cls, record: Record) -> "Settings":
        """Return what a set's record says now."""
        return cls(
            name=record["StackSetName"],
            arn=record["StackSetARN"],
            service_managed=record["PermissionModel"] == SERVICE_MANAGED,
            template=record["TemplateBody"],
            values=record["ParameterValues"],
            capabilities=record["Capabilities"],
            tags=record["Tags"],
            administration_role_arn=record.get("AdministrationRoleARN") or "",
            execution_role_name=record.get("ExecutionRoleName") or "",
        )


def suspended(settings: Settings, account: str) -> bool:
    """Whether a set's operations skip an account because it is suspended (shape StackInstanceComprehensiveStatus)."""
    found = organization.of(current_scope()[0]) if settings.service_managed else None
    return found is not None and account in found.parents and account not in found.active


def remove(instance: Record) -> None:
    """Delete an instance's stack in the current scope. Raises TargetFailed when it stays."""
    gone = bridge_stacks.delete_stack(instance["StackId"]) if instance.get("StackId") else None
    if gone is not None and gone["StackStatus"] != "DELETE_COMPLETE":
        raise TargetFailed(_reason(gone, "DELETE_FAILED"))


def deploy(settings: Settings, instance: Record) -> None:
    """Create or update an instance's stack in the current scope. Raises TargetFailed when that does not succeed."""
    known = bridge_stacks.stack(instance["StackId"]) if instance.get("StackId") else None
    if known is not None and known["StackStatus"] in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED"):
        bridge_stacks.delete_stack(known["StackId"])
        known = None
    if known is not None and known["StackStatus"] == "DELETE_COMPLETE":
        known = None
    name = known["StackName"] if known else f"StackSet-{settings.name}-{uuid4()}"
    values = {**settings.values, **instance["Overrides"]}

    def begun(stack: Record) -> None:
        instance["StackId"] = stack["StackId"]

    with bridge_stacks.inline(settings.template) as url:
        parameters = [{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()]
        request: dict[str, Any] = {
            "StackName": [name],
            "TemplateURL": [url],
            **bridge_stacks.flat("Parameters", parameters),
            **bridge_stacks.flat("Capabilities", settings.capabilities),
            **bridge_stacks.flat("Tags", settings.tags),
        }
        try:
            run = bridge_stacks.update_stack if known else bridge_stacks.create_stack
            stack = run(request, begun)
        except Refused as refused:
            if known and str(refused).startswith("No updates are to be performed"):
                return
            raise TargetFailed(str(refused)) from refused
    if stack["StackStatus"] not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        raise TargetFailed(_reason(stack, "CREATE_FAILED", "UPDATE_FAILED"))


_WORK = ("CreateStack", "UpdateStack", "DeleteStack")
_DETECTION = ("DetectStackDrift", "DetectStackResourceDrift")
# Neither takes a resource (Service Authorization Reference); a detection is asked for by its own id.
_DETECTION_ANYWHERE = ("BatchDescribeTypeConfigurations", "DescribeStackDriftDetectionStatus")


def check_access(settings: Settings, account: str, region: str, detecting: bool = False) -> None:
    """Raise TargetFailed unless CloudFormation may assume the administration role, that one the execution role of the
    target's account, and that one may work on stacks ("Grant self-managed permissions", user guide), or detect their
    drift ("Detect unmanaged configuration changes", user guide). With service-managed permissions StackSets makes the
    roles itself (``CreateStackSet``, PermissionModel).
    """
    if settings.service_managed:
        return
    administrator, home = current_scope()
    role = settings.administration_role_arn
    context = {"aws:sourceaccount": administrator, "aws:sourcearn": settings.arn}
    execution = f"arn:aws:iam::{account}:role/{settings.execution_role_name}"
    with scope(administrator, home):
        if not role_trusts(role, "cloudformation.amazonaws.com", context):
            raise TargetFailed(f"Role {role} is invalid or cannot be assumed")
        allowed = role_allows(role, "sts:AssumeRole", execution)
    with scope(account, region):
        name = role.rpartition("/")[2]
        if not allowed or not role_trusts_role(execution, role):
            text = f"Account {account} should have '{settings.execution_role_name}' role with trust relationship"
            raise TargetFailed(f"{text} to Role '{name}'.")
        stack = f"arn:aws:cloudformation:{region}:{account}:stack/StackSet-{settings.name}-*/*"
        needed = [(name, stack) for name in (_DETECTION if detecting else _WORK)]
        needed += [(name, "*") for name in _DETECTION_ANYWHERE if detecting]
        for action, resource in needed:
            if not role_allows(execution, f"cloudformation:{action}", resource):
                session = f"arn:aws:sts::{account}:assumed-role/{settings.execution_role_name}/{uuid4().hex}"
                asked = f"perform: cloudformation:{action} on resource: {resource}"
                raise TargetFailed(f"User: {session} is not authorized to {asked}")


def _reason(stack: Record, *statuses: str) -> str:
    for event in bridge_stacks.events(stack["StackId"]):
        if event["ResourceStatus"] in statuses and event["LogicalResourceId"] != stack["StackName"]:
            named = f"ResourceLogicalId:{event['LogicalResourceId']}, ResourceType:{event['ResourceType']}"
            return f"{named}, ResourceStatusReason:{event['ResourceStatusReason']}."
    return str(stack.get("StackStatusReason") or f"The stack is in {stack['StackStatus']}")
