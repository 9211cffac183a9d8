"""Which properties of a resource cannot change in place, as the resource types' own schemas say.

CloudFormation replaces a resource where a property changes that its type lists among `createOnlyProperties`, and may
where it is among `conditionalCreateOnlyProperties` (CloudFormation CLI user guide, "Resource type definition schema").
cfn-lint carries the schemas that AWS publishes for each Region.
"""

from collections.abc import Iterable
from functools import cache
from typing import Any, Final

from deployer.update_diff import Fixed

_PREFIX: Final = "/properties/"


@cache
def fixed(region: str, resource_type: str) -> Fixed:
    """Returns what is fixed once a resource of a type exists in a Region."""
    # Loaded with the first question: that takes longer than most commands that ask none.
    from cfnlint.schema import ResourceNotFoundError
    from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

    try:
        schema: dict[str, Any] = PROVIDER_SCHEMA_MANAGER.get_resource_schema(region, resource_type).schema
    except ResourceNotFoundError:
        return Fixed(known=False)
    return Fixed(
        _paths(schema.get("createOnlyProperties") or ()), _paths(schema.get("conditionalCreateOnlyProperties") or ())
    )


def _paths(pointers: Iterable[str]) -> tuple[str, ...]:
    return tuple(pointer.removeprefix(_PREFIX) for pointer in pointers)
