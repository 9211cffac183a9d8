"""The runtime over organizational units: CloudFormation's own roles, the flattened template, accounts that come and go.

The tests of this file are one story and run in their order.
"""

import time
from dataclasses import dataclass
from typing import Any

import pytest

from tests.end_to_end.running import REGION, Project

MANAGEMENT = "999999999999"
SERVICE = "member.org.stacksets.cloudformation.amazonaws.com"
SECONDS = 120
"""For how long an account's coming or going may take; it bounds a broken emulator only."""


@dataclass
class Organization:
    """An organization with two units: one with two accounts, one beside it with none."""

    project: Project
    unit: str
    beside: str
    accounts: list[str]

    def configure(self, *changes: tuple[str, str]) -> None:
        """Configures the unit as the target, with further changes of the example."""
        table = '[[targets]]\naccount = "111111111111"\nregion = "us-east-1"\n'
        self.project.configure(
            (table, f'[[targets]]\norganizational_unit = "{self.unit}"\nregion = "{REGION}"\n'),
            ('permission_model = "self-managed"', 'permission_model = "service-managed"'),
            ('administration_account = ""', f'administration_account = "{MANAGEMENT}"'),
            ('host_labels = "none"', 'host_labels = "account"'),
            *changes,
        )

    def client(self, service: str, account: str = MANAGEMENT) -> Any:
        """Returns a client of the management account."""
        return self.project.client(service, REGION, account)

    def move(self, account: str, source: str, destination: str) -> None:
        """Moves an account between units."""
        self.client("organizations").move_account(
            AccountId=account, SourceParentId=source, DestinationParentId=destination
        )

    def instances(self) -> dict[str, Any]:
        """Returns the stack set's instances by account."""
        found = self.client("cloudformation").list_stack_instances(StackSetName="mcp-runtime")["Summaries"]
        return {one["Account"]: one for one in found}

    def wait_for(self, accounts: set[str]) -> None:
        """Waits until exactly these accounts have an instance and nothing runs."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            found = self.instances()
            if set(found) == accounts and {one["Status"] for one in found.values()} <= {"CURRENT"}:
                return
            time.sleep(0.3)
        raise AssertionError(f"{self.instances()} instead of {accounts}")


@pytest.fixture(scope="module")
def organization(project: Project) -> Organization:
    """An organization of the running AWS's, in which nobody has let stack sets act yet."""
    assert project.run("status").status == 0
    client = project.client("organizations", REGION, MANAGEMENT)
    client.create_organization(FeatureSet="ALL")
    root = client.list_roots()["Roots"][0]["Id"]
    units = [
        client.create_organizational_unit(ParentId=root, Name=name)["OrganizationalUnit"]["Id"]
        for name in ("runtimes", "beside")
    ]
    accounts = [
        client.create_account(Email=f"{name}@example.com", AccountName=name)["CreateAccountStatus"]["AccountId"]
        for name in ("first", "second", "third")
    ]
    found = Organization(project, units[0], units[1], accounts)
    for account in accounts[:2]:
        found.move(account, root, units[0])
    found.move(accounts[2], root, units[1])
    found.configure()
    return found


def test_nothing_is_made_before_stack_sets_may_act_in_the_organization(organization: Organization) -> None:
    done = organization.project.run("deploy")
    assert done.status == 1
    assert "run `aws cloudformation activate-organizations-access` once" in done.error
    assert organization.client("cloudformation").describe_stacks()["Stacks"] == []


def test_every_account_of_the_unit_gets_the_flattened_runtime(organization: Organization) -> None:
    organization.client("cloudformation").activate_organizations_access()
    document = organization.project.json("deploy")
    first, second, third = organization.accounts
    assert set(organization.instances()) == {first, second}
    for account, instance in organization.instances().items():
        assert instance["OrganizationalUnitId"] == organization.unit
        resources = organization.client("cloudformation", account).list_stack_resources(StackName=instance["StackId"])
        types = [resource["ResourceType"] for resource in resources["StackResourceSummaries"]]
        assert "AWS::CloudFormation::Stack" not in types
        assert "AWS::ECS::Service" in types
    names = {target["account"]: target["outputs"]["HostName"] for target in document["targets"]}
    assert names == {account: f"mcp-runtime.{account}.example.com" for account in (first, second)}
    passed = [{row["passed"] for row in rows} for rows in document["verification"].values()]
    assert {True} in passed
    assert third not in names


def test_account_that_comes_gets_a_runtime_and_the_next_deploy_its_domain(organization: Organization) -> None:
    third = organization.accounts[2]
    automatic = ("auto_deployment = false", "auto_deployment = true")
    identity = organization.client("organizations").describe_organization()["Organization"]["Id"]
    organization.configure(automatic, ('organization_id = ""', f'organization_id = "{identity}"'))
    organization.project.json("deploy")
    organization.move(third, organization.beside, organization.unit)
    organization.wait_for(set(organization.accounts))
    stack_id = organization.instances()[third]["StackId"]

    def outputs() -> dict[str, str]:
        (stack,) = organization.client("cloudformation", third).describe_stacks(StackName=stack_id)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    assert outputs()["HostName"] == ""
    assert "MissingSettings" in outputs()
    assert organization.project.json("deploy")["changed"] is True
    assert outputs()["HostName"] == f"mcp-runtime.{third}.example.com"


def test_account_that_leaves_loses_its_runtime(organization: Organization) -> None:
    first, second, third = organization.accounts
    organization.move(third, organization.unit, organization.beside)
    organization.wait_for({first, second})
    assert organization.project.json("deploy")["changed"] is False


def test_account_that_leaves_keeps_its_runtime_where_that_is_asked_for(organization: Organization) -> None:
    first, second, _ = organization.accounts
    stack_id = organization.instances()[second]["StackId"]
    identity = organization.client("organizations").describe_organization()["Organization"]["Id"]
    organization.configure(
        ("auto_deployment = false", "auto_deployment = true"),
        ("retain_on_leave = false", "retain_on_leave = true"),
        ('organization_id = ""', f'organization_id = "{identity}"'),
    )
    organization.project.json("deploy")
    organization.move(second, organization.unit, organization.beside)
    organization.wait_for({first})
    (stack,) = organization.client("cloudformation", second).describe_stacks(StackName=stack_id)["Stacks"]
    assert stack["StackStatus"].endswith("_COMPLETE") and stack["StackStatus"] != "DELETE_COMPLETE"


def test_destroy_removes_every_account_s(organization: Organization) -> None:
    assert organization.project.run("destroy", "--yes").status == 0
    found = organization.client("cloudformation").list_stack_sets(Status="ACTIVE")["Summaries"]
    assert found == []
