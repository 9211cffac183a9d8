"""What a preflight says of answers that only AWS gives: closed Regions, waiting certificates, calls that are denied."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from deployer.aws import Access, Aws
from deployer.context import Context
from deployer.errors import UsageError
from deployer.events import Event
from deployer.network import NotStarted, PublicNetwork, Resolution, Unreachable
from deployer.preflight import certificates, check, encryption, exposure, networks, policies, secrets
from deployer.preflight.sites import Site
from deployer.settings import parse
from deployer.stack_set_plan import Instance
from deployer.stack_sets import StackSets
from generator import parameters as p
from generator.key_policy import ALARMS_SID, LOGS_SID, key_policy
from generator.parameters import RootParameter
from generator.stacks import template_dicts
from tests.deployer.test_bad_input import one_sentence

OWN, OTHER = "111111111111", "222222222222"
CERTIFICATE = f"arn:aws:acm:us-east-1:{OWN}:certificate/0f0e0f0e-0f0e-0f0e-0f0e-0f0e0f0e0f0e"
KEY = f"arn:aws:kms:us-east-1:{OWN}:key/11111111-2222-3333-4444-555555555555"
POLICY = f"arn:aws:iam::{OWN}:policy/tools"
SECRET = f"arn:aws:secretsmanager:us-east-1:{OWN}:secret:tools-AbCdEf"


@dataclass
class Stubbed(Aws):
    """Credentials of one account, whose clients give answers that were laid down, checked by the service models."""

    stubs: dict[str, Stubber] = field(default_factory=dict)

    def identity(self) -> str:
        return OWN

    def client(self, service: str, account: str, region: str) -> Any:
        assert account == OWN
        return self.stub(service).client

    def stub(self, service: str) -> Stubber:
        if service not in self.stubs:
            made = boto3.client(service, "us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
            self.stubs[service] = Stubber(made)
            self.stubs[service].activate()
        return self.stubs[service]


@pytest.fixture
def aws() -> Iterator[Stubbed]:
    """Its calls must be exactly those that were laid down."""
    found = Stubbed(Access(region="us-east-1"))
    yield found
    for stub in found.stubs.values():
        stub.assert_no_pending_responses()


def site(*values: tuple[RootParameter, str], region: str = "us-east-1") -> Site:
    known = {parameter.name: parameter.default or "" for parameter in p.ALL}
    return Site(OWN, region, known | {parameter.name: value for parameter, value in values})


def sentences(found: Iterator[str]) -> list[str]:
    told = list(found)
    for sentence in told:
        one_sentence(f"Error: {sentence}")
    return told


def zones(*ids: str) -> dict[str, Any]:
    return {"AvailabilityZones": [{"ZoneName": f"zone-{number}", "ZoneId": name} for number, name in enumerate(ids)]}


def in_zones(*names: str) -> dict[str, Any]:
    return {"Subnets": [{"SubnetId": f"subnet-{name}", "AvailabilityZone": name} for name in names]}


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("ISSUED", ""),
        (
            "PENDING_VALIDATION",
            "is PENDING_VALIDATION, not ISSUED: validate it or give address.certificate_arn another",
        ),
        ("EXPIRED", "is EXPIRED, not ISSUED: validate it or give address.certificate_arn another"),
    ],
)
def test_certificate_must_be_issued(aws: Stubbed, status: str, expected: str) -> None:
    answer = {"Certificate": {"DomainName": "*.example.com", "Status": status}}
    aws.stub("acm").add_response("describe_certificate", answer, {"CertificateArn": CERTIFICATE})
    found = sentences(
        certificates.findings(aws, site((p.CERTIFICATE_ARN, CERTIFICATE), (p.HOST_NAME, "a.example.com")))
    )
    assert len(found) == bool(expected)
    assert all(expected in sentence for sentence in found)


@pytest.mark.parametrize(
    ("names", "covered"),
    [
        (["mcp.example.com"], True),
        (["MCP.Example.com"], True),
        (["example.com", "*.example.com"], True),
        (["*.mcp.example.com"], False),
        (["*.com"], False),
        (["example.com"], False),
        (["xmcp.example.com"], False),
    ],
)
def test_asterisk_stands_for_one_label(names: list[str], covered: bool) -> None:
    assert certificates.covers(names, "mcp.example.com") is covered


@pytest.mark.parametrize(
    ("manager", "refused"),
    [("CUSTOMER", True), ("AWS", False), ("AccessDeniedException", False), ("NotFoundException", True)],
)
def test_secret_s_key_must_be_aws_s_own(aws: Stubbed, manager: str, refused: bool) -> None:
    aws.stub("secretsmanager").add_response("describe_secret", {"ARN": SECRET, "KmsKeyId": "key"})
    if manager.endswith("Exception"):
        aws.stub("kms").add_client_error("describe_key", manager)
    else:
        aws.stub("kms").add_response("describe_key", {"KeyMetadata": {"KeyId": "key", "KeyManager": manager}})
    assert len(sentences(secrets.findings(aws, site((p.CONTAINER_SECRET_ARN, SECRET))))) == refused


def test_secret_may_bear_the_runtime_s_own_key(aws: Stubbed) -> None:
    aws.stub("secretsmanager").add_response("describe_secret", {"ARN": SECRET, "KmsKeyId": KEY})
    found = {"KeyMetadata": {"KeyId": "key", "Arn": KEY, "KeyManager": "CUSTOMER"}}
    aws.stub("kms").add_response("describe_key", found)
    assert not sentences(secrets.findings(aws, site((p.CONTAINER_SECRET_ARN, SECRET), (p.KMS_KEY, KEY))))


def of_key(**about: Any) -> dict[str, Any]:
    return {"KeyMetadata": {"KeyId": "key", "Arn": KEY, "KeyState": "Enabled", "KeySpec": "SYMMETRIC_DEFAULT", **about}}


@pytest.mark.parametrize(
    ("about", "without", "said"),
    [
        ({}, (), []),
        ({"KeyState": "PendingDeletion"}, (), ["is PendingDeletion: enable"]),
        ({"KeySpec": "RSA_2048"}, (), ["take only symmetric keys"]),
        ({}, (LOGS_SID,), ["does not let logs.us-east-1.amazonaws.com use it"]),
        ({}, (LOGS_SID, ALARMS_SID), ["let logs.us-east-1", "let cloudwatch.amazonaws.com use it: add the statement"]),
    ],
)
def test_key_must_be_usable_by_those_that_use_it(
    aws: Stubbed, about: dict[str, Any], without: tuple[str, ...], said: list[str]
) -> None:
    document = key_policy(template_dicts(), OWN, "us-east-1", "aws")
    document["Statement"] = [one for one in document["Statement"] if one["Sid"] not in without]
    aws.stub("kms").add_response("describe_key", of_key(**about))
    aws.stub("kms").add_response("get_key_policy", {"Policy": json.dumps(document), "PolicyName": "default"})
    found = sentences(encryption.findings(aws, site((p.KMS_KEY, KEY))))
    assert len(found) == len(said)
    assert all(re.search(words, sentence) for words, sentence in zip(said, found, strict=True))


def test_policies_that_are_not_there_are_named(aws: Stubbed) -> None:
    aws.stub("iam").add_client_error("get_policy", "NoSuchEntity", expected_params={"PolicyArn": POLICY})
    boundary = f"arn:aws:iam::{OWN}:policy/teams/boundary"
    aws.stub("iam").add_client_error("get_policy", "NoSuchEntity", expected_params={"PolicyArn": boundary})
    named = site((p.TASK_POLICIES, POLICY), (p.PERMISSIONS_BOUNDARY, "teams/boundary"))
    first, second = sentences(policies.findings(aws, named))
    assert first.endswith("make it there, or correct security.task_policy_arns.")
    assert second.endswith("make it there, or correct security.permissions_boundary.")


def test_key_that_is_not_there_is_named(aws: Stubbed) -> None:
    aws.stub("kms").add_client_error("describe_key", "NotFoundException")
    (sentence,) = sentences(encryption.findings(aws, site((p.KMS_KEY, KEY))))
    assert "correct security.kms_key_arn" in sentence


def test_partial_arn_is_another_secret_s(aws: Stubbed) -> None:
    aws.stub("secretsmanager").add_response("describe_secret", {"ARN": SECRET + "-AbCdEf"})
    (sentence,) = sentences(secrets.findings(aws, site((p.CONTAINER_SECRET_ARN, SECRET))))
    assert "does not exist there: correct compute.secret_arn" in sentence


@pytest.mark.parametrize(
    ("region", "ids", "default", "wanted", "expected"),
    [
        ("us-east-1", ["use1-az1", "use1-az2", "use1-az3"], [], "3", ""),
        ("us-west-1", ["usw1-az1", "usw1-az3"], [], "2", ""),
        (
            "us-west-1",
            ["usw1-az1", "usw1-az3"],
            [],
            "3",
            "2 Availability Zones (zone-0, zone-1), fewer than network.zon",
        ),
        ("us-west-1", ["usw1-az1", "usw1-az2"], [], "2", "would span zone-1 (usw1-az2), which has no Fargate"),
        ("ap-northeast-1", ["apne1-az4", "apne1-az1", "apne1-az3"], [], "2", ""),
        (
            "ap-northeast-1",
            ["apne1-az4", "apne1-az1", "apne1-az3"],
            [],
            "3",
            "would span zone-2 (apne1-az3), which has",
        ),
        (
            "us-east-1",
            ["use1-az1", "use1-az2", "use1-az3"],
            ["zone-2"],
            "2",
            "1 Availability Zones (zone-2), fewer than",
        ),
        ("us-west-1", ["usw1-az1", "usw1-az2", "usw1-az3"], ["zone-0", "zone-2"], "2", ""),
    ],
)
def test_zones_of_a_new_vpc(
    aws: Stubbed, region: str, ids: list[str], default: list[str], wanted: str, expected: str
) -> None:
    aws.stub("ec2").add_response("describe_availability_zones", zones(*ids))
    aws.stub("ec2").add_response("describe_subnets", in_zones(*default))
    found = sentences(networks.findings(aws, site((p.ZONE_COUNT, wanted), region=region)))
    assert len(found) == bool(expected)
    assert all(expected in sentence for sentence in found)


class Names(PublicNetwork):
    """A resolver that knows the names in `known`; the others are `missing`."""

    def __init__(self, missing: Unreachable | None = None) -> None:
        self.missing = missing

    def resolve(self, host: str) -> Resolution:
        if self.missing is not None:
            raise self.missing
        return Resolution(host, "192.0.2.1", 443, ())


class Quiet:
    """Wants to know nothing."""

    def emit(self, event: Event) -> None:
        """Takes it."""


def context(aws: Aws, network: PublicNetwork, text: dict[str, Any], *targets: tuple[str, str]) -> Context:
    document = {**text, "targets": [{"account": account, "region": region} for account, region in targets]}
    return Context(parse(document, "deployment.toml"), aws, network, Quiet(), local=False, poll=0)


def regions(**others: str) -> dict[str, Any]:
    known = {"us-east-1": "opt-in-not-required", **{name.replace("_", "-"): status for name, status in others.items()}}
    return {"Regions": [{"RegionName": name, "OptInStatus": status} for name, status in known.items()]}


def no_set(aws: Stubbed) -> None:
    aws.stub("cloudformation").add_client_error("describe_stack_set", "StackSetNotFoundException")


def whole(aws: Stubbed) -> None:
    aws.stub("ec2").add_response("describe_availability_zones", zones("use1-az1", "use1-az2"))
    aws.stub("ec2").add_response("describe_subnets", in_zones())


def test_region_that_is_not_enabled_is_told_and_not_asked_further(aws: Stubbed) -> None:
    no_set(aws)
    aws.stub("ec2").add_response("describe_regions", regions(ap_east_1="not-opted-in"), {"AllRegions": True})
    with pytest.raises(UsageError) as caught:
        check(context(aws, Names(), {"stack_set": {"home_region": "us-east-1"}}, (OWN, "ap-east-1")))
    assert str(caught.value) == (
        f"The Region ap-east-1 is not enabled in account {OWN}; enable it in the account's settings, or remove the"
        " targets in ap-east-1."
    )
    assert caught.value.others == ()


def test_publisher_must_have_the_region_too(aws: Stubbed) -> None:
    no_set(aws)
    aws.stub("ec2").add_response("describe_regions", regions(ap_east_1="not-opted-in"))
    with pytest.raises(UsageError, match=f"not enabled in account {OWN}, which publishes to targets there; enable it"):
        check(context(aws, Names(), {"stack_set": {"home_region": "us-east-1"}}, (OTHER, "ap-east-1")))


def test_accounts_that_cannot_be_read_and_questions_that_are_denied_are_said_to_be_unchecked(aws: Stubbed) -> None:
    aws.stub("cloudformation").add_client_error("describe_stack_set", "AccessDenied")
    aws.stub("ec2").add_client_error("describe_regions", "UnauthorizedOperation")
    aws.stub("ec2").add_client_error("describe_availability_zones", "UnauthorizedOperation")
    found = check(context(aws, Names(), {}, (OWN, "us-east-1"), (OTHER, "us-east-1")))
    assert found.told() == (
        f"1 target looked at; not checked: account {OTHER}, the stack set of mcp-runtime (DescribeStackSet is denied),"
        f" Regions of account {OWN} (DescribeRegions is denied), network of {OWN} us-east-1 (DescribeAvailabilityZones"
        " is denied)"
    )


def test_what_else_aws_says_stops_the_command(aws: Stubbed) -> None:
    no_set(aws)
    aws.stub("ec2").add_response("describe_regions", regions())
    aws.stub("ec2").add_client_error("describe_availability_zones", "RequestLimitExceeded")
    with pytest.raises(ClientError, match="RequestLimitExceeded"):
        check(context(aws, Names(), {}, (OWN, "us-east-1")))


@pytest.mark.parametrize(
    ("network", "connected", "refused"),
    [
        (Names(), True, False),
        (Names(NotStarted("elsewhere")), True, False),
        (Names(Unreachable("nowhere")), False, False),
        (Names(Unreachable("nowhere")), True, True),
    ],
)
def test_name_that_others_keep_must_lead_somewhere(
    aws: Stubbed, network: Names, connected: bool, refused: bool
) -> None:
    no_set(aws)
    aws.stub("ec2").add_response("describe_regions", regions())
    whole(aws)
    answer = {"Certificate": {"DomainName": "*.example.com", "Status": "ISSUED"}}
    aws.stub("acm").add_response("describe_certificate", answer)
    address = {"host_name": "a.example.com", "certificate_arn": CERTIFICATE, "connect_gateway": connected}
    given = context(aws, network, {"address": address}, (OWN, "us-east-1"))
    if refused:
        with pytest.raises(UsageError, match=r"The host name a\.example\.com of the target .* leads nowhere"):
            check(given)
    else:
        assert check(given).targets == 1


VPC, SUBNET_A, SUBNET_B = "vpc-0a0a0a0a", "subnet-0a0a0a0a", "subnet-0b0b0b0b"


def existing_vpc(aws: Stubbed, zones: tuple[str, str], *routes: dict[str, Any]) -> None:
    ec2 = aws.stub("ec2")
    ec2.add_response("describe_vpcs", {"Vpcs": [{"VpcId": VPC, "CidrBlock": "10.0.0.0/16"}]})
    subnets = [
        {"SubnetId": name, "AvailabilityZone": zone, "AvailabilityZoneId": "use1-az1", "CidrBlock": f"10.0.{n}.0/24"}
        for n, (name, zone) in enumerate(zip((SUBNET_A, SUBNET_B), zones, strict=True))
    ]
    ec2.add_response("describe_subnets", {"Subnets": subnets})
    table = {"Associations": [{"Main": True}], "Routes": list(routes)}
    ec2.add_response("describe_route_tables", {"RouteTables": [table]})


def private_site() -> Site:
    return site(
        (p.EXPOSURE, "private"),
        (p.VPC_ID, VPC),
        (p.VPC_CIDR, "10.0.0.0/16"),
        (p.PRIVATE_SUBNET_IDS, f"{SUBNET_A},{SUBNET_B}"),
        (p.PARENT_DOMAIN, "example.com"),
    )


NAT_ROUTE = {"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-0a0a0a0a", "State": "active"}


def test_internal_load_balancer_takes_private_subnets_with_a_route_out(aws: Stubbed) -> None:
    existing_vpc(aws, ("zone-a", "zone-b"), NAT_ROUTE)
    assert not sentences(networks.findings(aws, private_site()))


def test_internal_load_balancer_must_reach_the_issuer_s_keys(aws: Stubbed) -> None:
    existing_vpc(aws, ("zone-a", "zone-b"), {**NAT_ROUTE, "State": "blackhole"})
    found = sentences(networks.findings(aws, private_site()))
    assert len(found) == 2
    assert all("has no route to the internet" in sentence for sentence in found)


def standing_set(aws: Stubbed, protection: str) -> None:
    values = {"RuntimeName": "mcp-runtime", "Preset": "production", "DeletionProtection": protection}
    parameters = [{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()]
    client = aws.stub("cloudformation")
    client.add_response("describe_stack_set", {"StackSet": {"StackSetName": "mcp-runtime", "Parameters": parameters}})


@pytest.mark.parametrize(("protection", "refused"), [("preset", True), ("on", True), ("off", False)])
def test_exposure_of_a_protected_runtime_is_not_switched(
    aws: Stubbed, monkeypatch: pytest.MonkeyPatch, protection: str, refused: bool
) -> None:
    standing_set(aws, protection)
    wanted = {"network": {"exposure": "private"}, "stack_set": {"home_region": "us-east-1"}}
    asked = context(aws, Names(), wanted, (OWN, "us-east-1"), (OWN, "eu-west-1"))
    held = {(OWN, "us-east-1"): Instance(overrides=(), current=True)}
    monkeypatch.setattr(StackSets, "instances", lambda _: held)
    monkeypatch.setattr(Context, "recorded_stack_sets", lambda self: self.stack_sets)
    found = sentences(
        exposure.protected(asked, asked.stack_sets.describe(), [private_site(), replace(private_site(), region="x")])
    )
    assert len(found) == refused
    for sentence in found:
        assert "set runtime.deletion_protection to false, deploy, and change network.exposure then" in sentence
