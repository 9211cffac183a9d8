"""The catalog's parameters: what an entry that goes leaves where it is, and where the launch role is made."""

import dataclasses
from pathlib import Path

import pytest

from deployer import catalog_checks
from deployer.aws import Access, Aws
from deployer.catalog_stack import looked_in, parameters, role_region, shared_with
from deployer.context import Context
from deployer.deployment import publisher_of
from deployer.errors import UsageError
from deployer.events import Event
from deployer.neighbours import Neighbours
from deployer.network import PublicNetwork
from deployer.settings import Settings, load

EXAMPLE = Path(__file__).resolve().parents[2] / "deployment.example.toml"
FIRST, SECOND, THIRD = "222222222222", "333333333333", "444444444444"


@pytest.fixture(scope="module")
def example() -> Settings:
    return load(EXAMPLE)


class Silent:
    """A reporter that tells nothing."""

    def emit(self, event: Event) -> None:
        pass


def having(settings: Settings, **changes: object) -> Settings:
    catalog = dataclasses.replace(settings.catalog, provider="Platform", **changes)  # type: ignore[arg-type]
    return dataclasses.replace(settings, catalog=catalog)


def given(settings: Settings, stack: dict[str, str]) -> dict[str, str]:
    return parameters(settings, True, "bucket", ("X86_64",), {}, stack)


def test_entry_keeps_its_slot_when_another_goes_or_comes(example: Settings) -> None:
    before = given(having(example, share_accounts=(FIRST, SECOND)), {})
    assert shared_with(before) == (FIRST, SECOND)
    gone = given(having(example, share_accounts=(SECOND,)), before)
    assert (gone["SharedAccount1"], gone["SharedAccount2"]) == ("", SECOND)
    other = given(having(example, share_accounts=(SECOND, THIRD)), gone)
    assert (other["SharedAccount1"], other["SharedAccount2"]) == (THIRD, SECOND)
    turned = given(having(example, share_accounts=(THIRD, SECOND)), before)
    assert (turned["SharedAccount1"], turned["SharedAccount2"]) == (THIRD, SECOND)


@pytest.mark.parametrize(
    "twice", [{"share_accounts": (FIRST, FIRST)}, {"tag_key": "team", "tag_values": ("orders", "orders")}]
)
def test_entry_that_is_given_twice_is_refused(example: Settings, twice: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="twice; leave one out"):
        catalog_checks.check(having(example, **twice), "deployment.toml")


def test_audience_is_of_the_publishing_account(example: Settings) -> None:
    own, other = (f"arn:aws:iam::{account}:role/Developers" for account in (FIRST, SECOND))
    catalog_checks.check_publisher(having(example, principals=(own,), share_accounts=(SECOND,)), FIRST)
    with pytest.raises(UsageError, match=f"names {other}, but the product is published by account {FIRST}"):
        catalog_checks.check_publisher(having(example, principals=(own, other)), FIRST)
    with pytest.raises(UsageError, match="which publishes and has the product anyway; leave it out"):
        catalog_checks.check_publisher(having(example, share_accounts=(FIRST,)), FIRST)


def test_launch_role_stays_where_it_was_made(example: Settings) -> None:
    settings = having(example, regions=("eu-west-1", "us-east-1"))
    assert role_region(settings, {}) == "us-east-1"
    made, other = ({"CreateLaunchRole": value} for value in ("on", "off"))
    assert role_region(settings, {"eu-west-1": made, "us-east-1": other}) == "eu-west-1"
    assert role_region(settings, {"eu-central-1": made, "us-east-1": other}) == "eu-central-1"


def test_catalog_is_looked_for_where_it_may_have_been_offered(example: Settings) -> None:
    assert looked_in(having(example, regions=("eu-west-1",)), ["ap-south-1"]) == [
        "eu-west-1",
        "us-east-1",
        "ap-south-1",
    ]


def test_configuration_that_publishes_nothing_keeps_who_reads_what_another_published(example: Settings) -> None:
    stack_set = dataclasses.replace(example.stack_set, administration_account="111111111111")
    products = Neighbours(products={"eu-west-1": (FIRST,)})

    def publisher(settings: Settings) -> tuple[tuple[str, ...], tuple[str, ...]]:
        settings = dataclasses.replace(settings, stack_set=stack_set)
        context = Context(settings, Aws(Access()), PublicNetwork(), Silent(), False, 0.0, neighbours=products)
        found = publisher_of(context)
        return found.readers, found.target_regions

    assert publisher(example) == ((FIRST,), ("eu-west-1", "us-east-1"))
    assert publisher(having(example, share_accounts=(SECOND,))) == ((SECOND,), ("eu-west-1", "us-east-1"))
