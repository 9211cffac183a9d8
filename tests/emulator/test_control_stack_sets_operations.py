"""How a stack set's operations run beside and after one another, and what a request that is sent again is answered."""

from typing import Any

import pytest

from tests.emulator.control_templates import BASE, CAPABILITIES, Deployer, parameters, template
from tests.emulator.running_emulator import RunningEmulator
from tests.emulator.stack_set_fleets import REGIONS, TARGETS, Fleet, add_execution_role, prepare, until

ACCOUNTS = (*TARGETS, "444444444444", "555555555555")
HERE = {"Regions": [REGIONS[0]]}
SLOW = {"TemplateURL": f"{BASE}/slow.json"}


@pytest.fixture(scope="module", autouse=True)
def prepared(emulator: RunningEmulator) -> None:
    prepare(emulator)
    for account in ACCOUNTS[2:]:
        add_execution_role(emulator, account)


def signal(emulator: RunningEmulator, fleet: Fleet, account: str, status: str = "SUCCESS") -> None:
    """Let the waiting stack of an account's instance go on once it waits."""
    client = emulator.client("cloudformation", account, REGIONS[0])
    found: list[dict[str, Any]] = []

    def waits() -> bool:
        found[:] = [item for item in fleet.instances() if item["Account"] == account and item.get("StackId")]
        for item in found:
            events = client.describe_stack_events(StackName=item["StackId"])["StackEvents"]
            if any(event["LogicalResourceId"] == "Waiting" for event in events):
                return True
        return False

    until(waits)
    client.signal_resource(StackName=found[0]["StackId"], LogicalResourceId="Waiting", UniqueId=account, Status=status)


def states(fleet: Fleet, operation: str) -> list[str]:
    results = fleet.results(operation)
    return [results[account, REGIONS[0]][0] for account in ACCOUNTS]


def test_last_operation_is_that_of_every_kind_of_operation(emulator: RunningEmulator) -> None:
    fleet = Fleet(emulator, "lastly")
    first, second = ((account, REGIONS[0]) for account in TARGETS)
    created = fleet.begin("create_stack_instances", Accounts=list(TARGETS), **HERE)
    fleet.ended(created)
    assert fleet.last_operations() == {first: created, second: created}
    updated = fleet.begin("update_stack_instances", Accounts=[TARGETS[0]], **HERE)
    fleet.ended(updated)
    assert fleet.last_operations() == {first: updated, second: created}
    given = {"UsePreviousTemplate": True, "Capabilities": CAPABILITIES, "Parameters": parameters({"Label": "two"})}
    one = fleet.begin("update_stack_set", **given, Accounts=[TARGETS[1]], **HERE)
    fleet.ended(one)
    assert fleet.last_operations() == {first: updated, second: one}
    assert {item["Account"]: item["Status"] for item in fleet.instances()} == {
        TARGETS[0]: "OUTDATED",
        TARGETS[1]: "CURRENT",
    }
    everywhere = fleet.begin("update_stack_set", **given)
    fleet.ended(everywhere)
    assert fleet.last_operations() == {first: everywhere, second: everywhere}
    listed = fleet.client.list_stack_instances(
        StackSetName=fleet.name, Filters=[{"Name": "LAST_OPERATION_ID", "Values": one}]
    )
    assert listed["Summaries"] == []
    fleet.remove()


def test_set_is_made_once_for_one_token(emulator: RunningEmulator) -> None:
    fleet = Fleet(emulator, "once", ClientRequestToken="one")
    again = {"StackSetName": "once", "TemplateURL": f"{BASE}/root.json", "Capabilities": CAPABILITIES}
    first = fleet.client.describe_stack_set(StackSetName="once")["StackSet"]["StackSetId"]
    assert fleet.client.create_stack_set(**again, ClientRequestToken="one")["StackSetId"] == first
    with pytest.raises(fleet.client.exceptions.NameAlreadyExistsException):
        fleet.client.create_stack_set(**again, ClientRequestToken="two")
    identity = fleet.begin("update_stack_set", UsePreviousTemplate=True, Capabilities=CAPABILITIES, OperationId="same")
    fleet.ended(identity)
    with pytest.raises(fleet.client.exceptions.OperationIdAlreadyExistsException):
        fleet.begin("update_stack_set", UsePreviousTemplate=True, Capabilities=CAPABILITIES, OperationId="same")
    with pytest.raises(fleet.client.exceptions.CreatedButModifiedException):
        fleet.client.create_stack_set(**again, ClientRequestToken="one")
    fleet.remove()


def test_stack_operations_that_are_sent_again_are_answered_again(emulator: RunningEmulator) -> None:
    deployer = Deployer(emulator)
    client = deployer.cloudformation
    topic = template(
        {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": {"Ref": "Label"}}}},
        Parameters={"Label": {"Type": "String"}},
    )
    body = {"StackName": "token", "TemplateBody": str(topic).replace("'", '"')}
    create = {**body, "Parameters": parameters({"Label": "one"}), "ClientRequestToken": "create"}
    update = {**body, "Parameters": parameters({"Label": "two"}), "ClientRequestToken": "update"}
    made = client.create_stack(**create)["StackId"]
    deployer.settled("token")
    assert client.create_stack(**create)["StackId"] == made
    with pytest.raises(client.exceptions.ClientError, match="TokenAlreadyExists"):
        client.create_stack(**{**create, "StackName": "other"})
    assert client.update_stack(**update)["StackId"] == made
    deployer.settled("token")
    assert client.update_stack(**update)["StackId"] == made
    with pytest.raises(client.exceptions.ClientError, match="No updates are to be performed"):
        client.update_stack(**{**update, "ClientRequestToken": "another"})
    for _ in range(2):
        client.delete_stack(StackName=made, ClientRequestToken="delete")
        assert deployer.settled(made).status == "DELETE_COMPLETE"


def test_one_operation_runs_at_a_time_unless_execution_is_managed(emulator: RunningEmulator) -> None:
    fleet = Fleet(emulator, "plain", **SLOW)
    first = fleet.begin("create_stack_instances", Accounts=[TARGETS[0]], **HERE)
    with pytest.raises(fleet.client.exceptions.OperationInProgressException, match=first):
        fleet.begin("create_stack_instances", Accounts=[TARGETS[1]], **HERE)
    signal(emulator, fleet, TARGETS[0])
    assert fleet.ended(first) == "SUCCEEDED"
    fleet.remove()


def test_managed_execution_queues_what_conflicts(emulator: RunningEmulator) -> None:
    fleet = Fleet(emulator, "managed", **SLOW, ManagedExecution={"Active": True})
    first = fleet.begin("create_stack_instances", Accounts=[TARGETS[0]], **HERE)
    beside = fleet.begin("create_stack_instances", Accounts=[TARGETS[1]], **HERE)
    until(lambda: fleet.status(beside) == "RUNNING")
    after = fleet.begin("delete_stack_instances", Accounts=[TARGETS[0]], **HERE, RetainStacks=False)
    dropped = fleet.begin("delete_stack_instances", Accounts=[TARGETS[1]], **HERE, RetainStacks=False)
    assert [fleet.status(item) for item in (first, after, dropped)] == ["RUNNING", "QUEUED", "QUEUED"]
    with pytest.raises(fleet.client.exceptions.InvalidOperationException):
        fleet.begin("update_stack_set", UsePreviousTemplate=True, ManagedExecution={"Active": False})
    fleet.client.stop_stack_set_operation(StackSetName=fleet.name, OperationId=dropped)
    assert fleet.status(dropped) == "STOPPED"
    for account in TARGETS:
        signal(emulator, fleet, account)
    assert [fleet.ended(item) for item in (first, beside, after)] == ["SUCCEEDED"] * 3
    assert [item["Account"] for item in fleet.instances()] == [TARGETS[1]]
    fleet.remove()


def test_stopped_operation_ends_what_runs_and_begins_no_more(emulator: RunningEmulator) -> None:
    fleet = Fleet(emulator, "stopped", **SLOW)
    operation = fleet.begin(
        "create_stack_instances", Accounts=[TARGETS[0]], Regions=list(REGIONS), OperationPreferences={}
    )
    until(lambda: fleet.results(operation)[TARGETS[0], REGIONS[0]][0] == "RUNNING")
    fleet.client.stop_stack_set_operation(StackSetName=fleet.name, OperationId=operation)
    assert fleet.status(operation) == "STOPPING"
    signal(emulator, fleet, TARGETS[0])
    assert fleet.ended(operation) == "STOPPED"
    results = fleet.results(operation)
    assert [results[TARGETS[0], region][0] for region in REGIONS] == ["SUCCEEDED", "CANCELLED"]
    reached, missed = fleet.instances()
    assert (reached["Status"], missed["Status"]) == ("CURRENT", "OUTDATED")
    assert missed["StackInstanceStatus"]["DetailedStatus"] == "CANCELLED"
    assert missed["LastOperationId"] == operation
    cancelled = fleet.client.list_stack_set_operation_results(
        StackSetName=fleet.name,
        OperationId=operation,
        Filters=[{"Name": "OPERATION_RESULT_STATUS", "Values": "CANCELLED"}],
    )["Summaries"]
    assert [item["Region"] for item in cancelled] == [REGIONS[1]]
    with pytest.raises(fleet.client.exceptions.InvalidOperationException):
        fleet.client.stop_stack_set_operation(StackSetName=fleet.name, OperationId=operation)
    fleet.remove()


def test_strict_tolerance_narrows_the_operation_with_every_failure(emulator: RunningEmulator) -> None:
    fleet = Fleet(emulator, "strict", **SLOW)
    operation = fleet.begin(
        "create_stack_instances",
        Accounts=list(ACCOUNTS),
        **HERE,
        OperationPreferences={"MaxConcurrentCount": 2, "FailureToleranceCount": 1},
    )
    until(lambda: states(fleet, operation) == ["RUNNING", "RUNNING", "PENDING", "PENDING"])
    signal(emulator, fleet, ACCOUNTS[0], "FAILURE")
    until(lambda: states(fleet, operation)[0] == "FAILED")
    assert states(fleet, operation) == ["FAILED", "RUNNING", "PENDING", "PENDING"]
    signal(emulator, fleet, ACCOUNTS[1])
    until(lambda: states(fleet, operation) == ["FAILED", "SUCCEEDED", "RUNNING", "PENDING"])
    signal(emulator, fleet, ACCOUNTS[2], "FAILURE")
    assert fleet.ended(operation) == "FAILED"
    assert states(fleet, operation) == ["FAILED", "SUCCEEDED", "FAILED", "CANCELLED"]
    assert fleet.operation(operation)["StatusDetails"]["FailedStackInstancesCount"] == 2
    fleet.remove()


def test_operation_of_a_stopped_emulator_is_over_when_it_starts_again(emulator: RunningEmulator) -> None:
    fleet = Fleet(emulator, "interrupted", **SLOW)
    operation = fleet.begin("create_stack_instances", Accounts=[TARGETS[0]], **HERE)
    until(lambda: bool(fleet.instances()[0].get("StackId")))
    assert emulator.stop() == 0
    emulator.start()
    fleet.client = emulator.client("cloudformation")
    assert fleet.status(operation) == "FAILED"
    assert fleet.results(operation)[TARGETS[0], REGIONS[0]][0] == "CANCELLED"
    (instance,) = fleet.instances()
    assert instance["Status"] == "OUTDATED"
    assert instance["StackInstanceStatus"]["DetailedStatus"] == "CANCELLED"
    client = emulator.client("cloudformation", TARGETS[0], REGIONS[0])
    assert client.describe_stacks(StackName=instance["StackId"])["Stacks"][0]["StackStatus"] == "CREATE_FAILED"
    again = fleet.begin("update_stack_instances", Accounts=[TARGETS[0]], **HERE)
    until(lambda: fleet.instances()[0]["StackId"] != instance["StackId"])
    signal(emulator, fleet, TARGETS[0])
    assert fleet.ended(again) == "SUCCEEDED"
    fleet.remove()
