"""Stack sets with service-managed permissions: over units, by delegated administrators, and automatically."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.emulator.control_templates import BASE, parameters
from tests.emulator.running_emulator import REGION, RunningEmulator
from tests.emulator.stack_set_fleets import REGIONS, Fleet, label, policy, prepare, until

PRINCIPAL = "member.org.stacksets.cloudformation.amazonaws.com"
EVERYWHERE = list(REGIONS)
TOPIC = '{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}'
MANAGED: dict[str, Any] = {
    "PermissionModel": "SERVICE_MANAGED",
    "TemplateURL": f"{BASE}/leaf.json",
    "Parameters": parameters({"Label": "one"}),
    "AutoDeployment": {"Enabled": False},
}


@dataclass(frozen=True)
class Tree:
    """root > work > (first, team > second); root > other > third; the administrator is directly below the root."""

    emulator: RunningEmulator
    client: Any
    root: str
    work: str
    team: str
    other: str
    administrator: str
    first: str
    second: str
    third: str

    def move(self, account: str, source: str, destination: str) -> None:
        self.client.move_account(AccountId=account, SourceParentId=source, DestinationParentId=destination)


@pytest.fixture(scope="module")
def tree(emulator: RunningEmulator) -> Tree:
    prepare(emulator)
    client = emulator.client("organizations")
    client.create_organization(FeatureSet="ALL")
    root = client.list_roots()["Roots"][0]["Id"]

    def unit(parent: str, name: str) -> str:
        return str(client.create_organizational_unit(ParentId=parent, Name=name)["OrganizationalUnit"]["Id"])

    def account(name: str, parent: str) -> str:
        made = client.create_account(Email=f"{name}@example.com", AccountName=name)["CreateAccountStatus"]
        if parent != root:
            client.move_account(AccountId=made["AccountId"], SourceParentId=root, DestinationParentId=parent)
        return str(made["AccountId"])

    work, other = unit(root, "work"), unit(root, "other")
    team = unit(work, "team")
    places = {"administrator": root, "first": work, "second": team, "third": other}
    accounts = {name: account(name, parent) for name, parent in places.items()}
    emulator.client("cloudformation").activate_organizations_access()
    return Tree(emulator, client, root, work, team, other, **accounts)


@pytest.fixture
def fleet(emulator: RunningEmulator, tree: Tree, request: pytest.FixtureRequest) -> Iterator[Fleet]:
    made = Fleet(emulator, request.node.name.replace("_", "-"), **MANAGED)
    yield made
    remove(made)


def remove(fleet: Fleet) -> None:
    targets = fleet.client.list_stack_set_auto_deployment_targets(StackSetName=fleet.name)["Summaries"]
    units = [item["OrganizationalUnitId"] for item in targets]
    if fleet.instances():
        chosen = {"DeploymentTargets": {"OrganizationalUnitIds": units}, "Regions": EVERYWHERE}
        assert fleet.run("delete_stack_instances", **chosen, RetainStacks=False)[0] == "SUCCEEDED"
    fleet.client.delete_stack_set(StackSetName=fleet.name)


def units(*ids: str, **chosen: Any) -> dict[str, Any]:
    return {"DeploymentTargets": {"OrganizationalUnitIds": list(ids), **chosen}, "Regions": [REGIONS[0]]}


def placed(fleet: Fleet) -> dict[str, str]:
    return {item["Account"]: item["OrganizationalUnitId"] for item in fleet.instances()}


def test_only_an_organization_that_lets_stack_sets_in_has_them(emulator: RunningEmulator) -> None:
    stranger = emulator.client("cloudformation", "999999999999")
    organizations = emulator.client("organizations", "999999999999")
    given = {"StackSetName": "strange", **MANAGED, "TemplateBody": '{"Resources": {}}'}
    given.pop("TemplateURL")
    with pytest.raises(organizations.exceptions.AWSOrganizationsNotInUseException):
        organizations.describe_organization()
    with pytest.raises(stranger.exceptions.ClientError, match="management account or delegated admin account"):
        stranger.create_stack_set(**given)
    with pytest.raises(stranger.exceptions.InvalidOperationException):
        stranger.activate_organizations_access()
    organizations.create_organization()
    organizations.enable_aws_service_access(ServicePrincipal=PRINCIPAL)
    assert stranger.describe_organizations_access()["Status"] == "DISABLED"
    with pytest.raises(stranger.exceptions.ClientError, match="You must enable organizations access"):
        stranger.create_stack_set(**given)
    stranger.activate_organizations_access()
    assert stranger.describe_organizations_access()["Status"] == "ENABLED"
    stranger.deactivate_organizations_access()
    assert stranger.describe_organizations_access()["Status"] == "DISABLED"


def test_units_reach_their_accounts_and_those_below(emulator: RunningEmulator, tree: Tree, fleet: Fleet) -> None:
    chosen = {**units(tree.work), "Regions": EVERYWHERE}
    status, results = fleet.run("create_stack_instances", **chosen)
    assert status == "SUCCEEDED", results
    assert set(results) == {(account, region) for account in (tree.first, tree.second) for region in REGIONS}
    assert placed(fleet) == {tree.first: tree.work, tree.second: tree.work}
    assert label(emulator, tree.second, REGIONS[1]) == ["one"]
    described = fleet.client.describe_stack_set(StackSetName=fleet.name)["StackSet"]
    assert described["PermissionModel"] == "SERVICE_MANAGED"
    assert described["OrganizationalUnitIds"] == [tree.work]
    assert described["AutoDeployment"] == {"Enabled": False}
    assert "AdministrationRoleARN" not in described
    changed = {**units(tree.team), "ParameterOverrides": parameters({"Label": "team"})}
    assert set(fleet.run("update_stack_instances", **changed)[1]) == {(tree.second, REGIONS[0])}
    assert label(emulator, tree.second, REGIONS[0]) == ["team"]
    updated = {"UsePreviousTemplate": True, "Parameters": parameters({"Label": "two"})}
    assert set(
        fleet.run(
            "update_stack_set", **updated, **units(tree.work, Accounts=[tree.first], AccountFilterType="INTERSECTION")
        )[1]
    ) == {(tree.first, REGIONS[0])}
    assert label(emulator, tree.first, REGIONS[0]) == ["two"]
    assert label(emulator, tree.first, REGIONS[1]) == ["one"]


def test_whole_organization_leaves_out_the_management_account(tree: Tree, fleet: Fleet) -> None:
    assert fleet.run("create_stack_instances", **units(tree.root))[0] == "SUCCEEDED"
    assert set(placed(fleet)) == {tree.administrator, tree.first, tree.second, tree.third}


def test_accounts_refine_units(tree: Tree, fleet: Fleet) -> None:
    fleet.run("create_stack_instances", **units(tree.work, Accounts=[tree.first], AccountFilterType="DIFFERENCE"))
    assert placed(fleet) == {tree.second: tree.work}
    narrowed = units(tree.work, tree.other, Accounts=[tree.first], AccountFilterType="INTERSECTION")
    fleet.run("create_stack_instances", **narrowed)
    assert placed(fleet) == {tree.second: tree.work, tree.first: tree.work}
    joined = units(tree.team, Accounts=[tree.first])
    assert set(fleet.run("update_stack_instances", **joined)[1]) == {
        (tree.first, REGIONS[0]),
        (tree.second, REGIONS[0]),
    }
    refused = fleet.client.exceptions.ClientError
    for given, words in (
        (units(tree.work, Accounts=[tree.first]), "AccountFilterType should be specified"),
        (units(tree.work, Accounts=[tree.first], AccountFilterType="UNION"), "UNION is not supported"),
        (units(tree.work, AccountFilterType="INTERSECTION"), "contradict"),
        (units("ou-none-12345678"), "do not exist"),
        ({"Accounts": [tree.first], "Regions": EVERYWHERE}, "can only have OrganizationalUnit as target"),
    ):
        with pytest.raises(refused, match=words):
            fleet.begin("create_stack_instances", **given)


def test_model_refuses_roles_nested_stacks_and_lacks_of_automation(emulator: RunningEmulator, tree: Tree) -> None:
    nested = {"TemplateURL": f"{BASE}/root.json"}
    lacking = {key: value for key, value in MANAGED.items() if key != "AutoDeployment"}
    role = f"arn:aws:iam::{tree.first}:role/some"
    own: dict[str, Any] = {"PermissionModel": "SELF_MANAGED"}
    for given, words in (
        (MANAGED | nested, "nested stacks"),
        (MANAGED | {"AdministrationRoleARN": role}, "AdministrationRoleARN"),
        (MANAGED | {"ExecutionRoleName": "some"}, "ExecutionRoleName"),
        (lacking, "AutoDeployment is required"),
        (MANAGED | {"AutoDeployment": {"Enabled": False, "RetainStacksOnAccountRemoval": True}}, "enabled"),
        (MANAGED | own, "AutoDeployment is only supported"),
    ):
        with pytest.raises(Exception, match=words):
            Fleet(emulator, "refused", **given)


def test_delegated_administrator_works_for_the_management_account(emulator: RunningEmulator, tree: Tree) -> None:
    client = emulator.client("cloudformation", tree.administrator)
    as_delegate = {"CallAs": "DELEGATED_ADMIN"}
    own = emulator.client("s3", tree.administrator)
    own.create_bucket(Bucket="delegated-templates")
    own.put_object(Bucket="delegated-templates", Key="topic.json", Body=TOPIC.encode())
    body = {**MANAGED, "TemplateURL": "https://delegated-templates.s3.us-east-1.amazonaws.com/topic.json"}
    del body["Parameters"]
    with pytest.raises(client.exceptions.ClientError, match="Account used is not a delegated administrator"):
        client.create_stack_set(StackSetName="delegated", **body, **as_delegate)
    with pytest.raises(tree.client.exceptions.ConstraintViolationException):
        tree.client.register_delegated_administrator(AccountId=tree.administrator, ServicePrincipal="sso.amazonaws.com")
    reader = emulator.client("organizations", tree.administrator)
    with pytest.raises(reader.exceptions.AccessDeniedException):
        reader.list_accounts()
    tree.client.register_delegated_administrator(AccountId=tree.administrator, ServicePrincipal=PRINCIPAL)
    registered = reader.list_delegated_administrators(ServicePrincipal=PRINCIPAL)["DelegatedAdministrators"]
    assert [item["Id"] for item in registered] == [tree.administrator]
    assert tree.first in [item["Id"] for item in reader.list_accounts_for_parent(ParentId=tree.work)["Accounts"]]

    assert client.describe_organizations_access(**as_delegate)["Status"] == "ENABLED"
    made = client.create_stack_set(StackSetName="delegated", **body, **as_delegate)["StackSetId"]
    keeper = emulator.client("cloudformation")
    assert keeper.describe_stack_set(StackSetName="delegated")["StackSet"]["StackSetId"] == made
    operation = client.create_stack_instances(StackSetName="delegated", **units(tree.other), **as_delegate)
    named = {"StackSetName": "delegated", "OperationId": operation["OperationId"], **as_delegate}
    until(lambda: client.describe_stack_set_operation(**named)["StackSetOperation"]["Status"] == "SUCCEEDED")
    found = client.list_stack_instances(StackSetName="delegated", **as_delegate)["Summaries"]
    assert [item["Account"] for item in found] == [tree.third]
    keeper.create_stack_set(StackSetName="own", TemplateBody=TOPIC)
    listed = client.list_stack_sets(Status="ACTIVE", **as_delegate)["Summaries"]
    assert [item["StackSetName"] for item in listed] == ["delegated"]
    with pytest.raises(client.exceptions.StackSetNotFoundException):
        client.describe_stack_set(StackSetName="own", **as_delegate)
    with pytest.raises(client.exceptions.StackSetNotFoundException):
        client.describe_stack_set(StackSetName="delegated")
    keeper.delete_stack_set(StackSetName="own")
    gone = client.delete_stack_instances(
        StackSetName="delegated", **units(tree.other), RetainStacks=False, **as_delegate
    )
    named["OperationId"] = gone["OperationId"]
    until(lambda: client.describe_stack_set_operation(**named)["StackSetOperation"]["Status"] == "SUCCEEDED")
    client.delete_stack_set(StackSetName="delegated", **as_delegate)
    with pytest.raises(keeper.exceptions.InvalidOperationException):
        keeper.deactivate_organizations_access()
    tree.client.deregister_delegated_administrator(AccountId=tree.administrator, ServicePrincipal=PRINCIPAL)
    with pytest.raises(client.exceptions.ClientError, match="Account used is not a delegated administrator"):
        client.list_stack_sets(**as_delegate)


@pytest.mark.parametrize("retain", [False, True])
def test_instances_follow_accounts_that_change_units(emulator: RunningEmulator, tree: Tree, retain: bool) -> None:
    automatic = {"Enabled": True, "RetainStacksOnAccountRemoval": retain}
    fleet = Fleet(emulator, f"automatic-{retain}", **{**MANAGED, "AutoDeployment": automatic})
    given = {**units(tree.work), "Regions": EVERYWHERE, "ParameterOverrides": parameters({"Label": "special"})}
    fleet.run("create_stack_instances", **given)
    watched = fleet.client.list_stack_set_auto_deployment_targets(StackSetName=fleet.name)["Summaries"]
    assert watched == [{"OrganizationalUnitId": tree.work, "Regions": EVERYWHERE}]

    tree.move(tree.third, tree.other, tree.team)
    joined = [(tree.third, region) for region in REGIONS]
    until(lambda: [current(fleet, *target) for target in joined] == [True, True])
    assert label(emulator, tree.third, REGION) == ["one"]
    assert label(emulator, tree.first, REGION) == ["special"]
    assert placed(fleet)[tree.third] == tree.work

    stacks = [item["StackId"] for item in fleet.instances() if item["Account"] == tree.third]
    tree.move(tree.third, tree.team, tree.other)
    until(lambda: tree.third not in placed(fleet) and not running(fleet))
    client = emulator.client("cloudformation", tree.third)
    kept = [client.describe_stacks(StackName=item)["Stacks"][0]["StackStatus"] for item in stacks if REGION in item]
    assert kept == ["CREATE_COMPLETE" if retain else "DELETE_COMPLETE"]
    actions = [item["Action"] for item in operations(fleet)]
    assert actions == ["DELETE", "CREATE", "CREATE"]
    if retain:
        client.delete_stack(StackName=kept_stack(stacks))
        client.get_waiter("stack_delete_complete").wait(StackName=kept_stack(stacks), WaiterConfig={"Delay": 1})

    tree.move(tree.second, tree.team, tree.work)
    assert len(operations(fleet)) == 3
    fleet.run(
        "update_stack_set",
        UsePreviousTemplate=True,
        AutoDeployment={"Enabled": False},
        Parameters=[{"ParameterKey": "Label", "UsePreviousValue": True}],
    )
    tree.move(tree.second, tree.work, tree.other)
    assert set(placed(fleet)) == {tree.first, tree.second}
    tree.move(tree.second, tree.other, tree.team)
    remove(fleet)


def kept_stack(stacks: list[str]) -> str:
    return next(item for item in stacks if REGION in item)


def current(fleet: Fleet, account: str, region: str) -> bool:
    return any(
        (item["Account"], item["Region"], item["Status"]) == (account, region, "CURRENT") for item in fleet.instances()
    )


def operations(fleet: Fleet) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = fleet.client.list_stack_set_operations(StackSetName=fleet.name)["Summaries"]
    return found


def running(fleet: Fleet) -> bool:
    return any(item["Status"] in ("RUNNING", "QUEUED") for item in operations(fleet))


def test_members_are_entered_by_their_access_role_and_known_by_their_organization(
    emulator: RunningEmulator, tree: Tree
) -> None:
    role = f"arn:aws:iam::{tree.first}:role/OrganizationAccountAccessRole"
    given = emulator.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    assert given["AccessKeyId"]
    bucket = BASE[8:].partition(".")[0]
    identity = tree.client.describe_organization()["Organization"]["Id"]
    statement = {"Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    client = emulator.client("cloudformation", tree.third)
    given = {"StackName": "reader", "TemplateURL": f"{BASE}/leaf.json", "Parameters": parameters({"Label": "one"})}
    with pytest.raises(client.exceptions.ClientError, match="Access Denied"):
        client.create_stack(**given)
    emulator.client("s3").put_bucket_policy(
        Bucket=bucket, Policy=policy(**statement, Condition={"StringEquals": {"aws:PrincipalOrgID": identity}})
    )
    client.create_stack(**given)
    client.get_waiter("stack_create_complete").wait(StackName="reader", WaiterConfig={"Delay": 1})
    client.delete_stack(StackName="reader")
    client.get_waiter("stack_delete_complete").wait(StackName="reader", WaiterConfig={"Delay": 1})


def test_account_that_leaves_the_organization_loses_its_instances(emulator: RunningEmulator, tree: Tree) -> None:
    fleet = Fleet(emulator, "leaving", **{**MANAGED, "AutoDeployment": {"Enabled": True}})
    fleet.run("create_stack_instances", **units(tree.root))
    made = tree.client.create_account(Email="late@example.com", AccountName="late")["CreateAccountStatus"]["AccountId"]
    until(lambda: current(fleet, made, REGIONS[0]))
    tree.client.remove_account_from_organization(AccountId=made)
    until(lambda: made not in placed(fleet) and not running(fleet))
    remove(fleet)


def test_suspended_account_is_skipped(tree: Tree) -> None:
    fleet = Fleet(tree.emulator, "suspended", **MANAGED)
    made = tree.client.create_account(Email="idle@example.com", AccountName="idle")["CreateAccountStatus"]["AccountId"]
    tree.move(made, tree.root, tree.team)
    fleet.run("create_stack_instances", **units(tree.team))
    tree.client.close_account(AccountId=made)
    assert fleet.run("update_stack_instances", **units(tree.team))[0] == "SUCCEEDED"
    details = {item["Account"]: item["StackInstanceStatus"]["DetailedStatus"] for item in fleet.instances()}
    assert details == {tree.second: "SUCCEEDED", made: "SKIPPED_SUSPENDED_ACCOUNT"}
    fleet.run("delete_stack_instances", **units(tree.team), RetainStacks=False)
    assert set(placed(fleet)) == {made}


def test_organization_is_kept_over_a_restart(emulator: RunningEmulator, tree: Tree) -> None:
    fleet = Fleet(emulator, "kept", **{**MANAGED, "AutoDeployment": {"Enabled": True}})
    fleet.run("create_stack_instances", **units(tree.other))
    assert emulator.stop() == 0
    emulator.start()
    fleet.client = emulator.client("cloudformation")
    assert fleet.client.describe_organizations_access()["Status"] == "ENABLED"
    assert placed(fleet) == {tree.third: tree.other}
    again = emulator.client("organizations")
    again.move_account(AccountId=tree.third, SourceParentId=tree.other, DestinationParentId=tree.root)
    until(lambda: not fleet.instances() and not running(fleet))
    fleet.client.delete_stack_set(StackSetName=fleet.name)
