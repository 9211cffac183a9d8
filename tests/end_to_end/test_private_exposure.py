"""A private runtime through the real command line: deployed, proved by what can be observed, called, opened, removed.

The tests of this file are one story and run in their order.
"""

import pytest

from deployer.network import Unreachable, send
from tests.end_to_end.running import ACCOUNT, HOST, REGION, Done, Project

TARGET = f"{ACCOUNT}/{REGION}"
PRIVATE = ('exposure = "public" ', 'exposure = "private" ')
LAYERS = [
    "name",
    "certificate",
    "stranger at the load balancer",
    "stranger at the gateway",
    "health",
    "private endpoint",
    "tool access",
    "tools through the gateway",
    "tool call",
]
OBSERVED = {"name", "certificate", "stranger at the load balancer", "health", "private endpoint", "tool access"}


@pytest.fixture(scope="module")
def deployed(project: Project) -> Done:
    project.configure(PRIVATE)
    done = project.run("deploy", "--output", "json")
    assert done.status == 0, f"{done.err}\n{done.out}"
    return done


def balancers(project: Project) -> list[tuple[str, str]]:
    found = project.client("elbv2").describe_load_balancers()["LoadBalancers"]
    return [(one["Scheme"], one["DNSName"]) for one in found]


def interfaces(project: Project) -> list[str]:
    found = project.client("ec2").describe_network_interfaces()["NetworkInterfaces"]
    assert all({"Key": "VpcLatticeManaged", "Value": "true"} in one["TagSet"] for one in found)
    return [str(one["SubnetId"]) for one in found]


def test_what_nothing_outside_the_vpc_can_call_is_observed(deployed: Done) -> None:
    rows = deployed.document["verification"][TARGET]
    assert [row["layer"] for row in rows] == LAYERS
    assert [row["passed"] for row in rows] == [True] * len(LAYERS)
    assert {row["layer"] for row in rows if row["evidence"] == "observed"} == OBSERVED
    details = {row["layer"]: row["detail"] for row in rows}
    assert "which its VPC alone reaches" in details["name"]
    assert "admit sg-" in details["stranger at the load balancer"]


def test_nothing_outside_the_vpc_reaches_the_load_balancer(project: Project, deployed: Done) -> None:
    ((scheme, name),) = balancers(project)
    assert (scheme, name.startswith("internal-")) == ("internal", True)
    with pytest.raises(Unreachable, match="which only its VPC reaches"):
        send(project.network, "GET", f"https://{HOST}/mcp")


def test_tools_are_called_through_the_private_endpoint(project: Project, deployed: Done) -> None:
    told = project.run("invoke", "echo", "message=hello")
    assert (told.status, told.out) == (0, "hello\n")
    assert len(set(interfaces(project))) == 2


def test_group_that_somebody_opened_fails_verification(project: Project, deployed: Done) -> None:
    ec2 = project.client("ec2")
    (found,) = project.client("elbv2").describe_load_balancers()["LoadBalancers"]
    rule = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "203.0.113.0/24"}]}
    ec2.authorize_security_group_ingress(GroupId=found["SecurityGroups"][0], IpPermissions=[rule])
    done = project.run("verify", "--output", "json")
    assert done.status == 1
    failed = [row for row in done.document["verification"][TARGET] if row["passed"] is False]
    assert [row["layer"] for row in failed] == ["stranger at the load balancer"]
    assert "admit 203.0.113.0/24" in failed[0]["detail"]
    ec2.revoke_security_group_ingress(GroupId=found["SecurityGroups"][0], IpPermissions=[rule])


def test_call_fails_without_the_rule_and_works_with_it(project: Project, deployed: Done) -> None:
    ec2 = project.client("ec2")
    (found,) = project.client("elbv2").describe_load_balancers()["LoadBalancers"]
    (group,) = found["SecurityGroups"]
    rules = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])["SecurityGroupRules"]
    (rule,) = [one for one in rules if not one["IsEgress"]]
    ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=[rule["SecurityGroupRuleId"]])
    assert project.run("invoke", "echo", "message=x").status == 1
    pair = {"GroupId": rule["ReferencedGroupInfo"]["GroupId"]}
    permission = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "UserIdGroupPairs": [pair]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])
    assert project.run("invoke", "echo", "message=x").status == 0


def test_exposure_is_switched_on_the_standing_runtime(project: Project, deployed: Done) -> None:
    gateway = deployed.document["targets"][0]["outputs"]["GatewayUrl"]
    project.configure()
    document = project.json("deploy")
    assert all(row["passed"] for row in document["verification"][TARGET])
    assert document["targets"][0]["outputs"]["GatewayUrl"] == gateway
    assert [scheme for scheme, _ in balancers(project)] == ["internet-facing"]
    assert interfaces(project) == []
    project.configure(PRIVATE)
    document = project.json("deploy")
    assert [row["passed"] for row in document["verification"][TARGET]] == [True] * len(LAYERS)
    assert [scheme for scheme, _ in balancers(project)] == ["internal"]


def test_destroy_waits_for_the_interfaces_and_leaves_nothing(project: Project, deployed: Done) -> None:
    done = project.run("destroy", "--yes")
    assert done.status == 0, done.err
    assert "Network interfaces" in done.err
    assert not balancers(project)
    assert not interfaces(project)
