"""Console links: what they say is what the console's form reads, and nothing breaks out of Markdown."""

import re
from urllib.parse import urlsplit

import pytest

from deployer import console_links
from deployer.resource_policies import admits
from generator import parameters as p

URL = "https://artifacts.s3.eu-west-1.amazonaws.com/templates/00ff.yaml"
VALUES = {"ParentDomain": "example.com", "AccessStatement1": 'permit(principal, action in ["a&b=c"]) #+ü', "Empty": ""}
READ = ("s3:GetObject",)


def test_link_says_what_it_was_made_of() -> None:
    link = console_links.quick_create("aws", "eu-west-1", URL, "agents", VALUES)
    assert console_links.read(link) == ("eu-west-1", URL, "agents", VALUES)
    assert link.startswith("https://eu-west-1.console.aws.amazon.com/cloudformation/home?region=eu-west-1#/stacks/")


@pytest.mark.parametrize(
    ("partition", "region", "host"),
    [
        ("aws-cn", "cn-north-1", "cn-north-1.console.amazonaws.cn"),
        ("aws-us-gov", "us-gov-west-1", "us-gov-west-1.console.amazonaws-us-gov.com"),
    ],
)
def test_each_partition_has_its_console(partition: str, region: str, host: str) -> None:
    assert urlsplit(console_links.quick_create(partition, region, URL, "agents", {})).hostname == host


def test_unknown_partition_has_none() -> None:
    with pytest.raises(KeyError):
        console_links.quick_create("aws-moon", "moon-1", URL, "agents", {})


def test_button_is_one_picture_that_leads_to_the_link() -> None:
    link = console_links.quick_create("aws", "eu-west-1", URL, "agents", VALUES | {"Hosts": "a)b (c)"})
    found = re.fullmatch(r"\[!\[Launch\]\((\S+)\)\]\(([^()\s]+)\)", console_links.button(link, "Launch"))
    assert found is not None
    assert console_links.read(found[2])[3]["Hosts"] == "a)b (c)"


def test_no_value_of_a_link_has_to_be_emptied() -> None:
    """A form may take an empty value for none, so that the template's default would win."""
    refusing = {
        parameter.name
        for parameter in p.ALL
        if parameter.default
        and (
            (parameter.allowed_values and "" not in parameter.allowed_values)
            or (parameter.allowed_pattern and not re.fullmatch(parameter.allowed_pattern, ""))
            or parameter.type == "Number"
        )
    }
    assert {parameter.name for parameter in p.ALL if parameter.default} <= refusing


def statement(principal: object, action: object = "s3:GetObject", **others: object) -> dict[str, object]:
    return {"Statement": [{"Effect": "Allow", "Principal": principal, "Action": action, **others}]}


@pytest.mark.parametrize(
    ("document", "admitted"),
    [
        (statement({"AWS": "222222222222"}), True),
        (statement({"AWS": ["arn:aws:iam::111111111111:root", "arn:aws:iam::222222222222:root"]}, ["s3:Get*"]), True),
        (statement({"AWS": "333333333333"}), False),
        (statement({"AWS": "222222222222"}, "s3:PutObject"), False),
        (statement("*"), True),
        (statement("*", Condition={"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}), True),
        (statement("*", Condition={"StringEquals": {"aws:PrincipalOrgID": "o-another000"}}), False),
        (statement({"Service": "logs.amazonaws.com"}), False),
        ({}, False),
    ],
)
def test_policy_admits_an_account_by_its_id_or_its_organization(document: dict[str, object], admitted: bool) -> None:
    assert admits(document, "222222222222", "o-a1b2c3d4e5", READ) is admitted
