"""A stack set over five hundred targets: twenty-five accounts in twenty Regions."""

import json

from tests.emulator.control_templates import template
from tests.emulator.running_emulator import RunningEmulator
from tests.emulator.stack_set_fleets import Fleet, add_execution_role, prepare

ACCOUNTS = [str(100_000_000_000 + number) for number in range(1, 26)]
REGIONS = [
    f"{area}-{number}"
    for area in ("us-east", "us-west", "eu-west", "eu-south", "ap-south", "ap-southeast", "ap-northeast", "eu-central")
    for number in (1, 2)
] + ["eu-north-1", "ca-central-1", "sa-east-1", "af-south-1"]


def test_every_target_is_reached_listed_by_hundreds_and_removed(emulator: RunningEmulator) -> None:
    prepare(emulator)
    for account in ACCOUNTS:
        add_execution_role(emulator, account)
    body = template({"Named": {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": "one"}}})
    fleet = Fleet(emulator, "many", TemplateURL=None, TemplateBody=json.dumps(body))
    operation = fleet.begin("create_stack_instances", Accounts=ACCOUNTS, Regions=REGIONS)
    assert fleet.ended(operation) == "SUCCEEDED"
    pages = list(fleet.client.get_paginator("list_stack_instances").paginate(StackSetName=fleet.name))
    assert [len(page["Summaries"]) for page in pages] == [100] * 5
    found = {(item["Account"], item["Region"]): item for page in pages for item in page["Summaries"]}
    assert set(found) == {(account, region) for account in ACCOUNTS for region in REGIONS}
    assert {(item["Status"], item["LastOperationId"]) for item in found.values()} == {("CURRENT", operation)}
    last = emulator.client("cloudformation", ACCOUNTS[-1], REGIONS[-1]).describe_stacks()["Stacks"]
    assert [item["StackStatus"] for item in last] == ["CREATE_COMPLETE"]
    results = fleet.client.get_paginator("list_stack_set_operation_results")
    sizes = [len(page["Summaries"]) for page in results.paginate(StackSetName=fleet.name, OperationId=operation)]
    assert sizes == [100] * 5
    everywhere = {"Accounts": ACCOUNTS, "Regions": REGIONS, "RetainStacks": False}
    assert fleet.ended(fleet.begin("delete_stack_instances", **everywhere)) == "SUCCEEDED"
    assert fleet.instances() == []
    fleet.client.delete_stack_set(StackSetName=fleet.name)
