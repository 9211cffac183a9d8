"""CloudFormation's stack sets: the API of the sets themselves, and all of their operations installed.

Refusals and fields: the CloudFormation API reference of each operation. Not there: import, account gates,
lists of accounts by URL, and automatic deployments that depend on one another; they are refused.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

from emulator import (
    bridge_stacks,
    query_api,
    stack_set_authority,
    stack_set_drift,
    stack_set_instances,
    stack_set_models,
    stack_set_operations,
)
from emulator import stack_set_parameters as parameters
from emulator import stack_set_records as records
from emulator.bridge_data_plane import Record, Refused, current_scope
from emulator.json_api import ApiError
from emulator.stack_set_records import Operation
from emulator.stack_set_runs import begin
from emulator.stack_set_selection import Targets, product, select

Given = dict[str, Any]
_NAME = re.compile(r"[a-zA-Z][-a-zA-Z0-9]{0,127}")
_DESCRIBED = (
    "StackSetName",
    "StackSetId",
    "StackSetARN",
    "Status",
    "Description",
    "TemplateBody",
    "Capabilities",
    "Tags",
    "AdministrationRoleARN",
    "ExecutionRoleName",
    "PermissionModel",
    "AutoDeployment",
    "ManagedExecution",
)
_LISTED = (
    "StackSetName",
    "StackSetId",
    "Description",
    "Status",
    "PermissionModel",
    "AutoDeployment",
    "ManagedExecution",
)


def install() -> None:
    """Serve the operations."""
    query_api.install({name: _refusing(name, operation) for name, operation in _OPERATIONS.items()})


def _refusing(name: str, operation: Callable[[Given], Mapping[str, Any]]) -> Callable[[Given], Mapping[str, Any]]:
    def answer(given: Given) -> Mapping[str, Any]:
        try:
            with stack_set_authority.acting(given):
                if "StackSetName" in given and name != "CreateStackSet":
                    stack_set_authority.check_visible(given)
                    if not name.startswith(("Describe", "List")):
                        stack_set_authority.check_access(records.find(given["StackSetName"])["PermissionModel"])
                return operation(given)
        except Refused as refused:
            raise ApiError(refused.code, str(refused)) from refused

    return answer


def _invalid(message: str) -> ApiError:
    return ApiError("ValidationError", message)


def create_stack_set(given: Given) -> Given:
    """Make a set without instances. The ClientRequestToken of an earlier request gets that one's answer again."""
    name, token = given["StackSetName"], given.get("ClientRequestToken")
    if not _NAME.fullmatch(name):
        raise _invalid(f"Value '{name}' at 'stackSetName' failed to satisfy constraint: {_NAME.pattern}")
    model = given.get("PermissionModel", "SELF_MANAGED")
    stack_set_authority.check_access(model)
    stack_set_models.check(model, given)
    known = records.active(name)
    if known is not None:
        return _created_before(known, token)
    body, document = stack_set_authority.template(given)
    values = parameters.values(given.get("Parameters"), {})
    bridge_stacks.check_template(body, values, given.get("Capabilities") or ())
    stack_set_models.check_template(model, document)
    account, region = current_scope()
    identity = f"{name}:{uuid4()}"
    records.put(
        {
            "StackSetName": name,
            "StackSetId": identity,
            "StackSetARN": f"arn:aws:cloudformation:{region}:{account}:stackset/{identity}",
            "Status": "ACTIVE",
            "PermissionModel": model,
            "Description": given.get("Description", document.get("Description", "")),
            "TemplateBody": body,
            "ParameterValues": values,
            "Capabilities": given.get("Capabilities") or [],
            "Tags": given.get("Tags") or [],
            **stack_set_models.own_fields(model, given, account),
            "ManagedExecution": given.get("ManagedExecution", {"Active": False}),
            "ClientRequestToken": token,
            "AutoTargets": {},
            "Instances": {},
            "Operations": {},
        }
    )
    return {"StackSetId": identity}


def _created_before(known: Record, token: str | None) -> Given:
    if token is None or token != known.get("ClientRequestToken"):
        raise ApiError("NameAlreadyExistsException", f"The name {known['StackSetName']} is already in use.", 409)
    if any(item["Action"] == "UPDATE" for item in known["Operations"].values()):
        text = f"StackSet {known['StackSetName']} exists, but has been changed"
        raise ApiError("CreatedButModifiedException", text, 409)
    return {"StackSetId": known["StackSetId"]}


def update_stack_set(given: Given) -> Given:
    """Change a set and its instances, or those of the given targets; the others become outdated where the template or
    the parameters change.
    """
    record = records.find(given["StackSetName"])
    identity = stack_set_operations.startable(record, given)
    managed = given.get("ManagedExecution", record["ManagedExecution"])
    if managed != record["ManagedExecution"] and records.unfinished(record):
        text = "The execution configuration cannot change while operations of the StackSet run or are queued"
        raise ApiError("InvalidOperationException", text)
    stack_set_models.check(record["PermissionModel"], given, updating=True)
    targets = _update_targets(record, given)
    operation = Operation(
        action="UPDATE",
        targets=targets,
        identity=identity,
        preferences=given.get("OperationPreferences") or {},
        changes=_changes(record, given),
        deployment_targets=given.get("DeploymentTargets"),
        alone=True,
    )
    begin(record, operation)
    return {"OperationId": identity}


def _update_targets(record: Record, given: Given) -> Targets:
    if "Accounts" in given or "Regions" in given or "DeploymentTargets" in given:
        if not given.get("Regions"):
            raise _invalid("Accounts or DeploymentTargets and Regions must be given together")
        return select(record, given, present=True).targets
    # Instances that a failed deletion left are excluded (StackInstance, Status INOPERABLE).
    live = [item for item in list(record["Instances"].values()) if item["Status"] != "INOPERABLE"]
    everywhere = product([item["Account"] for item in live], [item["Region"] for item in live])
    there = {(item["Account"], item["Region"]) for item in live}
    return tuple(target for target in everywhere if target in there)


def _changes(record: Record, given: Given) -> dict[str, Any]:
    """The set's fields as an update leaves them; template and parameters only where it gives or changes them."""
    body = record["TemplateBody"]
    if not given.get("UsePreviousTemplate"):
        body, document = stack_set_authority.template(given)
        stack_set_models.check_template(record["PermissionModel"], document)
    values = parameters.values(given.get("Parameters"), record["ParameterValues"])
    capabilities = given.get("Capabilities") or []
    bridge_stacks.check_template(body, values, capabilities)
    kept = ("Description", "AdministrationRoleARN", "ExecutionRoleName", "AutoDeployment", "ManagedExecution", "Tags")
    changes = {"Capabilities": capabilities} | {name: given[name] for name in kept if name in given}
    if not given.get("UsePreviousTemplate"):
        changes["TemplateBody"] = body
    if given.get("Parameters") or values != record["ParameterValues"]:
        changes["ParameterValues"] = values
    return changes


def delete_stack_set(given: Given) -> Given:
    """Delete a set that has no instances."""
    record = records.find(given["StackSetName"])
    if record["Instances"]:
        raise ApiError("StackSetNotEmptyException", "StackSet is not empty", 409)
    if records.unfinished(record):
        raise stack_set_operations.in_progress(record)
    records.put(record | {"Status": "DELETED"})
    return {}


def describe_stack_set(given: Given) -> Given:
    """Return a set."""
    record = records.find(given["StackSetName"])
    described = {name: record.get(name) for name in _DESCRIBED}
    described["Parameters"] = parameters.listed(record["ParameterValues"])
    described["OrganizationalUnitIds"] = list(record["AutoTargets"])
    described["Regions"] = list(dict.fromkeys(item["Region"] for item in list(record["Instances"].values())))
    unchecked = {"DriftStatus": "NOT_CHECKED", "TotalStackInstancesCount": len(record["Instances"])}
    described["StackSetDriftDetectionDetails"] = record.get("Drift", unchecked)
    return {"StackSet": described}


def list_stack_sets(given: Given) -> Given:
    """Return the sets of a status, or all."""
    found = [
        {name: record.get(name) for name in _LISTED} | _drift(record)
        for record in records.every()
        if given.get("Status", record["Status"]) == record["Status"] and stack_set_authority.visible(record, given)
    ]
    return records.page(found, given)


def _drift(record: Record) -> Given:
    found = record.get("Drift", {})
    status, checked = found.get("DriftStatus", "NOT_CHECKED"), found.get("LastDriftCheckTimestamp")
    return {"DriftStatus": status, "LastDriftCheckTimestamp": checked}


_OPERATIONS: Mapping[str, Callable[[Given], Mapping[str, Any]]] = {
    "ActivateOrganizationsAccess": stack_set_authority.activate_organizations_access,
    "CreateStackInstances": stack_set_instances.create_stack_instances,
    "CreateStackSet": create_stack_set,
    "DeactivateOrganizationsAccess": stack_set_authority.deactivate_organizations_access,
    "DeleteStackInstances": stack_set_instances.delete_stack_instances,
    "DeleteStackSet": delete_stack_set,
    "DescribeOrganizationsAccess": stack_set_authority.describe_organizations_access,
    "DescribeStackInstance": stack_set_instances.describe_stack_instance,
    "DescribeStackSet": describe_stack_set,
    "DescribeStackSetOperation": stack_set_operations.describe_stack_set_operation,
    "DetectStackSetDrift": stack_set_drift.detect_stack_set_drift,
    "ListStackInstanceResourceDrifts": stack_set_drift.list_stack_instance_resource_drifts,
    "ListStackInstances": stack_set_instances.list_stack_instances,
    "ListStackSetAutoDeploymentTargets": stack_set_instances.list_stack_set_auto_deployment_targets,
    "ListStackSetOperationResults": stack_set_operations.list_stack_set_operation_results,
    "ListStackSetOperations": stack_set_operations.list_stack_set_operations,
    "ListStackSets": list_stack_sets,
    "StopStackSetOperation": stack_set_operations.stop_stack_set_operation,
    "UpdateStackInstances": stack_set_instances.update_stack_instances,
    "UpdateStackSet": update_stack_set,
}
