"""Stack sets over several accounts and Regions, through the API that the deployer uses."""

from collections.abc import Iterator

import boto3
import pytest
from botocore.config import Config

from tests.emulator.control_templates import CAPABILITIES, parameters
from tests.emulator.running_emulator import ACCOUNT, RunningEmulator
from tests.emulator.stack_set_fleets import (
    ADMINISTRATION,
    EXECUTION,
    REGIONS,
    TARGETS,
    Fleet,
    add_execution_role,
    label,
    prepare,
)


@pytest.fixture(scope="module")
def prepared(emulator: RunningEmulator) -> None:
    prepare(emulator)


@pytest.fixture
def fleet(emulator: RunningEmulator, prepared: None, request: pytest.FixtureRequest) -> Iterator[Fleet]:
    made = Fleet(emulator, f"fleet{abs(hash(request.node.name)) % 10**8}")
    yield made
    made.remove()


def test_every_account_and_region_gets_nested_stacks(emulator: RunningEmulator, fleet: Fleet) -> None:
    status, results = fleet.run("create_stack_instances", Accounts=list(TARGETS), Regions=list(REGIONS))
    assert status == "SUCCEEDED", results
    assert set(results) == {(account, region) for account in TARGETS for region in REGIONS}
    assert {item["Status"] for item in fleet.instances()} == {"CURRENT"}
    for account, region in results:
        assert label(emulator, account, region) == ["one"]
        stacks = emulator.client("cloudformation", account, region).describe_stacks()["Stacks"]
        live = [item for item in stacks if item["StackStatus"] == "CREATE_COMPLETE"]
        assert sum("ParentId" in item for item in live) == 1 and len(live) == 2

    one = {"Accounts": [TARGETS[0]], "Regions": [REGIONS[0]]}
    changed = fleet.run("update_stack_instances", **one, ParameterOverrides=parameters({"Label": "other"}))
    assert changed[0] == "SUCCEEDED"
    assert label(emulator, TARGETS[0], REGIONS[0]) == ["other"]
    given = {"UsePreviousTemplate": True, "Capabilities": CAPABILITIES, "Parameters": parameters({"Label": "two"})}
    assert fleet.run("update_stack_set", **given)[0] == "SUCCEEDED"
    assert label(emulator, TARGETS[0], REGIONS[0]) == ["other"]
    assert label(emulator, TARGETS[1], REGIONS[1]) == ["two"]
    assert fleet.run("update_stack_instances", **one, ParameterOverrides=[])[0] == "SUCCEEDED"
    assert label(emulator, TARGETS[0], REGIONS[0]) == ["two"]

    with pytest.raises(fleet.client.exceptions.StackSetNotEmptyException):
        fleet.client.delete_stack_set(StackSetName=fleet.name)
    everywhere = {"Accounts": list(TARGETS), "Regions": list(REGIONS)}
    assert fleet.run("delete_stack_instances", **everywhere, RetainStacks=False)[0] == "SUCCEEDED"
    assert fleet.instances() == []
    assert label(emulator, TARGETS[0], REGIONS[0]) == []


def test_failing_target_is_named_with_its_resource(emulator: RunningEmulator, fleet: Fleet) -> None:
    bad = parameters({"Label": "UPPER"})
    status, results = fleet.run(
        "create_stack_instances", Accounts=[TARGETS[0]], Regions=[REGIONS[0]], ParameterOverrides=bad
    )
    assert status == "FAILED"
    state, reason = results[TARGETS[0], REGIONS[0]]
    assert state == "FAILED" and reason.startswith("ResourceLogicalId:Child, ResourceType:AWS::CloudFormation::Stack")
    assert [item["Status"] for item in fleet.instances()] == ["OUTDATED"]
    repaired = fleet.run("update_stack_instances", Accounts=[TARGETS[0]], Regions=[REGIONS[0]], ParameterOverrides=[])
    assert repaired[0] == "SUCCEEDED", repaired
    assert label(emulator, TARGETS[0], REGIONS[0]) == ["one"]


def test_execution_role_is_needed(emulator: RunningEmulator, fleet: Fleet) -> None:
    where = {"Accounts": ["444444444444"], "Regions": [REGIONS[0]]}
    status, results = fleet.run("create_stack_instances", **where)
    expected = (
        f"Account 444444444444 should have '{EXECUTION}' role with trust relationship to Role '{ADMINISTRATION}'."
    )
    assert (status, results) == ("FAILED", {("444444444444", REGIONS[0]): ("FAILED", expected)})
    add_execution_role(emulator, "444444444444")
    assert fleet.run("update_stack_instances", **where)[0] == "SUCCEEDED"


def test_intolerable_failure_cancels_what_has_not_begun(fleet: Fleet) -> None:
    sequential = {"RegionConcurrencyType": "SEQUENTIAL", "MaxConcurrentCount": 1}
    status, results = fleet.run(
        "create_stack_instances",
        Accounts=[TARGETS[0]],
        Regions=list(REGIONS),
        ParameterOverrides=parameters({"Label": "UPPER"}),
        OperationPreferences=sequential,
    )
    assert status == "FAILED"
    assert [results[TARGETS[0], region][0] for region in REGIONS] == ["FAILED", "CANCELLED"]


def test_requests_that_contradict_the_set_are_refused(emulator: RunningEmulator, fleet: Fleet) -> None:
    errors = fleet.client.exceptions
    one = {"Accounts": [TARGETS[0]], "Regions": [REGIONS[0]]}
    with pytest.raises(errors.StackInstanceNotFoundException):
        fleet.begin("update_stack_instances", **one)
    with pytest.raises(errors.ClientError, match="do not exist in the template"):
        fleet.begin("create_stack_instances", **one, ParameterOverrides=parameters({"Absent": "one"}))
    with pytest.raises(errors.StackSetNotFoundException):
        fleet.client.describe_stack_set(StackSetName="absent")
    with pytest.raises(errors.NameAlreadyExistsException):
        Fleet(emulator, fleet.name)


def test_requests_beyond_the_service_model_are_refused(emulator: RunningEmulator, fleet: Fleet) -> None:
    one = {"Accounts": [TARGETS[0]], "Regions": [REGIONS[0]]}
    unchecked = boto3.client(
        "cloudformation",
        endpoint_url=emulator.endpoint,
        region_name=REGIONS[0],
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key=emulator.secret,
        config=Config(parameter_validation=False),
    )
    for preferences, words in (
        ({"RegionConcurrencyType": "parallel"}, r"regionConcurrencyType.*enum value set: \[SEQUENTIAL, PARALLEL\]"),
        ({"MaxConcurrentPercentage": 101}, "maxConcurrentPercentage.*less than or equal to 100"),
        ({"MaxConcurrentCount": 0}, "maxConcurrentCount.*greater than or equal to 1"),
        ({"MaxConcurrentCount": 3}, "at most one more than FailureToleranceCount"),
    ):
        with pytest.raises(unchecked.exceptions.ClientError, match=words):
            unchecked.create_stack_instances(StackSetName=fleet.name, **one, OperationPreferences=preferences)
    with pytest.raises(fleet.client.exceptions.ClientError, match=r"operationId.*regular expression pattern"):
        fleet.begin("create_stack_instances", **one, OperationId="no spaces")
    with pytest.raises(fleet.client.exceptions.ClientError, match="stackSetName"):
        Fleet(emulator, "1-begins-with-a-digit")
    with pytest.raises(fleet.client.exceptions.ClientError, match=r"templateBody.*51200"):
        Fleet(emulator, "long", TemplateURL=None, TemplateBody=" " * 51_201)
    with pytest.raises(fleet.client.exceptions.ClientError, match=r"description.*less than or equal to 1024"):
        Fleet(emulator, "long", Description="x" * 1025)
