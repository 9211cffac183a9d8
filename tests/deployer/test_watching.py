"""Following targets' stacks: only what is new, with its human sentence, and the cause of this operation's failure."""

from typing import Any

from deployer.aws import Access, Aws
from deployer.events import ResourceEvent
from deployer.watching import TargetWatcher
from tests.deployer.test_stacks import ROOT_ID, STACK, CloudFormation, Recorder

HERE, ELSEWHERE = ("111111111111", "us-east-1"), ("222222222222", "us-east-1")


class OneAccount(Aws):
    """Credentials of one account, with a scripted CloudFormation in it."""

    def __init__(self, cloudformation: CloudFormation) -> None:
        super().__init__(Access())
        self.cloudformation = cloudformation

    def identity(self) -> str:
        return HERE[0]

    def client(self, service: str, account: str, region: str) -> Any:
        assert (service, account) == ("cloudformation", HERE[0])
        return self.cloudformation


def test_history_is_past_and_the_cause_is_of_this_operation() -> None:
    client, seen = CloudFormation(), Recorder()
    client.add(ROOT_ID, "Old", "AWS::EC2::VPC", "CREATE_FAILED", "an old failure")
    watcher = TargetWatcher(OneAccount(client), seen, {HERE: ROOT_ID}, {"Service": "Keeps the tasks running."})
    watcher.look({HERE: ROOT_ID})
    assert seen.events == []
    assert watcher.causes() == {}
    client.add(ROOT_ID, "Service", "AWS::ECS::Service", "UPDATE_FAILED", "the new failure")
    client.add(ROOT_ID, "runtime", STACK, "UPDATE_ROLLBACK_IN_PROGRESS", "The following resource(s) failed to update")
    watcher.look({HERE: ROOT_ID})
    watcher.look({HERE: ROOT_ID})
    told = [event for event in seen.events if isinstance(event, ResourceEvent)]
    assert [(event.logical_id, event.description) for event in told] == [
        ("Service", "Keeps the tasks running."),
        ("runtime", ""),
    ]
    assert watcher.causes() == {
        HERE: "111111111111/us-east-1/Service (AWS::ECS::Service) UPDATE_FAILED: the new failure."
    }


def test_stack_that_appears_is_followed_from_its_beginning() -> None:
    client, seen = CloudFormation(), Recorder()
    watcher = TargetWatcher(OneAccount(client), seen, {})
    client.add(ROOT_ID, "Vpc", "AWS::EC2::VPC", "CREATE_IN_PROGRESS")
    watcher.look({HERE: ROOT_ID})
    assert len(seen.events) == 1


def test_account_that_cannot_be_read_is_passed_over() -> None:
    watcher = TargetWatcher(OneAccount(CloudFormation()), Recorder(), {ELSEWHERE: ROOT_ID})
    watcher.look({ELSEWHERE: ROOT_ID, HERE: ""})
    assert watcher.causes() == {}
