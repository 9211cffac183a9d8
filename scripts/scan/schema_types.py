"""Values in the types that a resource's schema declares, as CloudFormation hands them to the resource's handler.

Parameters and mappings hold text only; CloudFormation turns it into the number or the truth value that the schema
wants. Scanners compare what they read, so that "365" would not be as long as 365. Source of the schemas: cfn-lint's
copies of the CloudFormation registry.
"""

from collections.abc import Mapping
from typing import Any

from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

_DEEPEST = 12


def typed(resource_type: str, properties: Mapping[str, Any], region: str) -> dict[str, Any]:
    """Returns the properties of a resource with numbers and truth values where its schema declares them."""
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(region, resource_type).schema
    found: dict[str, Any] = _typed(properties, schema, schema, 0)
    return found


def _typed(value: Any, schema: Mapping[str, Any], root: Mapping[str, Any], depth: int) -> Any:
    if "$ref" in schema:
        target: Any = root
        for part in schema["$ref"].lstrip("#/").split("/"):
            target = target[part]
        schema = target
    if depth > _DEEPEST:
        return value
    if isinstance(value, Mapping):
        members = schema.get("properties", {})
        return {key: _typed(item, members.get(key, {}), root, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [_typed(item, schema.get("items", {}), root, depth + 1) for item in value]
    if isinstance(value, str):
        if schema.get("type") == "integer" and value.isdecimal():
            return int(value)
        if schema.get("type") == "boolean" and value in ("true", "false"):
            return value == "true"
    return value
