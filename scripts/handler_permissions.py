"""Writes `generator/handler_permissions.py`: what CloudFormation calls to create, update and delete what we launch.

The source is the `handlers` section of the resource provider schemas that cfn-lint carries, and its catalogue of IAM's
actions. Run `python -m scripts.handler_permissions` when a template gains a resource type or when cfn-lint brings
newer schemas; a test says when that is so.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from cfnlint.data import AdditionalSpecs
from cfnlint.helpers import load_resource
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from generator.deployer_permissions import DEPLOYER_PERMISSIONS
from generator.stacks import catalog, foundation, runtime

REGION = "us-east-1"
HANDLERS = ("create", "read", "update", "delete")
FOREIGN = frozenset(
    {"amplify", "apigateway", "apprunner", "appsync", "bedrock-mantle", "cloudfront", "firehose", "lambda", "payments"}
    | {"acm-pca", "autoscaling", "codestar-connections", "s3tables"}
)
"""Services that the handlers call only for features which the runtime does not use."""
BESIDE_SCHEMA = {
    "AWS::BedrockAgentCore::OAuth2CredentialProvider": (
        "bedrock-agentcore:CreateTokenVault",
        "bedrock-agentcore:GetTokenVault",
    ),
    "AWS::BedrockAgentCore::Policy": ("bedrock-agentcore:InvokeGateway", "bedrock-agentcore:ListGatewayTargets"),
    "AWS::CodeBuild::Project": (
        "codebuild:BatchGetProjects",
        "codebuild:CreateProject",
        "codebuild:DeleteProject",
        "codebuild:UpdateProject",
        "iam:PassRole",
    ),
    "AWS::WAFv2::WebACLAssociation": (
        "bedrock-agentcore:GatewayAssociateWebACL",
        "bedrock-agentcore:GatewayDisassociateWebACL",
        "bedrock-agentcore:GatewayGetWebACLForResource",
        "bedrock-agentcore:GatewayListResourcesForWebACL",
    ),
}
"""What is needed and would be missed: what AgentCore does in its caller's name to check the tools of a policy, which
else fails, as users report, with "Insufficient permissions to list targets on gateway" and "to call gateway"; the web
ACL actions, which the documentation asks for and the schema does not name (AgentCore developer guide, web ACLs for
gateways), and those for the first provider of an account and Region, which makes the token vault: the schema names
them, IAM's catalogue not yet all. A type that is older than the registry has no handlers in its schema: it needs the
calls of its service's API."""
MODULE = Path(__file__).resolve().parent.parent / "generator" / "handler_permissions.py"


def permissions(resource_type: str) -> tuple[str, ...]:
    """Returns the IAM actions that the type's handlers need, sorted, without those of foreign services.

    Some schemas name actions that IAM does not have; the catalogue of IAM's actions tells these apart.
    """
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, resource_type).schema
    handlers = schema.get("handlers", {})
    actions = {action for name in HANDLERS for action in handlers.get(name, {}).get("permissions", [])}
    known = {action for action in actions if _is_known(action)}
    return tuple(sorted(known.union(BESIDE_SCHEMA.get(resource_type, ()))))


@cache
def _services() -> dict[str, Any]:
    found: dict[str, Any] = load_resource(AdditionalSpecs, "Policies.json")
    return found


def _is_known(action: str) -> bool:
    service, name = action.split(":")
    return service not in FOREIGN and name.lower() in _services().get(service, {}).get("Actions", {})


def module_text() -> str:
    """Returns the text of the generated module."""
    own = _types(runtime.nested() | runtime.flattened())
    beside = sorted(set(_types(foundation.templates())) - set(own))
    offered = sorted(set(_types(catalog.templates())) - {*own, *beside})
    types = sorted({*own, *beside, *offered})
    lines = [
        '"""What CloudFormation calls for each of the types; made by `python -m scripts.handler_permissions`."""',
        "",
        "from typing import Final",
        "",
    ]
    lines += _table("HANDLER_PERMISSIONS", own)
    lines += ['"""The types of the runtime."""', ""]
    lines += _table("FOUNDATION_PERMISSIONS", beside)
    lines += ['"""The types that the foundation alone has."""', ""]
    lines += _table("CATALOG_PERMISSIONS", offered)
    lines += ['"""The types that the catalog alone has."""', ""]
    lines += ["UNSCOPED: Final = frozenset(", "    {"]
    used = _used(types) | {action for one in DEPLOYER_PERMISSIONS.values() for action in one}
    lines += [f'        "{action}",' for action in sorted(used) if not _resource_types(action)]
    lines += ["    }", ")", '"""Actions for which IAM takes no narrower resource than all."""', ""]
    lines += ["SCOPES: Final[dict[str, tuple[str, ...]]] = {"]
    for service in sorted({action.split(":")[0] for action in used}):
        if scopes := _scopes(service, used):
            lines += [f'    "{service}": (', *(f'        "{scope}",' for scope in scopes), "    ),"]
    lines += ["}", '"""What the other actions of a service act on: everything of their kinds in one account."""', ""]
    return "\n".join(lines)


def _types(templates: Mapping[str, Any]) -> list[str]:
    return sorted({resource["Type"] for template in templates.values() for resource in template["Resources"].values()})


def _table(name: str, types: Iterable[str]) -> Iterator[str]:
    yield f"{name}: Final[dict[str, tuple[str, ...]]] = {{"
    for resource_type in types:
        yield f'    "{resource_type}": ('
        yield from (f'        "{action}",' for action in permissions(resource_type))
        yield "    ),"
    yield "}"


def _used(types: Iterable[str]) -> set[str]:
    return {action for resource_type in types for action in permissions(resource_type)}


def _resource_types(action: str) -> list[str]:
    service, name = action.split(":")
    known = _services()[service]["Actions"]
    # What the catalogue does not have yet acts on a resource of a kind that another action names already.
    found: list[str] = known[name.lower()].get("Resources", []) if name.lower() in known else ["unlisted"]
    return found


def _scopes(service: str, actions: Iterable[str]) -> list[str]:
    """Returns patterns for the ARNs that the service's actions take: by service and account, whatever comes after."""
    kinds = {kind.lower() for action in actions if action.split(":")[0] == service for kind in _resource_types(action)}
    formats = {
        arn
        for kind, resource in _services()[service]["Resources"].items()
        if kind.lower() in kinds
        for arn in resource["ARNFormats"]
    }
    return sorted({_pattern(arn) for arn in formats})


def _pattern(arn: str) -> str:
    _, _, service, region, account, _ = arn.split(":", 5)
    owner = "${AWS::AccountId}" if account == "${Account}" else account
    return f"arn:${{AWS::Partition}}:{service}:{'*' if region else ''}:{owner}:*"


if __name__ == "__main__":
    MODULE.write_text(module_text(), encoding="utf-8")
