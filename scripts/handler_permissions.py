"""Writes `generator/handler_permissions.py`: what CloudFormation calls to create, update and delete the runtime.

The source is the `handlers` section of the resource provider schemas that cfn-lint carries. Run it when the runtime
gains a resource type or when cfn-lint brings newer schemas; a test says when that is so.
"""

from functools import cache
from pathlib import Path

from cfnlint.data import AdditionalSpecs
from cfnlint.helpers import load_resource
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from generator.stacks import runtime

REGION = "us-east-1"
HANDLERS = ("create", "read", "update", "delete")
FOREIGN = frozenset(
    {"amplify", "apigateway", "apprunner", "appsync", "bedrock-mantle", "cloudfront", "firehose", "lambda", "payments"}
    | {"acm-pca", "autoscaling", "s3tables"}
)
"""Services that the handlers call only for features which the runtime does not use."""
MODULE = Path(__file__).resolve().parent.parent / "generator" / "handler_permissions.py"


def permissions(resource_type: str) -> tuple[str, ...]:
    """Returns the IAM actions that the type's handlers need, sorted, without those of foreign services.

    Some schemas name actions that IAM does not have; the catalogue of IAM's actions tells these apart.
    """
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, resource_type).schema
    handlers = schema.get("handlers", {})
    actions = {action for name in HANDLERS for action in handlers.get(name, {}).get("permissions", [])}
    return tuple(sorted(action for action in actions if _is_known(action)))


@cache
def _catalogue() -> dict[str, frozenset[str]]:
    services = load_resource(AdditionalSpecs, "Policies.json")
    return {name: frozenset(action.lower() for action in service["Actions"]) for name, service in services.items()}


def _is_known(action: str) -> bool:
    service, name = action.split(":")
    return service not in FOREIGN and name.lower() in _catalogue().get(service, frozenset())


def module_text() -> str:
    """Returns the text of the generated module."""
    templates = (runtime.nested() | runtime.flattened()).values()
    types = sorted({resource["Type"] for template in templates for resource in template["Resources"].values()})
    lines = [
        '"""What CloudFormation calls for each type of the runtime; made by `scripts/handler_permissions.py`."""',
        "",
        "from typing import Final",
        "",
        "HANDLER_PERMISSIONS: Final[dict[str, tuple[str, ...]]] = {",
    ]
    for resource_type in types:
        lines.append(f'    "{resource_type}": (')
        lines.extend(f'        "{action}",' for action in permissions(resource_type))
        lines.append("    ),")
    return "\n".join([*lines, "}", ""])


if __name__ == "__main__":
    MODULE.write_text(module_text(), encoding="utf-8")
