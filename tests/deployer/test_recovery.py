"""Each stuck state has one call that frees it, and what is not stuck has none."""

import botocore.session
import pytest

from deployer.context import Context
from deployer.errors import RefusedError
from deployer.network import PublicNetwork
from deployer.recovering import free
from deployer.recovery import CALLS, Call, Stuck, of_gateway_target, of_instance, of_operation, of_stack
from deployer.session import EXAMPLE
from deployer.settings import load
from tests.deployer.scripted import ACCOUNT, REGION, Scripted
from tests.deployer.test_stacks import Recorder

STACK_ID = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/s/1"
STACKS: dict[str, Call] = {
    "CREATE_FAILED": "remove",
    "ROLLBACK_COMPLETE": "remove",
    "ROLLBACK_FAILED": "remove",
    "REVIEW_IN_PROGRESS": "remove",
    "DELETE_FAILED": "remove",
    "UPDATE_FAILED": "deploy",
    "UPDATE_ROLLBACK_FAILED": "continue the rollback",
}
TARGETS: dict[str, Call] = {
    "FAILED": "remove",
    "UPDATE_UNSUCCESSFUL": "deploy",
    "SYNCHRONIZE_UNSUCCESSFUL": "synchronize",
}


def states(service: str, shape: str) -> list[str]:
    """Returns every state that a service's model knows."""
    found = botocore.session.get_session().get_service_model(service).shape_for(shape)
    return list(found.metadata["enum"])


def test_every_stuck_state_of_a_stack_has_its_call_and_no_other_state_has_one() -> None:
    found = {one: of_stack("1", "r", one) for one in states("cloudformation", "StackStatus")}
    assert {state: one.call for state, one in found.items() if one} == STACKS


def test_every_stuck_state_of_a_gateway_target_has_its_call_and_no_other_state_has_one() -> None:
    found = {one: of_gateway_target("1", "r", one) for one in states("bedrock-agentcore-control", "TargetStatus")}
    assert {state: one.call for state, one in found.items() if one} == TARGETS


def test_every_stuck_stack_instance_has_its_call_and_no_other_has_one() -> None:
    found = {one: of_instance("1", "r", one) for one in states("cloudformation", "StackInstanceStatus")}
    assert {state: one.call for state, one in found.items() if one} == {"OUTDATED": "deploy", "INOPERABLE": "remove"}


def test_operation_that_runs_is_waited_for_and_not_stopped() -> None:
    found = of_operation("UPDATE RUNNING 1-2")
    assert (found.subject, found.state, found.call) == ("the UPDATE operation 1-2", "RUNNING", "wait")
    assert found.told()[1] == f"  to free it: {CALLS['wait']}."


@pytest.mark.parametrize("ended", ["UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED"])
def test_rollback_is_continued_without_leaving_out_a_resource(ended: str) -> None:
    aws = Scripted()
    listed = {"Account": ACCOUNT, "Region": REGION, "StackId": STACK_ID, "Status": "OUTDATED"}
    aws.answers("cloudformation", "list_stack_instances", {"Summaries": [listed]})
    aws.answers("cloudformation", "continue_update_rollback", {}, {"StackName": STACK_ID})
    for status in ("UPDATE_ROLLBACK_IN_PROGRESS", ended):
        stack = {"StackName": "s", "CreationTime": "2026-01-01T00:00:00Z", "StackStatus": status}
        aws.answers("cloudformation", "describe_stacks", {"Stacks": [stack]}, {"StackName": STACK_ID})
    context = Context(load(EXAMPLE), aws, PublicNetwork(), Recorder(), local=False, poll=0.0)
    stuck = of_stack(ACCOUNT, REGION, "UPDATE_ROLLBACK_FAILED")
    assert isinstance(stuck, Stuck)
    if ended == "UPDATE_ROLLBACK_COMPLETE":
        free(stuck, context)
    else:
        with pytest.raises(RefusedError, match=r"UPDATE_ROLLBACK_FAILED again.*diagnose"):
            free(stuck, context)
    aws.ended()
