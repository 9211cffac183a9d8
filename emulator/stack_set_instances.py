"""Instances of stack sets: the API."""

from collections.abc import Mapping, Sequence
from typing import Any

from emulator import stack_set_automation as automation
from emulator import stack_set_parameters as parameters
from emulator import stack_set_records as records
from emulator.bridge_data_plane import Record
from emulator.json_api import ApiError
from emulator.stack_set_operations import startable
from emulator.stack_set_records import Operation, instance_key
from emulator.stack_set_runs import begin
from emulator.stack_set_selection import Selection, select

Given = dict[str, Any]
_FIELDS = (
    "Account",
    "Region",
    "StackId",
    "Status",
    "StatusReason",
    "LastOperationId",
    "OrganizationalUnitId",
    "LastDriftCheckTimestamp",
)
_FILTERS: Mapping[str, str] = {
    "DETAILED_STATUS": "DetailedStatus",
    "LAST_OPERATION_ID": "LastOperationId",
    "DRIFT_STATUS": "DriftStatus",
}


def create_stack_instances(given: Given) -> Given:
    """Make instances of every selected account in every Region; existing ones are updated."""
    record = records.find(given["StackSetName"])
    identity = startable(record, given)
    chosen = select(record, given)
    keys = [instance_key(account, region) for account, region in chosen.targets]
    overrides = parameters.overrides(record, given.get("ParameterOverrides"), keys)
    for account, region in chosen.targets:
        automation.enter(record, account, region, chosen.units.get(account, ""))
    automation.target(record, _units(given), given["Regions"])
    return _begin(record, "CREATE", given, identity, chosen, overrides)


def _units(given: Given) -> list[str]:
    return list((given.get("DeploymentTargets") or {}).get("OrganizationalUnitIds") or ())


def update_stack_instances(given: Given) -> Given:
    """Deploy instances again, with other overrides when some are given: those not among them fall back to the set's."""
    record = records.find(given["StackSetName"])
    identity = startable(record, given)
    chosen = select(record, given, present=True)
    keys = [instance_key(account, region) for account, region in chosen.targets]
    overrides = parameters.overrides(record, given.get("ParameterOverrides"), keys)
    return _begin(record, "UPDATE", given, identity, chosen, overrides)


def delete_stack_instances(given: Given) -> Given:
    """Delete instances with their stacks, or keep the stacks."""
    record = records.find(given["StackSetName"])
    identity = startable(record, given)
    chosen = select(record, given, present=True)
    if not (given.get("DeploymentTargets") or {}).get("Accounts"):
        automation.leave(record, _units(given), given["Regions"])
    return _begin(record, "DELETE", given, identity, chosen, {})


def list_stack_set_auto_deployment_targets(given: Given) -> Given:
    """Return the units that automatic deployment watches, each with its Regions."""
    targets = records.find(given["StackSetName"])["AutoTargets"]
    found = [{"OrganizationalUnitId": unit, "Regions": list(regions)} for unit, regions in targets.items()]
    return records.page(found, given)


def _begin(
    record: Record,
    action: str,
    given: Given,
    identity: str,
    chosen: Selection,
    overrides: Mapping[str, Mapping[str, str]],
) -> Given:
    operation = Operation(
        action=action,
        targets=chosen.targets,
        identity=identity,
        preferences=given.get("OperationPreferences") or {},
        overrides=overrides,
        deployment_targets=given.get("DeploymentTargets"),
        retain=bool(given.get("RetainStacks")),
    )
    begin(record, operation)
    return {"OperationId": identity}


def describe_stack_instance(given: Given) -> Given:
    """Return an instance."""
    record = records.find(given["StackSetName"])
    account, region = given["StackInstanceAccount"], given["StackInstanceRegion"]
    instance = record["Instances"].get(instance_key(account, region))
    if instance is None:
        text = f"Stack instance for stack set {record['StackSetId']}, account {account} and region {region} not found"
        raise ApiError("StackInstanceNotFoundException", text, 404)
    described = {"ParameterOverrides": parameters.listed(instance["Overrides"])}
    return {"StackInstance": _summary(record, instance) | described}


def _summary(record: Record, instance: Record) -> Given:
    return {
        "StackSetId": record["StackSetId"],
        **{name: instance.get(name) for name in _FIELDS},
        "StackInstanceStatus": {"DetailedStatus": instance["DetailedStatus"]},
        "DriftStatus": instance.get("DriftStatus", "NOT_CHECKED"),
    }


def list_stack_instances(given: Given) -> Given:
    """Return the instances of an account, a Region, a status or an operation, or all."""
    record = records.find(given["StackSetName"])
    filters: Sequence[Mapping[str, str]] = given.get("Filters") or ()
    wanted = {_FILTERS[item["Name"]]: item["Values"] for item in filters if item["Name"] in _FILTERS}
    found = [
        instance
        for instance in list(record["Instances"].values())
        if given.get("StackInstanceAccount", instance["Account"]) == instance["Account"]
        and given.get("StackInstanceRegion", instance["Region"]) == instance["Region"]
        and all(instance.get(name) == value for name, value in wanted.items())
    ]
    answer = records.page(found, given)
    return answer | {"Summaries": [_summary(record, instance) for instance in answer["Summaries"]]}
