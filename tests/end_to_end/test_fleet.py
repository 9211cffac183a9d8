"""Many targets: overrides without a call per target, changes in place, a canary, failures and going on after them."""

from collections.abc import Iterator
from typing import Any

import pytest

from deployer.errors import RefusedError
from deployer.events import InstanceStatus
from deployer.stack_set_plan import Overrides, Target
from deployer.stack_sets import OperationFailedError, Preferences
from tests.emulator.running_emulator import RunningEmulator, interpreter
from tests.end_to_end.fleet import Fleet, admit, prepare

A, B, LATE = "111111111111", "222222222222", "333333333333"
EAST, WEST = "us-east-1", "eu-west-1"
LABEL: Overrides = (("Label", "own"),)
FOUR: dict[Target, Overrides] = {(A, EAST): (), (A, WEST): (), (B, EAST): (), (B, WEST): LABEL}


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmulator]:
    """An emulator with two accounts that admit the administrator, and one that does not yet."""
    running = RunningEmulator(tmp_path_factory.mktemp("emulator"), interpreter("emulator"), interpreter("server"))
    running.start()
    try:
        prepare(running)
        for account in (A, B):
            admit(running, account)
        yield running
    finally:
        running.stop()


class Counting:
    """A CloudFormation client that counts the calls of each operation."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.calls: dict[str, int] = {}
        client.meta.events.register("before-call.cloudformation", self._count)

    def _count(self, model: Any, **_: Any) -> None:
        self.calls[model.name] = self.calls.get(model.name, 0) + 1


def test_two_accounts_and_two_regions_change_in_place(emulator: RunningEmulator) -> None:
    fleet = Fleet(emulator, "in-place")
    fleet.converge(FOUR)
    plain = dict.fromkeys(FOUR, "v1 plain plain")
    assert fleet.names() == plain | {(B, WEST): "v1 own plain"}
    assert fleet.converge(FOUR).empty
    stacks = {target: instance.stack_id for target, instance in fleet.instances().items()}
    fleet.version(2)
    assert fleet.converge(FOUR).update_set
    assert fleet.names() == dict.fromkeys(FOUR, "v2 plain plain") | {(B, WEST): "v2 own plain"}
    assert {target: instance.stack_id for target, instance in fleet.instances().items()} == stacks


def test_overrides_are_read_with_calls_that_do_not_grow(emulator: RunningEmulator) -> None:
    fleet = Fleet(emulator, "reading")
    fleet.converge(FOUR)
    fleet.share(Other="shared")
    fleet.converge(FOUR)
    counting = Counting(emulator.client("cloudformation"))
    found = fleet.sets(client=counting.client).instances()
    assert {target: instance.overrides for target, instance in found.items()} == FOUR
    assert counting.calls == {"ListStackInstances": 1}


def test_what_somebody_else_changed_is_found_and_set_right(emulator: RunningEmulator) -> None:
    fleet = Fleet(emulator, "elsewhere")
    fleet.converge(FOUR)
    emulator.client("cloudformation").update_stack_instances(
        StackSetName="elsewhere",
        Accounts=[A],
        Regions=[EAST],
        ParameterOverrides=[{"ParameterKey": "Label", "ParameterValue": "theirs"}],
    )
    fleet.sets().join_running()
    assert fleet.names()[A, EAST] == "v1 theirs plain"
    counting = Counting(emulator.client("cloudformation"))
    found = fleet.sets(client=counting.client).instances()
    assert found[A, EAST].overrides == (("Label", "theirs"),)
    assert counting.calls == {"ListStackInstances": 1, "DescribeStackInstance": 1}
    steps = fleet.converge(FOUR)
    assert [group.targets for group in steps.update] == [((A, EAST),)]
    assert fleet.names()[A, EAST] == "v1 plain plain"


def test_targets_come_and_go(emulator: RunningEmulator) -> None:
    fleet = Fleet(emulator, "coming")
    fleet.converge({(A, EAST): (), (A, WEST): ()})
    fleet.converge({(A, EAST): (), (B, EAST): LABEL})
    assert fleet.names() == {(A, EAST): "v1 plain plain", (B, EAST): "v1 own plain"}
    fleet.converge({})
    assert fleet.instances() == {}


def test_target_that_leaves_is_gone_before_the_others_change(emulator: RunningEmulator) -> None:
    fleet = Fleet(emulator, "leaving")
    fleet.converge({(A, EAST): (), (B, EAST): ()})
    fleet.version(2)
    fleet.converge({(A, EAST): ()})
    assert [operation["Action"] for operation in fleet.operations()] == ["CREATE", "DELETE", "UPDATE"]
    assert fleet.names() == {(A, EAST): "v2 plain plain"}


def test_canary_that_does_not_serve_stops_before_the_others(emulator: RunningEmulator) -> None:
    fleet = Fleet(emulator, "canary")
    fleet.converge(FOUR)
    fleet.version(2)
    sets = fleet.sets()
    told: list[Target] = []

    def refuse(target: Target) -> None:
        told.append(target)
        raise RefusedError("it does not serve")

    sets.after_canary = refuse
    with pytest.raises(RefusedError, match="it does not serve"):
        fleet.converge(FOUR, sets, canary=True)
    assert told == [(A, EAST)]
    names = fleet.names()
    assert {target for target, name in names.items() if name.startswith("v2")} == {(A, EAST)}
    sets = fleet.sets()
    sets.after_canary = refuse
    with pytest.raises(RefusedError, match="it does not serve"):
        fleet.converge(FOUR, sets, canary=True)
    assert told == [(A, EAST), (A, EAST)]
    assert fleet.names() == names
    sets = fleet.sets()
    sets.after_canary = told.append
    fleet.converge(FOUR, sets, canary=True)
    assert {name[:2] for name in fleet.names().values()} == {"v2"}


def test_canary_of_a_first_deployment_stands_before_any_other_begins(emulator: RunningEmulator) -> None:
    fleet = Fleet(emulator, "first-canary")
    sets = fleet.sets()
    seen: list[set[Target]] = []
    sets.after_canary = lambda target: seen.append(set(fleet.instances()) | {target})
    fleet.converge(FOUR, sets, canary=True)
    assert seen == [{(A, EAST)}]
    assert set(fleet.instances()) == set(FOUR)


def test_canary_may_not_fail_where_others_may(emulator: RunningEmulator) -> None:
    fleet = Fleet(emulator, "tolerant")
    targets: dict[Target, Overrides] = {("555555555555", EAST): (), (A, EAST): (), (B, EAST): ()}
    with pytest.raises(OperationFailedError, match="Account 555555555555 should have"):
        fleet.converge(targets, fleet.sets(Preferences(tolerance="2")), canary=True)
    assert set(fleet.instances()) == {("555555555555", EAST)}


def test_operation_that_fails_half_way_goes_on_where_it_stopped(emulator: RunningEmulator) -> None:
    fleet = Fleet(emulator, "half-way")
    targets: dict[Target, Overrides] = {(A, EAST): (), (B, EAST): (), (LATE, EAST): ()}
    with pytest.raises(OperationFailedError, match=f"{LATE} {EAST}: Account {LATE} should have 'Execution' role"):
        fleet.converge(targets)
    stood = {target for target, instance in fleet.instances().items() if instance.current}
    assert stood == {(A, EAST), (B, EAST)}
    admit(emulator, LATE)
    fleet.reporter.events.clear()
    steps = fleet.converge(targets)
    assert [group.targets for group in steps.update] == [((LATE, EAST),)]
    reached = {(event.account, event.region) for event in fleet.reporter.events if isinstance(event, InstanceStatus)}
    assert reached == {(LATE, EAST)}
    assert all(instance.current for instance in fleet.instances().values())


def test_regions_go_one_after_the_other_in_the_order_that_was_asked_for(emulator: RunningEmulator) -> None:
    fleet = Fleet(emulator, "order")
    preferences = Preferences("1", "0", (WEST, EAST), parallel_regions=False)
    fleet.converge(dict.fromkeys(FOUR, ()), fleet.sets(preferences))
    events = [event for event in fleet.reporter.events if isinstance(event, InstanceStatus)]
    done = [event.region for event in events if event.status != "PENDING"]
    assert done.index(EAST) > max(index for index, region in enumerate(done) if region == WEST)
    (operation,) = fleet.operations()
    assert operation["OperationPreferences"]["RegionOrder"] == [WEST, EAST]


def test_operation_whose_answer_was_lost_is_not_made_twice(emulator: RunningEmulator) -> None:
    fleet = Fleet(emulator, "lost")
    client = emulator.client("cloudformation")
    lost: list[str] = []

    def lose(response_dict: dict[str, Any], **_: Any) -> None:
        if not lost:
            lost.append("CreateStackInstances")
            response_dict |= {"status_code": 500, "body": b"<Error/>"}

    client.meta.events.register("before-parse.cloudformation.CreateStackInstances", lose)
    sets = fleet.sets(client=client)
    fleet.converge({(A, EAST): ()}, sets)
    assert len(fleet.operations()) == 1
    assert fleet.names() == {(A, EAST): "v1 plain plain"}
