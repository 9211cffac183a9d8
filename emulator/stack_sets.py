"""CloudFormation's stack sets with self-managed permissions: the API.

Refusals and fields: the CloudFormation API reference of each operation. Not there: service-managed permissions,
delegated administrators, drift, import and account gates.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any
from uuid import uuid4

import botocore.session

from emulator import bridge_stacks, query_api
from emulator import stack_set_records as records
from emulator.bridge_data_plane import Record, Refused, current_scope
from emulator.json_api import ApiError
from emulator.stack_set_records import Operation
from emulator.stack_set_runs import begin, limits

Given = dict[str, Any]
_PAGE = 100


def install() -> None:
    """Serve the operations."""
    query_api.install({name: _refusing(operation) for name, operation in _OPERATIONS.items()})


def _refusing(operation: Callable[[Given], Mapping[str, Any]]) -> Callable[[Given], Mapping[str, Any]]:
    def answer(given: Given) -> Mapping[str, Any]:
        if given.get("CallAs", "SELF") != "SELF":
            raise _invalid("You must be the management account or delegated admin account of an organization")
        try:
            return operation(given)
        except Refused as refused:
            raise ApiError(refused.code, str(refused)) from refused

    return answer


def _invalid(message: str) -> ApiError:
    return ApiError("ValidationError", message)


# --- Sets ---


def create_stack_set(given: Given) -> Given:
    """Make a set without instances."""
    name = given["StackSetName"]
    if given.get("PermissionModel", "SELF_MANAGED") != "SELF_MANAGED":
        raise _invalid("You must enable organizations access to operate a service managed stack set")
    if "AutoDeployment" in given:
        raise _invalid("AutoDeployment is only supported for StackSets with SERVICE_MANAGED permission model")
    if records.exists(name):
        raise ApiError("NameAlreadyExistsException", f"The name {name} is already in use.", 409)
    body, document = bridge_stacks.template(given)
    values = _values(given.get("Parameters"), {})
    bridge_stacks.check_template(body, values, given.get("Capabilities") or ())
    account, region = current_scope()
    identity = f"{name}:{uuid4()}"
    administration = f"arn:aws:iam::{account}:role/AWSCloudFormationStackSetAdministrationRole"
    records.put(
        {
            "StackSetName": name,
            "StackSetId": identity,
            "StackSetARN": f"arn:aws:cloudformation:{region}:{account}:stackset/{identity}",
            "Status": "ACTIVE",
            "PermissionModel": "SELF_MANAGED",
            "Description": given.get("Description", document.get("Description", "")),
            "TemplateBody": body,
            "ParameterValues": values,
            "Capabilities": given.get("Capabilities") or [],
            "Tags": given.get("Tags") or [],
            "AdministrationRoleARN": given.get("AdministrationRoleARN", administration),
            "ExecutionRoleName": given.get("ExecutionRoleName", "AWSCloudFormationStackSetExecutionRole"),
            "ManagedExecution": given.get("ManagedExecution", {"Active": False}),
            "Instances": {},
            "Operations": {},
        }
    )
    return {"StackSetId": identity}


def _values(given: Sequence[Mapping[str, Any]] | None, before: Mapping[str, str]) -> dict[str, str]:
    values = {}
    for item in given or ():
        key = str(item["ParameterKey"])
        if item.get("UsePreviousValue"):
            if key not in before:
                raise _invalid(f"Invalid input for parameter key {key}. Cannot specify usePreviousValue as true")
            values[key] = before[key]
        else:
            values[key] = str(item.get("ParameterValue", ""))
    return values


def _listed(values: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()]


def update_stack_set(given: Given) -> Given:
    """Change a set and its instances, or those of the given accounts and Regions; the others become outdated."""
    record = records.find(given["StackSetName"])
    identity = _startable(record, given)
    targeted = "Accounts" in given or "Regions" in given
    if targeted and not (given.get("Accounts") and given.get("Regions")):
        raise _invalid("Accounts and Regions must be given together")
    if targeted:
        _existing(record, given["Accounts"], given["Regions"])
    body = record["TemplateBody"]
    if not given.get("UsePreviousTemplate"):
        body, _ = bridge_stacks.template(given)
    values = _values(given.get("Parameters"), record["ParameterValues"])
    capabilities = given.get("Capabilities") or []
    bridge_stacks.check_template(body, values, capabilities)
    kept = ("Description", "AdministrationRoleARN", "ExecutionRoleName", "ManagedExecution", "Tags")
    record |= {"TemplateBody": body, "ParameterValues": values, "Capabilities": capabilities}
    record |= {name: given[name] for name in kept if name in given}
    for instance in record["Instances"].values():
        instance["Status"] = "OUTDATED"
    instances = record["Instances"].values()
    accounts = given.get("Accounts") or list(dict.fromkeys(item["Account"] for item in instances))
    regions = given.get("Regions") or list(dict.fromkeys(item["Region"] for item in instances))
    begin(record, _operation("UPDATE", given | {"Accounts": accounts, "Regions": regions}, identity))
    return {"OperationId": identity}


def delete_stack_set(given: Given) -> Given:
    """Delete a set that has no instances."""
    record = records.find(given["StackSetName"])
    if record["Instances"]:
        raise ApiError("StackSetNotEmptyException", "StackSet is not empty", 409)
    if _running(record):
        raise _in_progress(record)
    records.put(record | {"Status": "DELETED"})
    return {}


_SET: tuple[str, ...] = (
    "StackSetName",
    "StackSetId",
    "StackSetARN",
    "Status",
    "Description",
    "TemplateBody",
    "Capabilities",
    "Tags",
)
_SET += ("AdministrationRoleARN", "ExecutionRoleName", "PermissionModel", "ManagedExecution")


def describe_stack_set(given: Given) -> Given:
    """Return a set."""
    record = records.find(given["StackSetName"])
    described = {name: record[name] for name in _SET}
    described["Parameters"] = _listed(record["ParameterValues"])
    described["OrganizationalUnitIds"] = []
    described["Regions"] = list(dict.fromkeys(item["Region"] for item in record["Instances"].values()))
    return {"StackSet": described}


def list_stack_sets(given: Given) -> Given:
    """Return the sets of a status, or all."""
    names = ("StackSetName", "StackSetId", "Description", "Status", "PermissionModel", "ManagedExecution")
    found = [
        {**{name: record[name] for name in names}, "DriftStatus": "NOT_CHECKED"}
        for record in records.every()
        if given.get("Status", record["Status"]) == record["Status"]
    ]
    return _page(found, given)


# --- Instances ---


def create_stack_instances(given: Given) -> Given:
    """Make instances of every account in every Region; existing ones are updated."""
    record = records.find(given["StackSetName"])
    identity = _startable(record, given)
    accounts, regions = _targets(given)
    overrides = _values(given.get("ParameterOverrides"), {})
    _check_overrides(record, overrides)
    for account in accounts:
        for region in regions:
            _enter(record, account, region)["Overrides"] = dict(overrides)
    begin(record, _operation("CREATE", given, identity))
    return {"OperationId": identity}


def _enter(record: Record, account: str, region: str) -> Record:
    fresh = {"Account": account, "Region": region, "Status": "OUTDATED", "DetailedStatus": "PENDING", "Overrides": {}}
    instance: Record = record["Instances"].setdefault(records.instance_key(account, region), fresh)
    return instance


def update_stack_instances(given: Given) -> Given:
    """Deploy instances again, with other overrides when some are given: those not among them fall back to the set's."""
    record = records.find(given["StackSetName"])
    identity = _startable(record, given)
    accounts, regions = _targets(given)
    instances = _existing(record, accounts, regions)
    if "ParameterOverrides" in given:
        changed = [_values(given["ParameterOverrides"], instance["Overrides"]) for instance in instances]
        for overrides in changed:
            _check_overrides(record, overrides)
        for instance, overrides in zip(instances, changed, strict=True):
            instance["Overrides"] = overrides
    begin(record, _operation("UPDATE", given, identity))
    return {"OperationId": identity}


def delete_stack_instances(given: Given) -> Given:
    """Delete instances with their stacks, or keep the stacks."""
    record = records.find(given["StackSetName"])
    identity = _startable(record, given)
    accounts, regions = _targets(given)
    _existing(record, accounts, regions)
    begin(record, _operation("DELETE", given, identity))
    return {"OperationId": identity}


def _targets(given: Given) -> tuple[list[str], list[str]]:
    if "DeploymentTargets" in given:
        raise _invalid("DeploymentTargets is only supported for StackSets with SERVICE_MANAGED permission model")
    accounts, regions = given.get("Accounts") or [], given.get("Regions") or []
    if not accounts or not regions:
        raise _invalid("At least one account and one Region must be given")
    for account in accounts:
        if not (account.isdigit() and len(account) == 12):
            raise _invalid(f"Value '{account}' at 'accounts' is not an account id of 12 digits")
    unknown = [region for region in regions if region not in _regions()]
    if unknown:
        raise _invalid(f"Region {', '.join(unknown)} is not supported")
    return accounts, regions


@cache
def _regions() -> frozenset[str]:
    return frozenset(botocore.session.Session().get_available_regions("cloudformation"))


def _existing(record: Record, accounts: Sequence[str], regions: Sequence[str]) -> list[Record]:
    keys = [records.instance_key(account, region) for account in accounts for region in regions]
    missing = [key for key in keys if key not in record["Instances"]]
    if missing:
        text = f"Stack instances do not exist for StackSet {record['StackSetId']}: {', '.join(missing)}"
        raise ApiError("StackInstanceNotFoundException", text, 404)
    return [record["Instances"][key] for key in keys]


def _check_overrides(record: Record, overrides: Mapping[str, str]) -> None:
    bridge_stacks.check_template(
        record["TemplateBody"], {**record["ParameterValues"], **overrides}, record["Capabilities"]
    )


def describe_stack_instance(given: Given) -> Given:
    """Return an instance."""
    record = records.find(given["StackSetName"])
    key = records.instance_key(given["StackInstanceAccount"], given["StackInstanceRegion"])
    instance = record["Instances"].get(key)
    if instance is None:
        account, region = key.split("/")
        text = f"Stack instance for stack set {record['StackSetId']}, account {account} and region {region} not found"
        raise ApiError("StackInstanceNotFoundException", text, 404)
    return {"StackInstance": _summary(record, instance) | {"ParameterOverrides": _listed(instance["Overrides"])}}


def _summary(record: Record, instance: Record) -> Given:
    names = ("Account", "Region", "StackId", "Status", "StatusReason", "LastOperationId")
    return {
        "StackSetId": record["StackSetId"],
        **{name: instance.get(name) for name in names},
        "StackInstanceStatus": {"DetailedStatus": instance["DetailedStatus"]},
        "DriftStatus": "NOT_CHECKED",
    }


def list_stack_instances(given: Given) -> Given:
    """Return the instances of an account, a Region, a detailed status or an operation, or all."""
    record = records.find(given["StackSetName"])
    fields = {"DETAILED_STATUS": "DetailedStatus", "LAST_OPERATION_ID": "LastOperationId"}
    filters = {fields[item["Name"]]: item["Values"] for item in given.get("Filters") or () if item["Name"] in fields}
    found = [
        _summary(record, instance)
        for instance in list(record["Instances"].values())
        if given.get("StackInstanceAccount", instance["Account"]) == instance["Account"]
        and given.get("StackInstanceRegion", instance["Region"]) == instance["Region"]
        and all(instance.get(name) == value for name, value in filters.items())
    ]
    return _page(found, given)


# --- Operations ---


def _startable(record: Record, given: Given) -> str:
    """The id of the operation that a request begins. Raises ApiError while another runs, unless managed."""
    identity = str(given.get("OperationId") or uuid4())
    if identity in record["Operations"]:
        text = f"Operation {identity} already exists for StackSet {record['StackSetId']}"
        raise ApiError("OperationIdAlreadyExistsException", text, 409)
    if _running(record) and not record["ManagedExecution"].get("Active"):
        raise _in_progress(record)
    preferences = given.get("OperationPreferences") or {}
    for pair in (
        ("FailureToleranceCount", "FailureTolerancePercentage"),
        ("MaxConcurrentCount", "MaxConcurrentPercentage"),
    ):
        if all(name in preferences for name in pair):
            raise _invalid(f"Only one of {pair[0]} and {pair[1]} may be given")
    tolerance, width = limits({**preferences, "ConcurrencyMode": "SOFT_FAILURE_TOLERANCE"}, 100)
    strict = preferences.get("ConcurrencyMode", "STRICT_FAILURE_TOLERANCE") == "STRICT_FAILURE_TOLERANCE"
    if strict and "MaxConcurrentCount" in preferences and width > tolerance + 1:
        raise _invalid("MaxConcurrentCount may be at most one more than FailureToleranceCount")
    return identity


def _running(record: Record) -> list[str]:
    return [key for key, item in record["Operations"].items() if item["Status"] in ("RUNNING", "STOPPING", "QUEUED")]


def _in_progress(record: Record) -> ApiError:
    text = f"Another Operation on StackSet {record['StackSetARN']} is in progress: {_running(record)[0]}"
    return ApiError("OperationInProgressException", text, 409)


def _operation(action: str, given: Given, identity: str) -> Operation:
    return Operation(
        action=action,
        accounts=tuple(dict.fromkeys(given["Accounts"])),
        regions=tuple(dict.fromkeys(given["Regions"])),
        identity=identity,
        preferences=given.get("OperationPreferences") or {},
        retain=bool(given.get("RetainStacks")),
    )


_OPERATION: tuple[str, ...] = (
    "OperationId",
    "Action",
    "Status",
    "CreationTimestamp",
    "EndTimestamp",
    "StatusReason",
    "StatusDetails",
)
_OPERATION += ("OperationPreferences",)


def describe_stack_set_operation(given: Given) -> Given:
    """Return an operation."""
    found = records.operation(records.find(given["StackSetName"]), given["OperationId"])
    names = (*_OPERATION, "StackSetId", "RetainStacks", "AdministrationRoleARN", "ExecutionRoleName")
    return {"StackSetOperation": {name: found.get(name) for name in names}}


def list_stack_set_operations(given: Given) -> Given:
    """Return the operations of a set, the newest first."""
    record = records.find(given["StackSetName"])
    found = [{name: item.get(name) for name in _OPERATION} for item in reversed(record["Operations"].values())]
    return _page(found, given)


def list_stack_set_operation_results(given: Given) -> Given:
    """Return an operation's results by target."""
    found = records.operation(records.find(given["StackSetName"]), given["OperationId"])["Results"]
    skipped = {"Status": "SKIPPED", "StatusReason": "Function not found"}
    return _page([{**result, "AccountGateResult": skipped} for result in found], given)


def stop_stack_set_operation(given: Given) -> Given:
    """Let a running operation begin no further target."""
    found = records.operation(records.find(given["StackSetName"]), given["OperationId"])
    if found["Status"] not in ("RUNNING", "QUEUED", "STOPPING"):
        text = f"Operation {given['OperationId']} is in {found['Status']} state and cannot be stopped"
        raise ApiError("InvalidOperationException", text)
    found["Status"] = "STOPPING"
    return {}


def _page(found: list[Given], given: Given) -> Given:
    start, size = int(given.get("NextToken") or 0), given.get("MaxResults", _PAGE)
    page = {"Summaries": found[start : start + size]}
    return page | ({"NextToken": str(start + size)} if start + size < len(found) else {})


_OPERATIONS: Mapping[str, Callable[[Given], Mapping[str, Any]]] = {
    "CreateStackInstances": create_stack_instances,
    "CreateStackSet": create_stack_set,
    "DeleteStackInstances": delete_stack_instances,
    "DeleteStackSet": delete_stack_set,
    "DescribeStackInstance": describe_stack_instance,
    "DescribeStackSet": describe_stack_set,
    "DescribeStackSetOperation": describe_stack_set_operation,
    "ListStackInstances": list_stack_instances,
    "ListStackSetOperationResults": list_stack_set_operation_results,
    "ListStackSetOperations": list_stack_set_operations,
    "ListStackSets": list_stack_sets,
    "StopStackSetOperation": stop_stack_set_operation,
    "UpdateStackInstances": update_stack_instances,
    "UpdateStackSet": update_stack_set,
}
