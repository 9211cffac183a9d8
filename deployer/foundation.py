"""The foundation: what a publisher needs once per account, once per Region of replicated images and once per target."""

import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import yaml

from deployer import descriptions, replicas
from deployer.aws import Aws, partition_of
from deployer.descriptions import Describing
from deployer.errors import UsageError
from deployer.events import Reporter, Step
from deployer.registry import Repository, key_in
from deployer.sections import StackSetSettings
from deployer.stacks import describe, ensure, outputs_of
from generator import foundation_parameters as f
from generator import parameters as p
from generator.stacks.foundation import ACCOUNT_FILE, REGION_FILE, TARGET_FILE

ACCOUNT_STACK = "mcp-runtime-foundation"
REGION_STACK = "mcp-runtime-foundation-replica"
TARGET_STACK = "mcp-runtime-foundation-target"
DEFAULT_REGIONS: Final = frozenset(
    {
        *("us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "sa-east-1"),
        *("eu-west-1", "eu-west-2", "eu-west-3", "eu-central-1", "eu-north-1"),
        *("ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-southeast-1", "ap-southeast-2"),
    }
)
"""The Regions that every account can use: those launched before 20 March 2019; all later ones must be enabled (Account
Management reference guide, "Enable or disable AWS Regions in your account")."""
VALUE_BYTES = 4096
"""A parameter's value is no longer (CloudFormation user guide, "Quotas")."""
CONNECTIONS = 4


@dataclass(frozen=True)
class Foundation:
    """What the rest of a deployment builds on."""

    bucket: str
    repository: str
    image_builder: str
    administration_role_arn: str
    execution_role_name: str


@dataclass(frozen=True)
class Publisher:
    """Who publishes: the account and its home Region, and who receives.

    `builds_images` says whether the account gets an image builder; `kms_key` is the ARN of the images' key in the home
    Region, `permissions_boundary` the name of the policy that bounds every role.
    """

    account: str
    repository: str
    stack_set: StackSetSettings
    target_accounts: tuple[str, ...]
    target_regions: tuple[str, ...]
    builds_images: bool = True
    kms_key: str = ""
    permissions_boundary: str = ""
    readers: tuple[str, ...] = ()
    """Accounts that are no targets, and read the templates and pull the image all the same."""

    @property
    def admitted(self) -> list[str]:
        """The accounts that are admitted by their ids: the target accounts and the readers but the publisher's own.

        None where their number is too large for a parameter, and the organization admits them. Raises UsageError where
        that is not given.
        """
        others = sorted({*other_accounts(self), *self.readers} - {self.account})
        if len(",".join(others)) <= VALUE_BYTES:
            return others
        if not self.stack_set.organization_id:
            raise UsageError(
                f"The targets and readers are {len(others)} other accounts, more than one parameter holds; give"
                " stack_set.organization_id, so that all accounts of the organization are admitted."
            )
        return []

    @property
    def home_region(self) -> str:
        """The Region of the stack set, the artifact bucket and the repository that images are pushed to."""
        return self.stack_set.home_region

    def key_in(self, region: str) -> str:
        """Returns the ARN of the images' key in a Region, of which a multi-Region key has one under the same id."""
        return key_in(self.kms_key, region)


def parameters(publisher: Publisher) -> dict[str, str]:
    """Returns the account template's parameters; raises UsageError where there are more Regions than slots."""
    replicas = [region for region in publisher.target_regions if region != publisher.home_region]
    if len(replicas) > len(f.REPLICATION_REGIONS):
        raise UsageError(
            f"The targets lie in {len(replicas)} Regions besides {publisher.home_region}, but a registry is replicated"
            f" to {len(f.REPLICATION_REGIONS)} at most; split the targets over two publishing accounts."
        )
    _check_key(publisher, replicas)
    shared = shared_parameters(publisher, publisher.home_region)
    roles = publisher.stack_set
    makes_execution_role = roles.create_execution_role and publisher.account in publisher.target_accounts
    return shared | {
        f.CREATE_ADMINISTRATION_ROLE.name: "on" if roles.create_administration_role else "off",
        f.ADMINISTRATION_ROLE_NAME.name: roles.administration_role_name,
        f.OPT_IN_REGIONS.name: ",".join(opt_in([publisher.home_region, *publisher.target_regions])),
        f.CREATE_EXECUTION_ROLE.name: "on" if makes_execution_role else "off",
        f.EXECUTION_ROLE_NAME.name: roles.execution_role_name,
        f.IMAGE_BUILDER.name: "on" if publisher.builds_images else "off",
        **{slot.name: region for slot, region in zip(f.REPLICATION_REGIONS, replicas, strict=False)},
    }


def _check_key(publisher: Publisher, replicas: Sequence[str]) -> None:
    """Holds the images' key against where it is used: ECR takes one of the repository's own Region.

    `EncryptionConfiguration.kmsKey`, ECR service model; key ids of multi-Region keys begin with mrk- (AWS KMS developer
    guide, "Multi-Region keys").
    """
    if not publisher.kms_key:
        return
    _, _, _, region, account, name = publisher.kms_key.split(":")
    if (account, region) != (publisher.account, publisher.home_region):
        raise UsageError(
            f"image.kms_key_arn names a key of account {account} in {region}, but the repository lies in account"
            f" {publisher.account} in {publisher.home_region}; give a key from there."
        )
    if replicas and not name.startswith("key/mrk-"):
        raise UsageError(
            f"image.kms_key_arn names a key of {region} alone, but images are replicated to {', '.join(replicas)}; give"
            " a multi-Region key that has replicas there."
        )


def opt_in(regions: Iterable[str]) -> list[str]:
    """Returns the Regions, sorted, that accounts must enable before they can use them."""
    return sorted({region for region in regions if partition_of(region) == "aws"} - DEFAULT_REGIONS)


def shared_parameters(publisher: Publisher, region: str) -> dict[str, str]:
    """Returns the parameters that the account's template and the Regions' have in common: all of the latter's."""
    return {
        f.TARGET_ACCOUNTS.name: ",".join(publisher.admitted),
        f.ORGANIZATION_ID.name: publisher.stack_set.organization_id,
        f.REPOSITORY_NAME.name: publisher.repository,
        p.PERMISSIONS_BOUNDARY.name: publisher.permissions_boundary,
        f.REGISTRY_KEY.name: publisher.key_in(region),
    }


def deploy(
    aws: Aws,
    publisher: Publisher,
    values: Mapping[str, str],
    templates: Mapping[str, str],
    reporter: Reporter,
    poll: float,
) -> Foundation:
    """Creates or updates the foundation in the publisher's account and returns what it made.

    `values` are the account template's parameters.
    """
    step = "Foundation"
    reporter.emit(Step(step, "started"))
    reporter = Describing(reporter, descriptions.of_foundation())
    client = aws.client("cloudformation", publisher.account, publisher.home_region)
    made = ensure(client, ACCOUNT_STACK, compact(templates[ACCOUNT_FILE]), values, reporter, poll)
    changed = [made.changed]
    for region in replica_regions(publisher):
        regional = aws.client("cloudformation", publisher.account, region)
        changed.append(
            ensure(
                *(
                    regional,
                    REGION_STACK,
                    compact(templates[REGION_FILE]),
                    shared_parameters(publisher, region),
                    reporter,
                    poll,
                ),
                label=f"{REGION_STACK} {region}",
            ).changed
        )
        replica = Repository(aws.client("ecr", publisher.account, region), publisher.repository)
        changed.append(replicas.ensure_policy(replica, publisher.admitted, publisher.stack_set.organization_id))
    changed += _prepare_targets(aws, publisher, templates, made.outputs["ArtifactBucket"], reporter, poll)
    reporter.emit(Step(step, "done" if any(changed) else "unchanged", f"bucket {made.outputs['ArtifactBucket']}"))
    return Foundation(
        bucket=made.outputs["ArtifactBucket"],
        repository=made.outputs["RepositoryName"],
        image_builder=made.outputs["ImageBuilderName"],
        administration_role_arn=made.outputs["AdministrationRoleArn"],
        execution_role_name=made.outputs["ExecutionRoleName"],
    )


def compact(text: str) -> str:
    """Returns a template's text without what only people need: before there is a bucket, a template is sent in the
    request itself, which takes 51,200 bytes (CloudFormation service model, `TemplateBody`).
    """
    return json.dumps(yaml.safe_load(text), separators=(",", ":"))


def target_parameters(publisher: Publisher, bucket: str) -> dict[str, str]:
    """Returns the parameters of the template that a target's account needs once."""
    return {
        f.ADMINISTRATION_ACCOUNT.name: publisher.account,
        f.ADMINISTRATION_ROLE_NAME.name: publisher.stack_set.administration_role_name,
        f.EXECUTION_ROLE_NAME.name: publisher.stack_set.execution_role_name,
        f.ARTIFACT_BUCKET.name: bucket,
        p.PERMISSIONS_BOUNDARY.name: publisher.permissions_boundary,
    }


def _prepare_targets(
    aws: Aws, publisher: Publisher, templates: Mapping[str, str], bucket: str, reporter: Reporter, poll: float
) -> list[bool]:
    """Makes the execution role in the other accounts that can be reached; returns for each whether anything changed.

    A role of that name which somebody else made is theirs and stays as it is.
    """

    def prepare(account: str) -> bool:
        client = aws.client("cloudformation", account, publisher.home_region)
        if describe(client, TARGET_STACK) is None and has_role(aws.client("iam", account, publisher.home_region), role):
            return False
        values = target_parameters(publisher, bucket)
        label = f"{TARGET_STACK} {account}"
        return ensure(client, TARGET_STACK, compact(templates[TARGET_FILE]), values, reporter, poll, label).changed

    role = publisher.stack_set.execution_role_name
    if publisher.stack_set.service_managed:
        return []
    reached = [account for account in other_accounts(publisher) if aws.reaches(account)]
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        return list(pool.map(prepare, reached))


def has_role(client: Any, name: str) -> bool:
    """Returns whether an account has a role of a name."""
    try:
        client.get_role(RoleName=name)
    except client.exceptions.NoSuchEntityException:
        return False
    return True


def other_accounts(publisher: Publisher) -> list[str]:
    """Returns the targets' accounts that are not the publisher's own, sorted."""
    return sorted(set(publisher.target_accounts) - {publisher.account})


def artifact_bucket(aws: Aws, account: str, home_region: str) -> str:
    """Returns the name of the artifact bucket, or an empty string where there is no foundation yet."""
    stack = describe(aws.client("cloudformation", account, home_region), ACCOUNT_STACK)
    return outputs_of(stack).get("ArtifactBucket", "") if stack else ""


def replica_regions(publisher: Publisher) -> Sequence[str]:
    """Returns the Regions to which images are replicated."""
    return [region for region in publisher.target_regions if region != publisher.home_region]
