"""What a control plane tells of a private runtime: right as it is, and each thing that is wrong in one sentence."""

from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from deployer import private_exposure
from deployer.errors import RefusedError

ARN = "arn:aws:elasticloadbalancing:us-east-1:111111111111:loadbalancer/app/lb/0123456789abcdef"
CERTIFICATE = "arn:aws:acm:us-east-1:111111111111:certificate/0f0e0f0e-0f0e-0f0e-0f0e-0f0e0f0e0f0e"
NAME = "internal-lb-1.us-east-1.elb.amazonaws.com"
OWN, ENTERING, OTHER = "sg-11111111", "sg-22222222", "sg-33333333"


def stubbed(service: str, *answers: tuple[str, dict[str, Any]]) -> Any:
    client = boto3.client(service, "us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    stub = Stubber(client)
    for operation, answer in answers:
        stub.add_response(operation, answer)
    stub.activate()
    return client


def rule(port: int = 443, **source: str) -> dict[str, Any]:
    kinds = {"GroupId": "UserIdGroupPairs", "CidrIp": "IpRanges", "CidrIpv6": "Ipv6Ranges"}
    return {
        "IpProtocol": "tcp",
        "FromPort": port,
        "ToPort": port,
        **{kinds[name]: [{name: value}] for name, value in source.items()},
    }


def front(*rules: dict[str, Any], scheme: str = "internal", entering: tuple[str, ...] = (ENTERING,)) -> str:
    balancer = {"LoadBalancers": [{"LoadBalancerArn": ARN, "Scheme": scheme, "SecurityGroups": [OWN]}]}
    groups = {"SecurityGroups": [{"GroupId": OWN, "IpPermissions": list(rules)}]}
    return private_exposure.closed_to_strangers(
        stubbed("elbv2", ("describe_load_balancers", balancer)),
        stubbed("ec2", ("describe_security_groups", groups)),
        ARN,
        entering,
    )


def test_front_that_admits_the_gateway_alone_is_told() -> None:
    told = front(rule(GroupId=ENTERING))
    assert told == f"The load balancer is internal, and its security groups admit {ENTERING} alone, on port 443."
    assert "admit nobody" in front(entering=())


@pytest.mark.parametrize(
    ("look", "words"),
    [
        (lambda: front(rule(GroupId=ENTERING), scheme="internet-facing"), "is internet-facing, not internal"),
        (lambda: front(rule(GroupId=ENTERING), rule(CidrIp="10.0.0.0/16")), "admit 10.0.0.0/16"),
        (lambda: front(rule(GroupId=ENTERING), rule(CidrIpv6="::/0")), "admit ::/0"),
        (lambda: front(rule(GroupId=ENTERING), rule(GroupId=OTHER)), f"admit {OTHER}"),
        (lambda: front(rule(GroupId=ENTERING), rule(80, GroupId=ENTERING)), "open more than port 443"),
        (lambda: front(rule(CidrIp="0.0.0.0/0"), entering=()), "admit 0.0.0.0/0"),
    ],
)
def test_front_that_admits_anybody_else_is_refused(look: Callable[[], str], words: str) -> None:
    with pytest.raises(RefusedError, match=words.replace(".", r"\.")):
        look()


def certificate(status: str = "ISSUED", host: str = "mcp.example.com", listed: bool = True) -> str:
    certificates = [{"CertificateArn": CERTIFICATE}] if listed else []
    listeners = {"Listeners": [{"Port": 80}, {"Port": 443, "Certificates": certificates}]}
    held = {"Certificate": {"DomainName": "*.example.com", "Status": status}}
    return private_exposure.certificate(
        stubbed("elbv2", ("describe_listeners", listeners)),
        stubbed("acm", ("describe_certificate", held)),
        ARN,
        host,
    )


def test_certificate_is_issued_and_for_the_host() -> None:
    assert certificate() == "The listener's certificate is issued for *.example.com."


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"status": "EXPIRED"}, "is EXPIRED"),
        ({"host": "a.b.example.com"}, "not for a.b.example.com"),
        ({"listed": False}, "no listener with a certificate"),
    ],
)
def test_certificate_that_does_not_fit_is_refused(changed: dict[str, Any], words: str) -> None:
    with pytest.raises(RefusedError, match=words):
        certificate(**changed)


def target(status: str = "READY", domain: str = NAME, private: bool = True) -> dict[str, Any]:
    resource = {
        "vpcIdentifier": "vpc-12345678",
        "subnetIds": ["subnet-11111111", "subnet-22222222"],
        "endpointIpAddressType": "IPV4",
        "securityGroupIds": [ENTERING],
        "routingDomain": domain,
    }
    return {
        "gatewayArn": "arn:aws:bedrock-agentcore:us-east-1:111111111111:gateway/tools-0123456789",
        "targetId": "ABCDEFGHIJ",
        "createdAt": 0,
        "updatedAt": 0,
        "status": status,
        "statusReasons": ["It timed out."],
        "name": "mcp",
        "targetConfiguration": {"mcp": {"mcpServer": {"endpoint": "https://mcp.example.com/mcp"}}},
        "credentialProviderConfigurations": [{"credentialProviderType": "OAUTH"}],
        **({"privateEndpoint": {"managedVpcResource": resource}} if private else {}),
    }


def endpoint(**changed: Any) -> str:
    client = stubbed("bedrock-agentcore-control", ("get_gateway_target", target(**changed)))
    return private_exposure.endpoint(client, "tools-0123456789", "ABCDEFGHIJ", NAME)


def test_endpoint_leads_to_the_load_balancer() -> None:
    assert endpoint() == f"The target is ready and enters vpc-12345678 through 2 subnets, to {NAME}."
    assert endpoint(domain=NAME.upper())


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"status": "FAILED"}, r"is FAILED: It timed out\.$"),
        ({"domain": "elsewhere.example.com"}, "leads to elsewhere.example.com, not to internal-lb-1"),
        ({"private": False}, "has no private endpoint"),
    ],
)
def test_endpoint_that_does_not_is_refused(changed: dict[str, Any], words: str) -> None:
    with pytest.raises(RefusedError, match=words):
        endpoint(**changed)


def test_groups_of_the_endpoint_are_those_of_the_target() -> None:
    client = stubbed("bedrock-agentcore-control", ("get_gateway_target", target()))
    assert private_exposure.entering_groups(client, "tools-0123456789", "ABCDEFGHIJ") == (ENTERING,)
    assert private_exposure.entering_groups(client, "tools-0123456789", "") == ()
