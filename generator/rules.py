"""The root template's rules: choices that contradict each other are refused before anything is created."""

from typing import Any, Final

from generator import parameters as p
from generator.parameters import RootParameter
from generator.presets import TASK_COUNTS

Expression = dict[str, Any]


def _is(parameter: RootParameter, value: str) -> Expression:
    if parameter.type == "CommaDelimitedList":
        return {"Fn::Contains": [{"Ref": parameter.name}, value]}
    return {"Fn::Equals": [{"Ref": parameter.name}, value]}


def _given(parameter: RootParameter) -> Expression:
    return {"Fn::Not": [_is(parameter, "")]}


def _any(*expressions: Expression) -> Expression:
    return {"Fn::Or": list(expressions)}


def _rule(when: Expression | None, *assertions: tuple[Expression, str]) -> Expression:
    rule: Expression = {} if when is None else {"RuleCondition": when}
    return rule | {
        "Assertions": [{"Assert": expression, "AssertDescription": sentence} for expression, sentence in assertions]
    }


_EXISTING_ISSUER: Final = (p.JWKS_URL, p.DISCOVERY_URL, p.CLIENT_ID, p.CLIENT_SECRET_ARN, p.SCOPE)

RULES: Final[dict[str, Expression]] = {
    "CertificateNeedsName": _rule(
        _given(p.CERTIFICATE_ARN),
        (
            _any(_given(p.HOST_NAME), _given(p.PARENT_DOMAIN)),
            "With an existing certificate, give the host name or the parent domain that it covers.",
        ),
    ),
    "ZoneNeedsName": _rule(
        _given(p.HOSTED_ZONE_ID),
        (
            _any(_given(p.HOST_NAME), _given(p.PARENT_DOMAIN)),
            "With a hosted zone, give its domain as the parent domain, or a host name in it.",
        ),
    ),
    "NameNeedsTrust": _rule(
        _any(_given(p.HOST_NAME), _given(p.PARENT_DOMAIN)),
        (
            _any(_given(p.HOSTED_ZONE_ID), _given(p.CERTIFICATE_ARN)),
            "With a host name or parent domain, give its hosted zone or the ARN of an existing certificate.",
        ),
    ),
    "ExistingVpcNeedsSubnets": _rule(
        _given(p.VPC_ID),
        (
            _any(_given(p.PUBLIC_SUBNET_IDS), _is(p.EXPOSURE, "private")),
            "With an existing VPC and public exposure, give its public subnets.",
        ),
        (_given(p.PRIVATE_SUBNET_IDS), "With an existing VPC, give its private subnets."),
    ),
    "SubnetsNeedExistingVpc": _rule(
        _any(_given(p.PUBLIC_SUBNET_IDS), _given(p.PRIVATE_SUBNET_IDS)),
        (_given(p.VPC_ID), "With existing subnets, give the existing VPC that they belong to."),
    ),
    "IssuerIsWhole": _rule(
        _any(*(_given(parameter) for parameter in (p.ISSUER, *_EXISTING_ISSUER, p.CLAIM_VALUE))),
        *(
            (_given(parameter), f"With an existing token issuer, give {parameter.name} too.")
            for parameter in (p.ISSUER, *_EXISTING_ISSUER)
        ),
    ),
    "ClaimIsFree": _rule(
        None,
        (
            {"Fn::Not": [{"Fn::Contains": [["iss", "exp", "nbf", "iat"], {"Ref": p.CLAIM.name}]}]},
            f"{p.CLAIM.name} must not be iss, exp, nbf or iat: the load balancer validates these by itself.",
        ),
    ),
    "PinnedToolsNeedSchema": _rule(
        _is(p.TOOL_LISTING, "pinned"),
        (_given(p.TOOL_SCHEMA_URI), "With a pinned tool list, give the S3 URI of the tool schema."),
        (_given(p.TOOL_SCHEMA_ACCOUNT), "With a pinned tool list, give the account of the tool schema's bucket."),
    ),
    "TaskBoundsFit": _rule(
        None,
        *(
            (
                _any(
                    {"Fn::Not": [_is(p.MIN_TASKS, str(count))]},
                    {"Fn::Contains": [[str(more) for more in TASK_COUNTS if more >= count], {"Ref": p.MAX_TASKS.name}]},
                ),
                f"With {p.MIN_TASKS.name} {count}, {p.MAX_TASKS.name} must be at least {count}.",
            )
            for count in TASK_COUNTS[1:]
        ),
    ),
    "EnforcingNeedsStatement": _rule(
        _is(p.TOOL_ACCESS, "enforce"),
        (
            _any(*(_given(parameter) for parameter in p.ACCESS_STATEMENTS)),
            f"With {p.TOOL_ACCESS.name} enforce, give an access statement: without one every call is refused.",
        ),
    ),
}
