"""The convergence plan: as few calls as AWS allows, and none where nothing differs."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.stack_set_plan import Group, Instance, Overrides, Plan, StackSet, Target, Units, Wanted, grouped
from deployer.stack_set_plan import plan as planned
from deployer.stack_sets import OperationFailedError, Preferences

WANTED = StackSet("runtime", "https://b/templates/1.yaml", {"Preset": "development"}, "arn:role/admin", "execution")
A, B = "111111111111", "222222222222"
EAST, WEST = "us-east-1", "eu-west-1"
SIZE: Overrides = (("TaskSize", "512-1024"),)


def plan(
    stack_set: StackSet,
    targets: Mapping[Target, Overrides],
    existing: StackSet | None,
    instances: Mapping[Target, Instance],
) -> Plan:
    return planned(Wanted(stack_set, targets), existing, instances)


def current(targets: Mapping[Target, Overrides]) -> dict[Target, Instance]:
    return {target: Instance(overrides, current=True) for target, overrides in targets.items()}


def test_nothing_differs_so_nothing_is_called() -> None:
    targets = {(A, EAST): (), (B, WEST): SIZE}
    steps = plan(WANTED, targets, WANTED, current(targets))
    assert steps.empty
    assert steps == Plan()


def test_first_deployment_creates_the_set_and_its_instances() -> None:
    steps = plan(WANTED, {(A, EAST): ()}, None, {})
    assert steps == Plan(create_set=True, create=(Group((A,), (EAST,)),))


@pytest.mark.parametrize(
    "existing",
    [
        replace(WANTED, template_url="https://b/templates/0.yaml"),
        replace(WANTED, parameters={"Preset": "production"}),
        replace(WANTED, parameters={}),
        replace(WANTED, execution_role_name="other"),
        replace(WANTED, administration_role_arn="arn:role/other"),
    ],
)
def test_whatever_the_set_shares_is_one_update_for_all(existing: StackSet) -> None:
    targets = {(A, EAST): (), (B, WEST): SIZE}
    assert plan(WANTED, targets, existing, current(targets)) == Plan(update_set=True)


def test_targets_come_and_go() -> None:
    steps = plan(WANTED, {(A, EAST): (), (B, EAST): ()}, WANTED, current({(A, EAST): (), (A, WEST): ()}))
    assert steps == Plan(remove=(Group((A,), (WEST,)),), create=(Group((B,), (EAST,)),))


def test_changed_overrides_update_only_their_targets() -> None:
    steps = plan(WANTED, {(A, EAST): SIZE, (B, EAST): ()}, WANTED, current({(A, EAST): (), (B, EAST): ()}))
    assert steps == Plan(update=(Group((A,), (EAST,), SIZE),))


def test_override_that_is_taken_back_is_an_update_without_it() -> None:
    steps = plan(WANTED, {(A, EAST): ()}, WANTED, current({(A, EAST): SIZE}))
    assert steps == Plan(update=(Group((A,), (EAST,)),))


def test_target_left_behind_is_updated_unless_the_set_s_update_reaches_it() -> None:
    behind = {(A, EAST): Instance((), current=False), (B, EAST): Instance((), current=True)}
    targets: dict[Target, Overrides] = {(A, EAST): (), (B, EAST): ()}
    assert plan(WANTED, targets, WANTED, behind) == Plan(update=(Group((A,), (EAST,)),))
    older = replace(WANTED, template_url="https://b/templates/0.yaml")
    assert plan(WANTED, targets, older, behind) == Plan(update_set=True)


def test_one_call_takes_all_accounts_and_regions_with_the_same_overrides() -> None:
    square = {(account, region): () for account in (B, A) for region in (WEST, EAST)}
    assert grouped(square) == (Group((A, B), (WEST, EAST)),)
    mixed: dict[Target, Overrides] = {(A, EAST): (), (A, WEST): (), (B, EAST): SIZE, (B, WEST): ()}
    assert len(grouped(mixed)) == 3
    assert Group((B,), (EAST,), SIZE) in grouped(mixed)


def test_regions_that_hold_the_same_accounts_are_one_call_where_that_is_fewer() -> None:
    c = "333333333333"
    targets: dict[Target, Overrides] = dict.fromkeys([(A, EAST), (B, WEST), (c, EAST), (c, WEST)], ())
    assert grouped(targets) == (Group((A, c), (EAST,)), Group((B, c), (WEST,)))


def test_accounts_of_units_are_reached_by_their_units() -> None:
    c = "333333333333"
    members = {"ou-ab12-11111111": frozenset({A, B}), "ou-ab12-22222222": frozenset({c})}
    of = {(A, EAST): "ou-ab12-11111111", (B, EAST): "ou-ab12-11111111", (c, EAST): "ou-ab12-22222222"}
    units = Units(of, members)
    everyone = grouped(dict.fromkeys(of, ()), units)
    assert everyone == (Group((A, B, c), (EAST,), (), ("ou-ab12-11111111", "ou-ab12-22222222"), whole=True),)
    some = grouped({(A, EAST): (), (c, EAST): ()}, units)
    assert some == (Group((A, c), (EAST,), (), ("ou-ab12-11111111", "ou-ab12-22222222"), whole=False),)


def test_operation_takes_fifty_units_at_most() -> None:
    accounts = [f"{number:012}" for number in range(60)]
    of = {(account, EAST): f"ou-ab12-{account}" for account in accounts}
    units = Units(of, {f"ou-ab12-{account}": frozenset({account}) for account in accounts})
    found = grouped(dict.fromkeys(of, ()), units)
    assert [len(group.units) for group in found] == [50, 10]
    assert sorted(target for group in found for target in group.targets) == sorted(of)


def test_canary_goes_alone_and_first_and_nothing_twice() -> None:
    targets: dict[Target, Overrides] = {(B, WEST): (), (A, EAST): (), (A, WEST): (), (B, EAST): ()}
    steps = planned(Wanted(WANTED, targets, canary=True), None, {})
    assert steps.canary == (B, WEST)
    waves = [group.targets for _, group in steps.waves()]
    assert waves[0] == ((B, WEST),)
    assert sorted(target for wave in waves for target in wave) == sorted(targets)


def test_canary_of_an_update_is_the_first_target_that_stands_already() -> None:
    older = replace(WANTED, template_url="https://b/templates/0.yaml")
    targets: dict[Target, Overrides] = {(B, WEST): (), (A, EAST): ()}
    steps = planned(Wanted(WANTED, targets, canary=True), older, current({(A, EAST): ()}))
    assert steps.update_set
    assert steps.canary == (A, EAST)


def test_canary_that_changed_already_must_serve_before_the_rest_follows() -> None:
    targets: dict[Target, Overrides] = {(A, EAST): (), (B, EAST): (), (B, WEST): ()}
    instances = {target: Instance((), current=target == (A, EAST)) for target in targets}
    steps = planned(Wanted(WANTED, targets, canary=True), WANTED, instances)
    assert (steps.canary, steps.proof) == (None, (A, EAST))
    assert planned(Wanted(WANTED, targets), WANTED, instances).proof is None
    assert planned(Wanted(WANTED, targets, canary=True), WANTED, current(targets)).empty


def test_target_that_joins_needs_the_first_to_serve() -> None:
    targets: dict[Target, Overrides] = {(A, EAST): (), (B, EAST): ()}
    steps = planned(Wanted(WANTED, targets, canary=True), WANTED, current({(A, EAST): ()}))
    assert (steps.canary, steps.proof) == (None, (A, EAST))


def test_overrides_that_are_not_known_are_given_anew() -> None:
    instances = {(A, EAST): Instance(None, current=False), (B, EAST): Instance((), current=True)}
    steps = plan(WANTED, {(A, EAST): (), (B, EAST): ()}, WANTED, instances)
    assert steps == Plan(update=(Group((A,), (EAST,)),))


@pytest.mark.parametrize(
    ("preferences", "expected"),
    [
        (Preferences(), {"MaxConcurrentPercentage": 100, "FailureToleranceCount": 0}),
        (Preferences("10", "25%"), {"MaxConcurrentCount": 10, "FailureTolerancePercentage": 25}),
    ],
)
def test_preferences_are_counts_or_percentages(preferences: Preferences, expected: dict[str, int]) -> None:
    request = preferences.request()
    assert {key: value for key, value in request.items() if key.startswith(("MaxC", "Failure"))} == expected
    assert request["RegionConcurrencyType"] == "PARALLEL"


def test_region_order_names_only_regions_of_the_operation() -> None:
    preferences = Preferences(region_order=(WEST, EAST), parallel_regions=False)
    assert preferences.request([EAST])["RegionOrder"] == [EAST]
    assert preferences.request()["RegionOrder"] == [WEST, EAST]
    assert "RegionOrder" not in preferences.request(["ap-south-1"])
    assert preferences.request()["RegionConcurrencyType"] == "SEQUENTIAL"


def test_value_that_moves_between_set_and_target_is_never_missing() -> None:
    older = replace(WANTED, parameters={"Preset": "development", "HostedZoneId": "Z1"})
    newer = replace(WANTED, parameters={"Preset": "development", "HostedZoneId": ""})
    own: Overrides = (("HostedZoneId", "Z1"),)
    steps = plan(newer, {(A, EAST): own, (B, EAST): ()}, older, current({(A, EAST): (), (B, EAST): ()}))
    assert steps == Plan(pin=(Group((A,), (EAST,), own),), update_set=True, update=(Group((A,), (EAST,), own),))
    back = plan(older, {(A, EAST): ()}, newer, current({(A, EAST): own}))
    assert back == Plan(pin=(Group((A,), (EAST,), own),), update_set=True, update=(Group((A,), (EAST,)),))


def test_broken_target_is_not_pinned_to_what_broke_it() -> None:
    older = replace(WANTED, parameters={"Preset": "production"})
    steps = plan(WANTED, {(A, EAST): SIZE}, older, {(A, EAST): Instance((), current=False)})
    assert steps == Plan(update_set=True, update=(Group((A,), (EAST,), SIZE),))


TARGETS = st.dictionaries(
    st.tuples(st.sampled_from([f"{number:012}" for number in range(5)]), st.sampled_from([EAST, WEST, "ap-south-1"])),
    st.sampled_from([(), SIZE, (("MinTasks", "3"),)]),
)


@given(TARGETS)
def test_groups_hold_every_target_once_with_its_overrides(targets: dict[Target, Overrides]) -> None:
    groups = grouped(targets)
    held = [(target, group.overrides) for group in groups for target in group.targets]
    assert len(held) == len(targets)
    assert dict(held) == targets


@given(TARGETS, TARGETS)
def test_plan_leads_from_any_state_to_any_other_and_then_is_empty(
    before: dict[Target, Overrides], after: dict[Target, Overrides]
) -> None:
    steps = plan(WANTED, after, WANTED, current(before))
    state = dict(before)
    for group in steps.remove:
        for target in group.targets:
            del state[target]
    for group in (*steps.create, *steps.update):
        state.update(dict.fromkeys(group.targets, group.overrides))
    assert state == after
    assert plan(WANTED, after, WANTED, current(state)).empty


@pytest.mark.parametrize("count", [1, 10, 100, 500])
def test_calls_grow_with_distinct_overrides_and_not_with_targets(count: int) -> None:
    targets: dict[Target, Overrides] = {
        (f"{number:012}", region): SIZE if number % 2 else () for number in range(count) for region in (EAST, WEST)
    }
    assert len(plan(WANTED, targets, None, {}).create) == min(count, 2)


def test_failure_tells_the_cause_where_it_is_known_and_the_set_s_reason_elsewhere() -> None:
    failure = OperationFailedError("runtime", {(B, EAST): "no execution role", (A, EAST): "Embedded stack … failed"})
    assert str(failure) == (
        f"The stack set runtime did not reach every target. {A} {EAST}: Embedded stack … failed. {B} {EAST}: no"
        " execution role."
    )
    explained = failure.explained({(A, EAST): f"{A}/{EAST}/Service (AWS::ECS::Service) CREATE_FAILED: no image."})
    assert str(explained) == (
        f"The stack set runtime did not reach every target. {A}/{EAST}/Service (AWS::ECS::Service) CREATE_FAILED: no"
        f" image. {B} {EAST}: no execution role."
    )
    assert "AWS gave no reason." in str(OperationFailedError("runtime", {}))
