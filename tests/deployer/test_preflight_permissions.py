"""What a preflight makes of IAM's and Service Quotas' answers, by exactly the calls that it may make."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from deployer.aws import Access
from deployer.preflight import permissions, principals, quotas
from deployer.preflight.execution_roles import trusts
from deployer.preflight.permissions import verdict
from deployer.preflight.rows import Row, Table, failed, passed, unchecked
from deployer.preflight.simulation import Needs, Simulated, needs, simulate
from generator import foundation_parameters as f
from generator.stacks import deployer, foundation
from tests.deployer.test_bad_input import one_sentence
from tests.deployer.test_bad_input_preflight import OWN, Names, Stubbed, context, site

ROLE = f"arn:aws:iam::{OWN}:role/team/Deployer"
SESSION = f"arn:aws:sts::{OWN}:assumed-role/Deployer/ann"
ON = f"arn:aws:iam::{OWN}:role/preflight"


@pytest.fixture
def aws() -> Iterator[Stubbed]:
    """Its calls must be exactly those that were laid down."""
    found = Stubbed(Access(region="us-east-1"))
    yield found
    for stub in found.stubs.values():
        stub.assert_no_pending_responses()


def is_called(aws: Stubbed, arn: str) -> None:
    aws.stub("sts").add_response("get_caller_identity", {"Arn": arn})


def role() -> dict[str, Any]:
    dated = {"CreateDate": "2026-01-01T00:00:00Z", "RoleId": "AROA0000000000000000", "Path": "/team/"}
    return {"Role": {"RoleName": "Deployer", "Arn": ROLE, **dated}}


def result(action: str, decision: str, *missing: str) -> dict[str, Any]:
    return {"EvalActionName": action, "EvalDecision": decision, "MissingContextValues": list(missing)}


@pytest.mark.parametrize(
    ("caller", "arn"),
    [
        (f"arn:aws:iam::{OWN}:root", f"arn:aws:iam::{OWN}:root"),
        (f"arn:aws:iam::{OWN}:user/ann", f"arn:aws:iam::{OWN}:user/ann"),
        (f"arn:aws:sts::{OWN}:federated-user/ann", ""),
    ],
)
def test_principal_is_what_iam_knows(aws: Stubbed, caller: str, arn: str) -> None:
    is_called(aws, caller)
    assert principals.of(aws, OWN, "us-east-1").arn == arn


def test_session_is_of_a_role_with_its_path(aws: Stubbed) -> None:
    is_called(aws, SESSION)
    aws.stub("iam").add_response("get_role", role(), {"RoleName": "Deployer"})
    assert principals.of(aws, OWN, "us-east-1") == principals.Principal(SESSION, ROLE)


def test_role_that_may_not_be_read_is_taken_to_have_no_path(aws: Stubbed) -> None:
    is_called(aws, SESSION)
    aws.stub("iam").add_client_error("get_role", "AccessDenied")
    assert principals.of(aws, OWN, "us-east-1").arn == f"arn:aws:iam::{OWN}:role/Deployer"


def test_simulator_s_answers(aws: Stubbed) -> None:
    answers = [
        result("iam:GetRole", "allowed"),
        result("iam:PassRole", "implicitDeny", "iam:PassedToService"),
        result("iam:TagRole", "explicitDeny"),
    ]
    actions = ("iam:GetRole", "iam:PassRole", "iam:TagRole")
    asked = {"PolicySourceArn": ROLE, "ActionNames": list(actions), "ResourceArns": [ON]}
    aws.stub("iam").add_response("simulate_principal_policy", {"EvaluationResults": answers}, asked)
    found = simulate(aws.client("iam", OWN, "us-east-1"), ROLE, Needs({ON: actions}))
    assert found == Simulated((("iam:TagRole", ON),), decided=2, undecided=1)


def test_actions_that_the_simulator_does_not_know_are_undecided(aws: Stubbed) -> None:
    aws.stub("iam").add_client_error("simulate_principal_policy", "InvalidInput")
    found = simulate(aws.client("iam", OWN, "us-east-1"), ROLE, Needs({ON: ("new:DoThings",)}))
    assert found == Simulated((), decided=0, undecided=1)


def of_caller(aws: Stubbed) -> list[Row]:
    values = {parameter.name: parameter.default or "x" for parameter in deployer.PARAMETERS}
    given = context(aws, Names(), {}, (OWN, "us-east-1"))
    return list(permissions.rows(given, OWN, deployer.templates(), values))


def test_caller_whose_permissions_may_not_be_simulated_is_named_as_not_checked(aws: Stubbed) -> None:
    is_called(aws, f"arn:aws:iam::{OWN}:user/ann")
    for _ in range(50):
        aws.stub("iam").add_client_error("simulate_principal_policy", "AccessDenied")
    identity, row = of_caller(aws)
    assert (identity.passed, identity.detail, identity.evidence) == (True, f"arn:aws:iam::{OWN}:user/ann", "called")
    assert (row.passed, row.detail, row.evidence) == (None, "SimulatePrincipalPolicy is denied", "none")
    aws.stubs.pop("iam")


def test_root_is_bounded_by_no_policy_and_a_federated_user_is_not_known(aws: Stubbed) -> None:
    is_called(aws, f"arn:aws:iam::{OWN}:root")
    assert of_caller(aws)[1].passed is True
    is_called(aws, f"arn:aws:sts::{OWN}:federated-user/ann")
    assert of_caller(aws)[1].passed is None


def test_missing_permissions_are_a_forecast_in_one_sentence() -> None:
    denied = tuple((f"iam:Action{number}", ON) for number in range(7))
    row = verdict("permissions", f"account {OWN}", Simulated(denied, 9, 0), f"{ROLE} lacks", "attach the policies")
    assert (row.passed, row.certain, row.detail) == (False, False, "7 of 9 actions denied")
    one_sentence(f"Error: {row.remedy}")
    assert row.remedy.endswith(f"iam:Action4 on {ON} and 2 more, as IAM simulates it: attach the policies.")


@pytest.mark.parametrize(
    ("templates", "file"), [(foundation.templates(), "foundation-target.yaml"), (deployer.templates(), deployer.FILE)]
)
def test_needs_are_plain_actions_on_plain_resources(templates: Any, file: str) -> None:
    parameters = deployer.PARAMETERS if file == deployer.FILE else f.TARGET
    values = {parameter.name: parameter.default or "x" for parameter in parameters}
    found = needs(templates, file, values, (OWN, "eu-west-1")).actions
    assert sum(map(len, found.values())) > 100
    for resource, actions in found.items():
        assert resource == "*" or "*" not in resource
        assert all(re.fullmatch(r"[a-z0-9-]+:[A-Za-z0-9]+", action) for action in actions)


@pytest.mark.parametrize(
    ("principal", "trusted"),
    [
        ({"AWS": ROLE}, True),
        ({"AWS": ["arn:aws:iam::222222222222:root", f"arn:aws:iam::{OWN}:root"]}, True),
        ({"AWS": OWN}, True),
        ({"AWS": f"arn:aws:iam::{OWN}:role/Other"}, False),
        ({"Service": "cloudformation.amazonaws.com"}, False),
        ({"AWS": "AROA0000000000000000"}, False),
    ],
)
def test_role_is_trusted_by_name_or_with_its_account(principal: dict[str, Any], trusted: bool) -> None:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    assert trusts({"Statement": statement}, ROLE) is trusted
    assert not trusts({"Statement": [{**statement, "Effect": "Deny"}]}, ROLE)


def quota(value: float) -> dict[str, Any]:
    return {"Quota": {"Value": value}}


def test_quota_without_an_applied_value_is_the_default(aws: Stubbed) -> None:
    quotas_of, (vpcs, *_) = aws.stub("service-quotas"), quotas.QUOTAS
    asked = {"ServiceCode": "vpc", "QuotaCode": "L-F678F1CE"}
    quotas_of.add_client_error("get_service_quota", "NoSuchResourceException", expected_params=asked)
    quotas_of.add_response("get_aws_default_service_quota", quota(5), asked)
    aws.stub("ec2").add_response("describe_vpcs", {"Vpcs": [{"VpcId": f"vpc-{number}"} for number in range(5)]}, {})
    row = quotas._row(aws, site(), vpcs, 1, "observed")
    assert (row.passed, row.detail) == (False, "5 of 5 used, 1 more needed")
    one_sentence(f"Error: {row.remedy}")


def test_quota_that_may_not_be_asked_is_named_as_not_checked(aws: Stubbed) -> None:
    aws.stub("service-quotas").add_client_error("get_service_quota", "AccessDeniedException")
    row = quotas._row(aws, site(), quotas.QUOTAS[0], 1, "observed")
    assert (row.passed, row.detail, row.evidence) == (None, "GetServiceQuota is denied", "none")


def test_nat_gateways_count_by_the_fullest_zone_that_gets_one(aws: Stubbed) -> None:
    ec2 = aws.stub("ec2")
    zones = [{"ZoneName": name, "ZoneId": name} for name in ("a", "b", "c")]
    ec2.add_response("describe_availability_zones", {"AvailabilityZones": zones})
    ec2.add_response("describe_subnets", {"Subnets": []})
    subnets = [{"SubnetId": f"subnet-{name}", "AvailabilityZone": name} for name in ("a", "b", "c")]
    made = [{"SubnetId": f"subnet-{name}"} for name in ("a", "a", "b", "c", "c", "c")]
    ec2.add_response("describe_nat_gateways", {"NatGateways": made})
    ec2.add_response("describe_subnets", {"Subnets": subnets})
    assert quotas._nat_gateways(aws, site()) == 2


def test_table_in_one_line() -> None:
    table = Table((passed("a", "x", "fine"), failed("b", "y", "bad", "Do it."), unchecked("c", "z", "denied")))
    assert table.told() == "1 check passed; 1 FAILED; not checked: c of z"
    assert [row["result"] for row in table.as_data()] == ["passed", "FAILED", "not checked"]


def test_what_passed_at_many_places_is_one_line() -> None:
    rows = [passed("a", str(number), "fine") for number in range(3)]
    table = Table((*rows, failed("a", "4", "bad", "Do it."), passed("b", "1", "x"), passed("a", "5", "x", "cited")))
    assert [line[:3] for line in table.folded(2)] == [
        ("a", "3 places", "passed"),
        ("a", "4", "FAILED"),
        ("b", "1", "passed"),
        ("a", "5", "passed"),
    ]
    assert table.folded(2)[0][4] == "fine"
    assert len(table.folded(3)) == 6
