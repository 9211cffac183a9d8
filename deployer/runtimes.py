"""The deployed runtimes as they are read back: one a target, by its stack's outputs."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from deployer.aws import Aws
from deployer.stack_set_plan import Instance, Target
from deployer.stacks import describe, outputs_of, parameters_of


@dataclass(frozen=True)
class Runtime:
    """One target's runtime: what the stack set says of it and, where its account can be read, its outputs."""

    account: str
    region: str
    stack_id: str
    status: str
    detail: str
    readable: bool
    outputs: Mapping[str, str]
    parameters: Mapping[str, str]
    touched: datetime | None = None
    """When the stack's last creation or update began."""


def read(aws: Aws, instances: Mapping[Target, Instance]) -> list[Runtime]:
    """Returns every target's runtime, sorted by account and Region.

    An account other than the caller's own cannot be read with the caller's credentials; such a runtime has no outputs.
    """
    return [_read(aws, account, region, instance) for (account, region), instance in sorted(instances.items())]


def _read(aws: Aws, account: str, region: str, instance: Instance) -> Runtime:
    readable = aws.reaches(account)
    stack = None
    if readable and instance.stack_id:
        stack = describe(aws.client("cloudformation", account, region), instance.stack_id)
    return Runtime(
        account=account,
        region=region,
        stack_id=instance.stack_id,
        status=stack["StackStatus"] if stack else ("CURRENT" if instance.current else "OUTDATED"),
        detail=instance.detail,
        readable=readable,
        outputs=outputs_of(stack) if stack else {},
        parameters=parameters_of(stack) if stack else {},
        touched=(stack.get("LastUpdatedTime") or stack.get("CreationTime")) if stack else None,
    )
