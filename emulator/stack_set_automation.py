"""Automatic deployment: stack sets follow accounts that join, leave or change units.

"Enable or disable automatic deployments for StackSets in AWS Organizations" (CloudFormation user guide): all targeted
units count whatever filter of accounts their requests had; an account that is added gets the set's own values, no
overrides; operations of one set wait for each other. An account that moves from one targeted unit to another of the
same set keeps its instances (our reading).
"""

from uuid import uuid4

from emulator import organization
from emulator import stack_set_records as records
from emulator.bridge_data_plane import Record, scope
from emulator.stack_set_records import Operation, instance_key
from emulator.stack_set_runs import begin


def target(record: Record, units: list[str], regions: list[str]) -> None:
    """Let accounts that join units get instances in Regions."""
    for unit in units:
        known = record["AutoTargets"].setdefault(unit, [])
        known.extend(region for region in regions if region not in known)


def leave(record: Record, units: list[str], regions: list[str]) -> None:
    """Undo ``target``."""
    for unit in units:
        kept = [region for region in record["AutoTargets"].pop(unit, []) if region not in regions]
        if kept:
            record["AutoTargets"][unit] = kept


def enter(record: Record, account: str, region: str, unit: str = "") -> None:
    """Give a set an instance that no operation has reached yet, unless it has it."""
    fresh = {"Status": "OUTDATED", "DetailedStatus": "PENDING", "DriftStatus": "NOT_CHECKED", "Overrides": {}}
    instance = {"Account": account, "Region": region, **fresh}
    if unit:
        instance["OrganizationalUnitId"] = unit
    record["Instances"].setdefault(instance_key(account, region), instance)


def follow(management: str, account: str) -> None:
    """Begin the operations that the present place of an account in an organization asks for."""
    if not organization.stack_sets_may_act(management):
        return
    for region, record in records.of_account(management):
        if (record.get("AutoDeployment") or {}).get("Enabled"):
            with scope(management, region):
                _follow(record, account)


def _follow(record: Record, account: str) -> None:
    wanted = _wanted(record, account)
    present = [item for item in list(record["Instances"].values()) if item["Account"] == account]
    for instance in present:
        if instance["Region"] in wanted:
            instance["OrganizationalUnitId"] = wanted[instance["Region"]]
    leaving = tuple((account, item["Region"]) for item in present if item["Region"] not in wanted)
    there = {item["Region"] for item in present}
    joining = tuple((account, region) for region in wanted if region not in there)
    if leaving:
        retain = bool(record["AutoDeployment"].get("RetainStacksOnAccountRemoval"))
        begin(record, Operation("DELETE", leaving, str(uuid4()), retain=retain))
    if joining:
        for _, region in joining:
            enter(record, account, region, wanted[region])
        begin(record, Operation("CREATE", joining, str(uuid4())))


def _wanted(record: Record, account: str) -> dict[str, str]:
    """The unit that reaches an account, by Region: the nearest above it that the set targets there."""
    found = organization.of(account)
    wanted: dict[str, str] = {}
    if found is None or account not in found.active or account == found.management:
        return wanted
    for unit in found.above(account):
        for region in record["AutoTargets"].get(unit, []):
            wanted.setdefault(region, unit)
    return wanted
