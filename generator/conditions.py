"""What varies in the runtime, as named conditions over root parameters."""

from collections.abc import Sequence
from typing import Final

from troposphere import And, AWSHelperFn, Equals, Join, Not, Or, Ref

from generator import parameters as p
from generator.composition import Condition, Scope, chosen
from generator.parameters import RootParameter
from generator.serving import REGION_WITHOUT_RATE_LIMITS


def _given(name: str, parameter: RootParameter) -> Condition:
    def expression(scope: Scope) -> AWSHelperFn:
        reference = scope.parameter(parameter)
        text = Join("", reference) if parameter.type == "CommaDelimitedList" else reference
        return Not(Equals(text, ""))

    return Condition(name, expression)


def _all(name: str, *conditions: Condition) -> Condition:
    return Condition(name, lambda scope: And(*(scope.holds(condition) for condition in conditions)))


def _any(name: str, *conditions: Condition) -> Condition:
    return Condition(name, lambda scope: Or(*(scope.holds(condition) for condition in conditions)))


def _none(name: str, condition: Condition) -> Condition:
    return Condition(name, lambda scope: Not(scope.holds(condition)))


def _in_region(regions: Sequence[str]) -> AWSHelperFn:
    """Returns whether the stack is in one of the Regions; `Fn::Or` takes ten conditions at most."""
    alike = [Equals(Ref("AWS::Region"), region) for region in regions]
    return Or(*(Or(*alike[start : start + 9]) for start in range(0, len(alike), 9)))


HAS_HOST_NAME: Final = _given("HasHostName", p.HOST_NAME)
HAS_PARENT_DOMAIN: Final = _given("HasParentDomain", p.PARENT_DOMAIN)
HAS_HOSTED_ZONE: Final = _given("HasHostedZone", p.HOSTED_ZONE_ID)
HAS_CERTIFICATE: Final = _given("HasCertificate", p.CERTIFICATE_ARN)
HAS_NAME: Final = _any("HasName", HAS_HOST_NAME, HAS_PARENT_DOMAIN)
HAS_TRUST: Final = _any("HasTrust", HAS_CERTIFICATE, HAS_HOSTED_ZONE)
HAS_ENDPOINT: Final = _all("HasEndpoint", HAS_NAME, HAS_TRUST)
"""The runtime has a host name and a certificate, so the HTTPS listener can stand."""
HAS_NO_ENDPOINT: Final = _none("HasNoEndpoint", HAS_ENDPOINT)
LACKS_CERTIFICATE: Final = _none("LacksCertificate", HAS_CERTIFICATE)
CREATES_CERTIFICATE: Final = _all("CreatesCertificate", HAS_ENDPOINT, LACKS_CERTIFICATE)
CREATES_RECORD: Final = _all("CreatesRecord", HAS_ENDPOINT, HAS_HOSTED_ZONE)
LABELS_NOTHING: Final = chosen("LabelsNothing", p.HOST_LABELS, "none")
LABELS_REGION: Final = chosen("LabelsRegion", p.HOST_LABELS, "region")
LABELS_ACCOUNT: Final = chosen("LabelsAccount", p.HOST_LABELS, "account")

IS_PRIVATE: Final = chosen("IsPrivate", p.EXPOSURE, "private")
IS_PUBLIC: Final = _none("IsPublic", IS_PRIVATE)
HAS_PUBLIC_ENDPOINT: Final = _all("HasPublicEndpoint", HAS_ENDPOINT, IS_PUBLIC)
HAS_PRIVATE_ENDPOINT: Final = _all("HasPrivateEndpoint", HAS_ENDPOINT, IS_PRIVATE)
"""The endpoint's load balancer is internal, and the gateway alone may reach it."""

CREATES_VPC: Final = Condition("CreatesVpc", lambda scope: Equals(scope.parameter(p.VPC_ID), ""))
SPANS_THREE_ZONES: Final = chosen("SpansThreeZones", p.ZONE_COUNT, "3")
CREATES_THIRD_ZONE: Final = _all("CreatesThirdZone", CREATES_VPC, SPANS_THREE_ZONES)
NAT_PER_ZONE: Final = chosen("NatPerZone", p.NAT_GATEWAYS, "per-zone")
CREATES_SECOND_NAT: Final = _all("CreatesSecondNat", CREATES_VPC, NAT_PER_ZONE)
CREATES_THIRD_NAT: Final = _all("CreatesThirdNat", CREATES_THIRD_ZONE, NAT_PER_ZONE)
WANTS_INTERFACE_ENDPOINTS: Final = chosen("WantsInterfaceEndpoints", p.INTERFACE_ENDPOINTS, "on")
CREATES_INTERFACE_ENDPOINTS: Final = _all("CreatesInterfaceEndpoints", CREATES_VPC, WANTS_INTERFACE_ENDPOINTS)

LACKS_ISSUER: Final = Condition("LacksIssuer", lambda scope: Equals(scope.parameter(p.ISSUER), ""))
CREATES_ISSUER: Final = _all("CreatesIssuer", HAS_ENDPOINT, LACKS_ISSUER)
HAS_CLAIM_VALUE: Final = _given("HasClaimValue", p.CLAIM_VALUE)
CONNECTS_GATEWAY: Final = chosen("ConnectsGateway", p.GATEWAY_TARGET, "on")
HAS_TARGET: Final = _all("HasTarget", HAS_ENDPOINT, CONNECTS_GATEWAY)
"""The gateway forwards to the endpoint."""
SEMANTIC_SEARCH_REGIONS: Final = (
    *("us-east-1", "us-east-2", "us-west-2", "ca-central-1", "sa-east-1"),
    *("eu-central-1", "eu-west-1", "eu-west-2", "eu-west-3", "eu-south-1", "eu-south-2", "eu-north-1"),
    *("ap-south-1", "ap-south-2", "ap-northeast-1", "ap-northeast-2", "ap-southeast-1", "ap-southeast-2"),
)
"""Where a gateway can search its tools by meaning (AgentCore developer guide, "Supported AWS Regions for semantic
search"); there are gateways in more Regions."""
HAS_SEMANTIC_SEARCH: Final = Condition("HasSemanticSearch", lambda scope: _in_region(SEMANTIC_SEARCH_REGIONS))
PINS_TOOLS: Final = chosen("PinsTools", p.TOOL_LISTING, "pinned")
HAS_PRINCIPALS: Final = _given("HasPrincipals", p.ALLOWED_PRINCIPALS)
LACKS_TOOL_ACCESS: Final = chosen("LacksToolAccess", p.TOOL_ACCESS, "off")
HAS_TOOL_ACCESS: Final = _none("HasToolAccess", LACKS_TOOL_ACCESS)
"""A policy engine stands between the gateway and its tools."""
ENFORCES_TOOL_ACCESS: Final = chosen("EnforcesToolAccess", p.TOOL_ACCESS, "enforce")


def _statement(number: int, parameter: RootParameter) -> Condition:
    def expression(scope: Scope) -> AWSHelperFn:
        given = Not(Equals(scope.parameter(parameter), ""))
        return And(scope.holds(HAS_TARGET), scope.holds(HAS_TOOL_ACCESS), given)

    return Condition(f"HasAccessStatement{number}", expression)


HAS_ACCESS_STATEMENT: Final = tuple(_statement(number, one) for number, one in enumerate(p.ACCESS_STATEMENTS, 1))
"""A statement is in force: the tools that it names are there once the target has listed them."""
HAS_CONTAINER_SECRET: Final = _given("HasContainerSecret", p.CONTAINER_SECRET_ARN)
HAS_TRACES: Final = _given("HasTraces", p.TRACES_COLLECTOR_IMAGE)
HAS_FIREWALL: Final = chosen("HasFirewall", p.FIREWALL, "on")
ONLY_COUNTS: Final = chosen("OnlyCounts", p.FIREWALL_MODE, "count")
HAS_RATE_LIMITS: Final = Condition(
    "HasRateLimits", lambda _: Not(Equals(Ref("AWS::Region"), REGION_WITHOUT_RATE_LIMITS))
)
PRINCIPALS_ARE_FREE: Final = chosen("PrincipalsAreFree", p.CALLS_PER_PRINCIPAL, "0")
TOOLS_ARE_FREE: Final = chosen("ToolsAreFree", p.CALLS_PER_TOOL, "0")
LIMITS_PRINCIPALS: Final = _all("LimitsPrincipals", HAS_RATE_LIMITS, _none("PrincipalsAreBound", PRINCIPALS_ARE_FREE))
LIMITS_TOOLS: Final = _all("LimitsTools", HAS_RATE_LIMITS, _none("ToolsAreBound", TOOLS_ARE_FREE))
IS_PROTECTED: Final = chosen("IsProtected", p.DELETION_PROTECTION, "on")
HAS_ALARM_EMAIL: Final = _given("HasAlarmEmail", p.ALARM_EMAIL)
HAS_TASK_POLICIES: Final = _given("HasTaskPolicies", p.TASK_POLICIES)
HAS_BOUNDARY: Final = _given("HasPermissionsBoundary", p.PERMISSIONS_BOUNDARY)
HAS_KEY: Final = _given("HasKmsKey", p.KMS_KEY)
