"""Templates as they are deployed under given values: no parameters, conditions or mappings decide anything any more.

Scanners read parameters and conditions poorly, and some not at all. So each root template is evaluated under example
values, and what remains is written as plain templates again: the resources that exist, with the values that they get.
What only AWS knows stays a reference; in a child template it is a parameter where the resource is in another template.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from generator.evaluation import PSEUDO, STACK, Deployment, Stack
from generator.stacks.runtime import FLATTENED_FILE, PARENT_FILE
from generator.symbols import SYMBOLIC, Call, Invalid, Reference, Text
from scripts.scan.schema_types import typed

REGION: Final = PSEUDO["AWS::Region"]
_UUID: Final = "12345678-1234-1234-1234-123456789012"
ELSEWHERE: Final = {"AWS::CertificateManager::Certificate": f"arn:aws:acm:{REGION}:111122223333:certificate/{_UUID}"}
"""What `Ref` of a resource of another template is, where a rule looks at its form; elsewhere it is a parameter."""

ATTRIBUTES: Final = ("DeletionPolicy", "UpdateReplacePolicy", "UpdatePolicy", "CreationPolicy", "Metadata")
"""What a resource has beside its type, properties and `DependsOn`."""

PACKAGED: Final = f"https://artifacts-444455556666.s3.{REGION}.amazonaws.com/"
"""Where packaging puts child templates; what a template says before it is packaged is no address."""

_KEY: Final = f"arn:aws:kms:{REGION}:111122223333:key/{_UUID}"
_COMMON: Final = {
    "ParentDomain": "example.com",
    "ImageRegistryAccount": "444455556666",
    "ImageDigest": f"sha256:{'ab' * 32}",
    "AlarmEmail": "operators@example.com",
}
_OWN: Final = {"HostedZoneId": "Z0123456789EXAMPLE"}
_EXISTING: Final = {
    "Exposure": "private",
    "ExistingCertificateArn": f"arn:aws:acm:{REGION}:111122223333:certificate/{_UUID}",
    "ExistingVpcId": "vpc-0123456789abcdef0",
    "ExistingPublicSubnetIds": "",
    "ExistingPrivateSubnetIds": "subnet-0123456789abcdef0,subnet-0123456789abcdef1",
    "TracesCollectorImage": "public.ecr.aws/aws-observability/aws-otel-collector@sha256:" + "a" * 64,
    "ContainerSecretArn": "arn:aws:secretsmanager:us-east-1:111122223333:secret:tools-AbCdEf",
    "AllowedPrincipals": "arn:aws:iam::111122223333:role/agents",
    "PermissionsBoundaryName": "boundary",
    "KmsKeyArn": _KEY,
    "ToolAccess": "enforce",
    "AccessStatement1": 'permit(principal, action, resource == AgentCore::Gateway::"<gateway>");',
}
_PRESETS: Final = ("development", "production")
_FOUNDATION: Final = {
    "TargetAccounts": "111122223333,444455556666",
    "AdministrationAccountId": "444455556666",
    "ArtifactBucketName": "artifacts-444455556666",
    "ReplicationRegion1": "eu-west-1",
}

_CATALOG: Final = {
    "ProviderName": "Platform",
    "FirstTemplateUrl": "https://artifacts.s3.us-east-1.amazonaws.com/templates/0000.yaml",
    "FirstVersionName": "v1.0.0",
    "ArtifactBucketName": "artifacts",
    "StackSetAccounts": "111122223333",
    "StackSetRegions": "us-east-1",
    "TagKey": "team",
    "TagValue1": "platform",
    "Principal1": "arn:aws:iam::111122223333:role/Developers",
    "PrincipalPattern1": "arn:aws:iam:::role/Developers*",
    "SharedAccount1": "444455556666",
    "PermissionsBoundaryName": "boundary",
}


@dataclass(frozen=True)
class Variant:
    """One way to launch a root template: `root` is its file name, `values` what its parameters are given.

    `name` says which. Parameters without a value get their defaults, or the empty text.
    """

    root: str
    name: str
    values: Mapping[str, str]


def variants(templates: Mapping[str, Mapping[str, Any]]) -> Iterator[Variant]:
    """Yields how the templates are looked at: the runtime's two forms under both presets, public with everything of
    its own and private with what exists already, and each template of the foundation without
    and with a key that exists; the catalog's with either constraint.
    """
    for root in (PARENT_FILE, FLATTENED_FILE):
        for preset in _PRESETS:
            for name, values in (("own", _OWN), ("existing", _EXISTING)):
                yield Variant(root, f"{preset}-{name}", {**_COMMON, **values, "Preset": preset})
    for root in sorted(templates):
        if root.startswith("foundation-"):
            for name, key in (("own", ""), ("existing", _KEY)):
                yield Variant(root, name, {**_FOUNDATION, "RegistryKmsKeyArn": key})
        if root.startswith("catalog"):
            for constraint in ("role", "stack-set"):
                yield Variant(root, constraint, {**_CATALOG, "LaunchConstraint": constraint})


def plain(templates: Mapping[str, Mapping[str, Any]], variant: Variant) -> dict[str, dict[str, Any]]:
    """Returns the plain templates of one variant by file name: the root's, and those of the children that exist.

    Raises `ValueError` where the root's own rules refuse the variant's values, or where they give a value that AWS
    would refuse to make: the example values are then out of date.
    """
    deployment = Deployment(templates, variant.root)
    declared = deployment.root.section("Parameters")
    defaults = {name: str(declaration.get("Default", "")) for name, declaration in declared.items()}
    deployment.given(defaults | {name: value for name, value in variant.values.items() if name in declared})
    if refused := list(deployment.violations()):
        raise ValueError(f"{variant.root} refuses the example values {variant.name}: {refused[0]}")
    return {
        stack.file: _template(deployment, stack, variant)
        for stack in deployment.stacks.values()
        if not stack.name or deployment.exists(stack.name)
    }


def _template(deployment: Deployment, stack: Stack, variant: Variant) -> dict[str, Any]:
    elsewhere: set[str] = set()
    home = stack.section("Resources")

    def written(value: Any) -> Any:
        if isinstance(value, Invalid):
            raise ValueError(f"{variant.root} under the example values {variant.name}: {value.reason}")  # noqa: TRY004  # of the values
        if isinstance(value, Reference):
            if value.logical_id in home:
                attribute = value.attribute
                return (
                    {"Ref": value.logical_id} if attribute == "Ref" else {"Fn::GetAtt": [value.logical_id, attribute]}
                )
            known = ELSEWHERE.get(deployment.type(value.logical_id))
            if known is not None and value.attribute == "Ref":
                return known
            parameter = value.logical_id + "".join(filter(str.isalnum, value.attribute))
            elsewhere.add(parameter)
            return {"Ref": parameter}
        if isinstance(value, Text):
            return {"Fn::Join": ["", [written(part) for part in value.parts]]}
        if isinstance(value, Call):
            arguments = [written(argument) for argument in value.arguments]
            single = value.function in ("Fn::Base64", "Fn::ToJsonString", "Fn::ImportValue")
            return {value.function: arguments[0] if single else arguments}
        if isinstance(value, Mapping):
            return {key: written(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [written(item) for item in value]
        assert not isinstance(value, SYMBOLIC)
        return value

    resources = {}
    for title, body in home.items():
        if deployment.exists(title):
            resource = {"Type": body["Type"], "Properties": written(deployment.properties(title))}
            if body["Type"] == STACK:
                resource["Properties"]["TemplateURL"] = PACKAGED + body["Properties"]["TemplateURL"]
            else:
                resource["Properties"] = typed(body["Type"], resource["Properties"], REGION)
            depends = body.get("DependsOn", ())
            waits = [t for t in ([depends] if isinstance(depends, str) else depends) if deployment.exists(t)]
            if waits:
                resource["DependsOn"] = waits
            for attribute in ATTRIBUTES:
                if attribute in body:
                    resource[attribute] = written(deployment.evaluate(stack, body[attribute]))
            resources[title] = resource
    template: dict[str, Any] = {"AWSTemplateFormatVersion": "2010-09-09"}
    if elsewhere:
        template["Parameters"] = {name: {"Type": "String"} for name in sorted(elsewhere)}
    return template | {"Resources": resources}
