"""Targets by organizational unit: the configuration's tables, and the accounts that they become."""

import tomllib
from dataclasses import replace

import pytest

from deployer.errors import UsageError
from deployer.settings import Settings, parse
from deployer.targets import Target, UnitTarget, expanded
from generator import parameters as p

UNIT, OTHER = "ou-ab12-11111111", "ou-ab12-22222222"
A, B, C = "222222222222", "333333333333", "444444444444"
MEMBERS = {UNIT: frozenset({A, B}), OTHER: frozenset({C})}
EAST = "us-east-1"

MANAGED = """
[stack_set]
permission_model = "service-managed"
administration_account = "111111111111"
"""


def read(text: str) -> Settings:
    return parse(tomllib.loads(text), "deployment.toml")


def table(unit: str = UNIT, more: str = "") -> str:
    return f'\n[[targets]]\norganizational_unit = "{unit}"\nregion = "{EAST}"\n{more}\n'


def refusal(text: str) -> str:
    with pytest.raises(UsageError) as caught:
        read(text)
    assert caught.value.exit_status == 2
    return str(caught.value)


def test_unit_becomes_its_accounts() -> None:
    found = expanded([UnitTarget(UNIT, EAST), UnitTarget(OTHER, "eu-west-1")], MEMBERS)
    assert found == (Target(A, EAST, (), UNIT), Target(B, EAST, (), UNIT), Target(C, "eu-west-1", (), OTHER))


def test_named_accounts_win_over_their_unit() -> None:
    own = (("TaskSize", "512-1024"),)
    found = expanded([UnitTarget(UNIT, EAST), UnitTarget(UNIT, EAST, only=(B,), values=own)], MEMBERS)
    assert found == (Target(A, EAST, (), UNIT), Target(B, EAST, own, UNIT))


def test_excepted_accounts_are_left_out() -> None:
    assert expanded([UnitTarget(UNIT, EAST, but=(A,))], MEMBERS) == (Target(B, EAST, (), UNIT),)


@pytest.mark.parametrize(
    ("units", "expected"),
    [
        ([UnitTarget(UNIT, EAST), UnitTarget(UNIT, EAST)], f"both hold account {A}"),
        ([UnitTarget(UNIT, EAST, only=(A,)), UnitTarget(UNIT, EAST, only=(A, B))], f"both hold account {A}"),
        ([UnitTarget(UNIT, EAST, only=(C,))], f"The account {C} is not an active account of {UNIT}"),
        ([UnitTarget(UNIT, EAST, but=(C,))], f"The account {C} is not an active account of {UNIT}"),
    ],
)
def test_claims_that_cannot_stand_are_refused(units: list[UnitTarget], expected: str) -> None:
    with pytest.raises(UsageError, match=expected):
        expanded(units, MEMBERS)


def test_settings_hold_units_until_their_members_are_known() -> None:
    settings = read('[address]\nparent_domain = ""\n' + MANAGED + table() + table(OTHER))
    assert settings.targets == ()
    assert settings.regions == [EAST]
    assert settings.stack_set.home_region == EAST
    known = settings.with_members(MEMBERS)
    assert [target.account for target in known.targets] == [A, B, C]


def test_accounts_of_a_unit_that_would_share_a_name_are_refused() -> None:
    settings = read('[address]\nparent_domain = "example.com"\n' + MANAGED + table())
    with pytest.raises(UsageError, match="would both be named"):
        settings.with_members(MEMBERS)
    apart = replace(settings, address=replace(settings.address, host_labels="account"))
    assert len(apart.with_members(MEMBERS).targets) == 2


def test_empty_unit_is_told() -> None:
    settings = read('[address]\nparent_domain = ""\n' + MANAGED + table())
    with pytest.raises(UsageError, match="no organizational unit of the targets holds an account"):
        settings.with_members({UNIT: frozenset()})


def test_accounts_to_come_start_without_a_domain_and_known_ones_have_theirs() -> None:
    automatic = MANAGED + 'auto_deployment = true\norganization_id = "o-a1b2c3d4e5"\n'
    text = '[address]\nparent_domain = "example.com"\nhost_labels = "account"\n' + automatic + table()
    settings = read(text).with_members(MEMBERS)
    assert settings.shared()[p.PARENT_DOMAIN.name] == ""
    for target in settings.targets:
        assert settings.overrides(target)[p.PARENT_DOMAIN.name] == "example.com"
        assert settings.effective(target)[p.PARENT_DOMAIN.name] == "example.com"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (table(), 'targets[1].organizational_unit does not go with stack_set.permission_model = "self-managed"'),
        (
            MANAGED + f'\n[[targets]]\naccount = "{A}"\nregion = "{EAST}"\n',
            'targets[1].account does not go with stack_set.permission_model = "service-managed"; give',
        ),
        (MANAGED, "give at least one [[targets]] with an organizational_unit and a region."),
        (MANAGED + table("ou-1"), "targets[1].organizational_unit = 'ou-1' must be the id of an organizational unit"),
        (MANAGED + table(more="only_accounts = [222222222222]"), "must be a list of 12-digit ids in quotes"),
        (
            MANAGED + table(more=f'only_accounts = ["{A}"]\nexcept_accounts = ["{B}"]'),
            "targets[1] has both only_accounts and except_accounts; give one of them.",
        ),
        (
            '[stack_set]\npermission_model = "service-managed"\n' + table(),
            "stack_set.administration_account is not given; a service-managed stack set needs",
        ),
        (MANAGED + "auto_deployment = true\n" + table(), "stack_set.auto_deployment needs stack_set.organization_id"),
        (MANAGED + "retain_on_leave = true\n" + table(), "goes only with stack_set.auto_deployment = true."),
        (
            f'[stack_set]\nauto_deployment = true\n[[targets]]\naccount = "{A}"\nregion = "{EAST}"',
            'stack_set.auto_deployment goes only with stack_set.permission_model = "service-managed".',
        ),
        (
            MANAGED + 'region_order = ["eu-west-1"]\n' + table(),
            "stack_set.region_order names eu-west-1, in which no target lies; remove it.",
        ),
        (MANAGED + 'concurrency = "0"\n' + table(), "stack_set.concurrency = '0' must be a number of accounts"),
        (MANAGED + 'failure_tolerance = "120%"\n' + table(), "must be a number of accounts"),
        (MANAGED.replace("service", "self-service") + table(), 'must be "self-managed" or "service-managed"'),
    ],
)
def test_what_does_not_go_together_is_refused(text: str, expected: str) -> None:
    assert expected in refusal(text)
