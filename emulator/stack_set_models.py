"""What the permission model of a stack set allows, and what it refuses.

``CreateStackSet`` and ``UpdateStackSet`` (CloudFormation service model): AdministrationRoleARN and ExecutionRoleName
are valid only if the model is SELF_MANAGED, AutoDeployment and CallAs only if it is SERVICE_MANAGED, which needs an
AutoDeployment; no macro with it. "Create StackSets with service-managed permissions" (user guide): no nested stacks.
AWS's own words for these refusals are not known; these are ours.
"""

from collections.abc import Mapping
from typing import Any

from emulator.json_api import ApiError
from emulator.stack_set_records import SERVICE_MANAGED

Given = Mapping[str, Any]
_ROLES = ("AdministrationRoleARN", "ExecutionRoleName")


def check(model: str, given: Given, updating: bool = False) -> None:
    """Raise ApiError for members of a request that do not go with a set's permission model."""
    if given.get("PermissionModel", model) != model:
        raise _invalid("The permission model of a StackSet with stack instances cannot change")
    if model != SERVICE_MANAGED:
        _check_self_managed(given)
        return
    for name in _ROLES:
        if name in given:
            raise _invalid(f"{name} is only supported for StackSets with SELF_MANAGED permission model")
    automatic = given.get("AutoDeployment")
    if automatic is None:
        if not updating:
            raise _invalid("AutoDeployment is required for StackSets with SERVICE_MANAGED permission model")
        return
    if "RetainStacksOnAccountRemoval" in automatic and not automatic.get("Enabled"):
        raise _invalid("RetainStacksOnAccountRemoval may be given only if AutoDeployment is enabled")
    if "DependsOn" in automatic:
        raise _invalid("DependsOn of AutoDeployment is not emulated")
    if updating and ("DeploymentTargets" in given or "Regions" in given):
        raise _invalid("AutoDeployment excludes DeploymentTargets and Regions")


def _check_self_managed(given: Given) -> None:
    if "AutoDeployment" in given:
        raise _invalid("AutoDeployment is only supported for StackSets with SERVICE_MANAGED permission model")
    if given.get("CallAs", "SELF") != "SELF":
        raise _invalid("CallAs is only supported for StackSets with SERVICE_MANAGED permission model")


def check_template(model: str, document: Given) -> None:
    """Raise ApiError for a template that service-managed permissions cannot deploy."""
    if model != SERVICE_MANAGED:
        return
    subject = "StackSets with SERVICE_MANAGED permission model do not support"
    for name, resource in (document.get("Resources") or {}).items():
        if resource.get("Type") == "AWS::CloudFormation::Stack":
            raise _invalid(f"{subject} nested stacks: {name} is of type AWS::CloudFormation::Stack")
    if document.get("Transform"):
        raise _invalid(f"{subject} macros: the template has a Transform")


def own_fields(model: str, given: Given, account: str) -> dict[str, Any]:
    """Return the fields that sets of a permission model have: the roles, or the automatic deployment."""
    if model == SERVICE_MANAGED:
        return {"AutoDeployment": dict(given["AutoDeployment"])}
    administration = f"arn:aws:iam::{account}:role/AWSCloudFormationStackSetAdministrationRole"
    return {
        "AdministrationRoleARN": given.get("AdministrationRoleARN", administration),
        "ExecutionRoleName": given.get("ExecutionRoleName", "AWSCloudFormationStackSetExecutionRole"),
    }


def _invalid(message: str) -> ApiError:
    return ApiError("ValidationError", message)
