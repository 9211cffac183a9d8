"""CloudFormation's own word beside the computed plan: which of the two counts, and that no change set is left."""

from collections.abc import Sequence
from typing import Any

import pytest

from deployer.change_sets import NAME, Observed, observed, reconciled
from deployer.errors import RefusedError
from deployer.update_diff import Action, ResourceChange
from tests.deployer.scripted import ACCOUNT, REGION, Scripted

STACK = "arn:aws:cloudformation:us-east-1:111111111111:stack/runtime/1"
GIVEN = {"StackName": STACK, "ChangeSetName": NAME}


def change(name: str, action: Action, path: Sequence[str] = ("ServiceStack",)) -> ResourceChange:
    return ResourceChange(action, tuple(path), name, "AWS::ECS::Service")


def test_what_cloudformation_is_sure_of_counts_and_the_rest_stays_as_computed() -> None:
    computed = [change("Same", "update"), change("Ours", "update"), change("Theirs", "update"), change("Gone", "add")]
    found = [
        Observed(change("Same", "update"), True),
        Observed(change("Ours", "replace"), False),
        Observed(change("Theirs", "replace"), True),
        Observed(change("More", "update"), True),
        Observed(change("Perhaps", "may replace"), False),
    ]
    changes, sentence = reconciled(computed, found)
    assert {one.logical_id: one.action for one in changes} == {
        "Same": "update",
        "Ours": "update",
        "Theirs": "replace",
        "Gone": "add",
        "More": "update",
    }
    assert sentence == (
        "CloudFormation's own change set was asked. It changes otherwise than the templates tell: ServiceStack/Theirs."
        " It changes besides: ServiceStack/More. It does not list, though the templates differ: ServiceStack/Gone."
        " 1 more refer to what changes, of which it says that they may change too."
    )
    assert reconciled(computed[:1], found[:1])[1].endswith("asked. It says the same.")


def described(status: str, reason: str = "", changes: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    listed = [{"Type": "Resource", "ResourceChange": one} for one in changes]
    return {"Status": status, "StatusReason": reason, "Changes": listed}


def test_nested_change_sets_are_read_and_the_root_s_is_deleted() -> None:
    aws = Scripted()
    aws.answers("cloudformation", "delete_change_set", {}, GIVEN)
    aws.answers("cloudformation", "create_change_set", {"Id": "root-set"})
    service = {
        "Action": "Modify",
        "LogicalResourceId": "TaskDefinition",
        "ResourceType": "AWS::ECS::TaskDefinition",
        "Replacement": "True",
        "Details": [
            {
                "Target": {"Attribute": "Properties", "Name": "Cpu", "RequiresRecreation": "Always"},
                "Evaluation": "Static",
            }
        ],
    }
    nested = {
        "Action": "Modify",
        "LogicalResourceId": "ServiceStack",
        "ResourceType": "AWS::CloudFormation::Stack",
        "ChangeSetId": "nested-set",
    }
    aws.answers("cloudformation", "describe_change_set", described("CREATE_IN_PROGRESS"), {"ChangeSetName": "root-set"})
    for _ in range(2):
        aws.answers("cloudformation", "describe_change_set", described("CREATE_COMPLETE", "", [nested]))
    aws.answers("cloudformation", "describe_change_set", described("CREATE_COMPLETE", "", [service]))
    aws.answers("cloudformation", "delete_change_set", {}, GIVEN)
    waited: list[int] = []
    (found,) = observed(aws.client("cloudformation", ACCOUNT, REGION), STACK, "https://x", {}, lambda: waited.append(1))
    assert (found.change.action, found.change.where, found.sure) == ("replace", "ServiceStack/TaskDefinition", True)
    assert found.change.forced_by == ("Cpu",)
    assert waited == [1]
    aws.ended()


@pytest.mark.parametrize(
    ("reason", "changes"),
    [("The submitted information didn't contain changes. Submit different information.", ()), ("Denied.", None)],
)
def test_failed_change_set_is_no_change_or_a_sentence_and_deleted_either_way(reason: str, changes: Any) -> None:
    aws = Scripted()
    aws.answers("cloudformation", "delete_change_set", {}, GIVEN)
    aws.answers("cloudformation", "create_change_set", {"Id": "root-set"})
    aws.answers("cloudformation", "describe_change_set", described("FAILED", reason))
    aws.answers("cloudformation", "delete_change_set", {}, GIVEN)
    client = aws.client("cloudformation", ACCOUNT, REGION)
    if changes is None:
        with pytest.raises(RefusedError, match="change set failed: Denied"):
            observed(client, STACK, "https://x", {}, lambda: None)
    else:
        assert observed(client, STACK, "https://x", {}, lambda: None) == changes
    aws.ended()


def test_interruption_waits_until_the_change_set_can_be_deleted() -> None:
    aws = Scripted()
    aws.answers("cloudformation", "delete_change_set", {}, GIVEN)
    aws.answers("cloudformation", "create_change_set", {"Id": "root-set"})
    aws.answers("cloudformation", "describe_change_set", described("CREATE_IN_PROGRESS"))
    aws.refuses("cloudformation", "delete_change_set", "InvalidChangeSetStatus")
    aws.answers("cloudformation", "delete_change_set", {}, GIVEN)
    waits = iter([KeyboardInterrupt])

    def wait() -> None:
        for interruption in waits:
            raise interruption

    with pytest.raises(KeyboardInterrupt):
        observed(aws.client("cloudformation", ACCOUNT, REGION), STACK, "https://x", {}, wait)
    aws.ended()
