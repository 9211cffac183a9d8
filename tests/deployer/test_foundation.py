"""What the foundation is told: who receives, which roles are made, where images are replicated."""

from dataclasses import replace

import pytest

from deployer.errors import UsageError
from deployer.foundation import Publisher, parameters
from deployer.neighbours import Neighbours, reconciled
from deployer.sections import StackSetSettings, fits
from generator import foundation_parameters as f

OWN, OTHER = "111111111111", "222222222222"


def publisher(accounts: tuple[str, ...] = (OWN,), regions: tuple[str, ...] = ("us-east-1",)) -> Publisher:
    return Publisher(OWN, "mcp-runtime/server", StackSetSettings(name="x", home_region="us-east-1"), accounts, regions)


def test_every_value_fits_its_parameter_and_every_parameter_exists() -> None:
    known = {parameter.name: parameter for parameter in f.ACCOUNT}
    values = parameters(publisher((OWN, OTHER), ("eu-west-1", "us-east-1")))
    assert values.keys() <= known.keys()
    assert all(fits(known[name], value) for name, value in values.items())


@pytest.mark.parametrize(
    ("accounts", "created", "expected"),
    [((OWN,), True, "on"), ((OWN, OTHER), True, "on"), ((OTHER,), True, "off"), ((OWN,), False, "off")],
)
def test_execution_role_is_made_where_the_publisher_is_a_target(
    accounts: tuple[str, ...], created: bool, expected: str
) -> None:
    one = publisher(accounts)
    given = replace(one, stack_set=replace(one.stack_set, create_execution_role=created))
    assert parameters(given)["CreateExecutionRole"] == expected


def test_own_account_needs_no_permission_of_its_own() -> None:
    assert parameters(publisher((OWN,)))["TargetAccounts"] == ""
    assert parameters(publisher(("333333333333", OWN, OTHER)))["TargetAccounts"] == f"{OTHER},333333333333"


def test_images_are_replicated_to_every_other_region() -> None:
    values = parameters(publisher(regions=("eu-west-1", "us-east-1", "us-west-2")))
    assert values["ReplicationRegion1"] == "eu-west-1"
    assert values["ReplicationRegion2"] == "us-west-2"
    assert values.get("ReplicationRegion3", "") == ""


def test_more_regions_than_slots_are_refused() -> None:
    regions = tuple(f"eu-west-{number}" for number in range(1, len(f.REPLICATION_REGIONS) + 2))
    assert parameters(publisher(regions=regions[:-1]))
    with pytest.raises(
        UsageError, match="lie in 9 Regions besides us-east-1, but a registry is replicated to 8 at most"
    ):
        parameters(publisher(regions=regions))


def test_key_of_the_images_lies_where_the_images_lie_and_stays() -> None:
    key = f"arn:aws:kms:us-east-1:{OWN}:key/mrk-{'0' * 32}"
    one = replace(publisher(regions=("eu-west-1", "us-east-1")), kms_key=key)
    values = parameters(one)
    assert values["RegistryKmsKeyArn"] == key
    assert one.key_in("eu-west-1") == key.replace("us-east-1", "eu-west-1")
    reconciled(values, Neighbours(values=values), stands=True)
    with pytest.raises(UsageError, match="was made with keys of AWS and keeps them"):
        reconciled(values, Neighbours(values={**values, "RegistryKmsKeyArn": ""}), stands=False)
    with pytest.raises(UsageError, match="give a multi-Region key that has replicas there"):
        parameters(replace(one, kms_key=key.replace("mrk-", "1234")))
    with pytest.raises(UsageError, match="give a key from there"):
        parameters(replace(one, kms_key=key.replace(OWN, OTHER)))


def test_image_builder_is_made_unless_another_builds() -> None:
    assert parameters(publisher())["ImageBuilder"] == "on"
    assert parameters(replace(publisher(), builds_images=False))["ImageBuilder"] == "off"


BESIDE = Neighbours(("another",), frozenset({(OTHER, "eu-west-1")}), parameters(publisher()))


def test_what_another_stack_set_needs_stays_switched_on() -> None:
    alone = publisher((OTHER,))
    lean = replace(alone, stack_set=replace(alone.stack_set, create_administration_role=False), builds_images=False)
    wanted = parameters(lean)
    assert reconciled(wanted, Neighbours(values=BESIDE.values), stands=True) == wanted
    kept = reconciled(wanted, BESIDE, stands=True)
    assert {name for name in kept if kept[name] != wanted[name]} == {
        "CreateAdministrationRole",
        "CreateExecutionRole",
        "ImageBuilder",
    }


@pytest.mark.parametrize(
    ("name", "key"), [("ExecutionRoleName", "stack_set.execution_role_name"), ("RepositoryName", "image.repository")]
)
def test_names_that_another_stack_set_uses_do_not_change(name: str, key: str) -> None:
    with pytest.raises(UsageError, match=rf"^{key} is other, but .* which the stack sets another use; set {key} to"):
        reconciled({**BESIDE.values, name: "other"}, BESIDE, stands=False)


def test_repository_of_running_tasks_does_not_change() -> None:
    wanted = {**BESIDE.values, "RepositoryName": "other"}
    standing = Neighbours(values=BESIDE.values)
    assert reconciled(wanted, standing, stands=False) == wanted
    with pytest.raises(UsageError, match="which running tasks need"):
        reconciled(wanted, standing, stands=True)


def test_two_organizations_have_no_foundation_in_common() -> None:
    theirs = replace(BESIDE, values={**BESIDE.values, "OrganizationId": "o-aaaaaaaaaa"})
    assert reconciled({**BESIDE.values, "OrganizationId": "o-aaaaaaaaaa"}, theirs, stands=True)
    with pytest.raises(UsageError, match="admits o-aaaaaaaaaa for the stack sets another"):
        reconciled({**BESIDE.values, "OrganizationId": "o-bbbbbbbbbb"}, theirs, stands=True)
