"""What stands in a target before it is removed, and what somebody fastened to it so that AWS would not let it go."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError

from deployer import runtimes
from deployer.aws import Aws
from deployer.runtimes import Runtime
from deployer.stack_set_plan import Instance, Target
from deployer.stacks import DENIALS, NESTED
from generator import parameters as p
from generator.presets import PRESET, PRESETS
from generator.serving import TRACES_POLICY

GONE: Final = ("DELETE_COMPLETE", "DELETE_SKIPPED")
ABSENT: Final = ("NoSuchEntity", "NoSuchEntityException", "ResourceNotFoundException")
TASK_ROLE: Final = "TaskRole"
"""The one role that has no inline policy in the template, so that whatever it has was put there by somebody."""


@dataclass(frozen=True)
class Resource:
    """One resource of a stack or of one nested in it; `status` is the resource's own."""

    logical_id: str
    resource_type: str
    physical_id: str
    status: str


@dataclass(frozen=True)
class Standing:
    """A target's runtime and its resources, those of nested stacks among them; none where they cannot be read."""

    runtime: Runtime
    resources: tuple[Resource, ...] = ()

    @property
    def name(self) -> str:
        """The target as people read it."""
        return f"{self.runtime.account} {self.runtime.region}"

    def of_type(self, resource_type: str) -> list[Resource]:
        """Returns the resources of a type that are still the stacks'."""
        return [one for one in self.resources if one.resource_type == resource_type and one.status not in GONE]

    @property
    def buckets(self) -> list[str]:
        """The buckets of the stacks, by name: they stay when the stacks are deleted."""
        return [
            one.physical_id
            for one in self.resources
            if one.resource_type == "AWS::S3::Bucket" and one.status != "DELETE_COMPLETE"
        ]

    @property
    def gateways(self) -> list[str]:
        """The ids of the gateways."""
        return [one.physical_id for one in self.of_type("AWS::BedrockAgentCore::Gateway")]

    @property
    def gateway_targets(self) -> list[tuple[str, str]]:
        """The gateways' targets that the stacks made: the gateway's id and the target's, of which Ref is made."""
        references = (one.physical_id for one in self.of_type("AWS::BedrockAgentCore::GatewayTarget"))
        return [(gateway, target) for gateway, _, target in (one.partition("|") for one in references)]


def read(aws: Aws, target: Target, instance: Instance) -> Standing:
    """Returns what stands in a target; where its stack is gone, or may not be read, only what the stack set says."""
    (runtime,) = runtimes.read(aws, {target: instance})
    if not runtime.readable or not runtime.parameters:
        return Standing(runtime)
    client = aws.client("cloudformation", *target)
    return Standing(runtime, tuple(stack_resources(client, runtime.stack_id)))


def stack_resources(client: Any, stack_id: str) -> Iterator[Resource]:
    """Yields the resources of a stack and of those nested in it, also of stacks that are gone, by their ids."""
    for page in client.get_paginator("list_stack_resources").paginate(StackName=stack_id):
        for found in page["StackResourceSummaries"]:
            physical = found.get("PhysicalResourceId", "")
            if not physical:
                continue
            yield Resource(found["LogicalResourceId"], found["ResourceType"], physical, found["ResourceStatus"])
            if found["ResourceType"] == NESTED:
                yield from stack_resources(client, physical)


def hindrances(aws: Aws, standing: Standing, values: Mapping[str, str]) -> list[str]:
    """Returns a sentence for each thing because of which AWS would stop half-way through removing a target.

    `values` are the parameters that the stack set gives it, which tell of its protection where it cannot be read.
    AWS would delete most of a protected stack, refuse the load balancer and leave an instance that no stack set can
    mend. A role or a policy that something is attached to is not deleted (IAM service model, `DeleteRole` and
    `DeletePolicy`), nor is a gateway that has targets.
    """
    found: list[str] = []
    if is_protected(standing.runtime.parameters or values):
        found.append(
            f"The runtime of {standing.name} is protected from deletion; set runtime.deletion_protection to"
            " false, deploy, and then destroy it."
        )
    if standing.resources:
        place = (standing.runtime.account, standing.runtime.region)
        found += _attached(aws.client("iam", *place), standing)
        found += _strange_targets(aws.client("bedrock-agentcore-control", *place), standing)
    return found


def is_protected(parameters: Mapping[str, str]) -> bool:
    """Returns whether parameter values, by name, turn deletion protection on, by themselves or by their preset."""
    chosen = parameters.get(p.DELETION_PROTECTION.name, PRESET)
    if chosen == PRESET:
        chosen = PRESETS.rows[parameters.get(p.PRESET_NAME.name, "development")][p.DELETION_PROTECTION.name]
    return chosen == "on"


def _attached(client: Any, standing: Standing) -> Iterator[str]:
    """Yields a sentence for each role with policies, and each policy on identities, of which the templates know none.

    Of a runtime's roles the tasks' alone has managed policies, those that a parameter names, and none of its policies
    names identities. What a stack attached itself it detaches before it deletes the role.
    """
    named = standing.runtime.parameters.get(p.TASK_POLICIES.name, "").replace(" ", "").split(",")
    for role in standing.of_type("AWS::IAM::Role"):
        with _unless_untold():
            pages = client.get_paginator("list_attached_role_policies").paginate(RoleName=role.physical_id)
            policies = [one["PolicyArn"] for page in pages for one in page["AttachedPolicies"]]
            if role.logical_id == TASK_ROLE:
                policies = [arn for arn in policies if arn not in named]
                inline = client.get_paginator("list_role_policies").paginate(RoleName=role.physical_id)
                policies += [
                    f"the inline policy {name}"
                    for page in inline
                    for name in page["PolicyNames"]
                    if name != TRACES_POLICY
                ]
            if policies:
                yield (
                    f"The role {role.physical_id} of the runtime of {standing.name} has policies that it was not"
                    f" deployed with, and AWS deletes no such role; take them from it: {', '.join(policies)}."
                )
    for policy in standing.of_type("AWS::IAM::ManagedPolicy"):
        with _unless_untold():
            pages = client.get_paginator("list_entities_for_policy").paginate(PolicyArn=policy.physical_id)
            entities = [
                f"{kind} {one[f'{kind.title()}Name']}"
                for page in pages
                for kind in ("user", "group", "role")
                for one in page[f"Policy{kind.title()}s"]
            ]
            if entities:
                yield (
                    f"The policy {policy.physical_id} of the runtime of {standing.name} is attached, and AWS deletes no"
                    f" such policy; detach it from: {', '.join(entities)}."
                )


def _strange_targets(client: Any, standing: Standing) -> Iterator[str]:
    own = {target for _, target in standing.gateway_targets}
    for gateway in standing.gateways:
        with _unless_untold():
            pages = client.get_paginator("list_gateway_targets").paginate(gatewayIdentifier=gateway)
            strange = [
                f"{one['name']} ({one['targetId']})"
                for page in pages
                for one in page["items"]
                if one["targetId"] not in own
            ]
            if strange:
                yield (
                    f"The gateway {gateway} of the runtime of {standing.name} has targets that it was not deployed"
                    f" with, and AWS deletes no such gateway; delete them: {', '.join(strange)}."
                )


@contextmanager
def _unless_untold() -> Iterator[None]:
    """Passes over what was deleted by hand, and over what the credentials may not look at: AWS then has its say."""
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] not in ABSENT and error.response["Error"]["Code"] not in DENIALS:
            raise
