"""Private exposure, under every combination of parameters: one way in, for the gateway, and order in both forms."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from generator.checks.domain import representatives
from generator.evaluation import Deployment, explore, possible
from generator.stacks import template_dicts
from generator.symbols import Reference, scalar

TEMPLATES = template_dicts()
FORMS = [Deployment(TEMPLATES, name) for name in ("runtime.yaml", "runtime-flat.yaml")]
GROUP = Reference("LoadBalancerSecurityGroup", "GroupId")
ENTRANCE = Reference("GatewaySecurityGroup", "GroupId")

form = pytest.mark.parametrize("form", FORMS, ids=lambda form: form.root.file)


def holds(form: Deployment, question: Callable[[Deployment], object]) -> int:
    """Asks under every combination that can change the answer; returns how many answered."""
    domain = {**representatives(form), "ExistingPublicSubnetIds": ("", "subnet-0000aaaa,subnet-0000bbbb")}
    answered = 0
    for values, wrong in explore(lambda values: question(form.given(values)), domain):
        if possible(form, domain, values):
            assert not wrong, f"{wrong} under {values}"
            answered += 1
    return answered


def is_private(values: Deployment) -> bool:
    return bool(values.parameter(values.root, "Exposure") == "private")


def sources(deployment: Deployment) -> list[tuple[str, Any]]:
    """Who may send what to the load balancer: port and source of every rule of its group."""
    rules: list[Mapping[str, Any]] = list(
        deployment.property("LoadBalancerSecurityGroup", "SecurityGroupIngress") or ()
    )
    rules += [
        deployment.properties(title)
        for title in deployment.existing("AWS::EC2::SecurityGroupIngress")
        if deployment.property(title, "GroupId") == GROUP
    ]
    return sorted(
        (f"{scalar(rule['FromPort'])}-{scalar(rule['ToPort'])}", rule.get("SourceSecurityGroupId", rule.get("CidrIp")))
        for rule in rules
    )


@form
def test_scheme_subnets_and_sources_follow_the_exposure(form: Deployment) -> None:
    def wrong(deployment: Deployment) -> object:
        private, found = is_private(deployment), sources(deployment)
        if deployment.property("LoadBalancer", "Scheme") != ("internal" if private else "internet-facing"):
            return "scheme"
        if deployment.property("LoadBalancer", "SecurityGroups") != [GROUP]:
            return "groups"
        if not deployment.condition(deployment.root, "HasEndpoint"):
            return found
        expected = [("443-443", ENTRANCE)] if private else [("443-443", "0.0.0.0/0"), ("80-80", "0.0.0.0/0")]
        return [] if found == expected else found

    assert holds(form, wrong) >= 4


@form
def test_load_balancer_stands_in_private_subnets_where_it_is_private(form: Deployment) -> None:
    def wrong(deployment: Deployment) -> object:
        tasks = deployment.property("Service", "NetworkConfiguration")["AwsvpcConfiguration"]["Subnets"]
        shared = deployment.property("LoadBalancer", "Subnets") == tasks
        return [] if shared == is_private(deployment) else (shared, tasks)

    assert holds(form, wrong) >= 4


@form
def test_target_enters_through_its_own_group_to_the_load_balancer_alone(form: Deployment) -> None:
    def wrong(deployment: Deployment) -> object:
        if not deployment.exists("GatewayTarget"):
            return []
        endpoint = deployment.property("GatewayTarget", "PrivateEndpoint")
        if not is_private(deployment):
            return endpoint
        way = endpoint["ManagedVpcResource"]
        (egress,) = deployment.property("GatewaySecurityGroup", "SecurityGroupEgress")
        right = (
            way["SecurityGroupIds"] == [ENTRANCE]
            and way["RoutingDomain"] == Reference("LoadBalancer", "DNSName")
            and way["SubnetIds"] == deployment.property("LoadBalancer", "Subnets")
            and way["VpcIdentifier"] == deployment.property("LoadBalancerSecurityGroup", "VpcId")
            and egress["DestinationSecurityGroupId"] == GROUP
            and (scalar(egress["FromPort"]), scalar(egress["ToPort"])) == ("443", "443")
        )
        return [] if right else way

    assert holds(form, wrong) >= 4


@form
@pytest.mark.parametrize("earlier", ["LoadBalancerGatewayIngress", "GatewaySecurityGroup", "LoadBalancer"])
def test_way_in_is_open_before_the_target_is_made(form: Deployment, earlier: str) -> None:
    def unordered(deployment: Deployment) -> object:
        both = deployment.exists("GatewayTarget") and deployment.exists(earlier)
        return [] if not both or deployment.precedes(earlier, "GatewayTarget") else earlier

    assert holds(form, unordered) >= 2


@form
def test_another_exposure_replaces_the_target_group_with_its_load_balancer(form: Deployment) -> None:
    """Scheme and Name are create-only (provider schemas), and a target group has one load balancer alone."""
    named = {
        exposure: form.given(values | {"Exposure": exposure}).property("TargetGroup", "Name")
        for values in [{name: options[0] for name, options in representatives(form).items()}]
        for exposure in ("public", "private")
    }
    assert named["public"] is None
    assert str(named["private"]).startswith("private-")
