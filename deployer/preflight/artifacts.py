"""What a launch takes from the publisher: templates that the targets may read, and an image that they may pull."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from botocore.exceptions import ClientError

from deployer import image_supply
from deployer.artifact_bucket import ArtifactBucket
from deployer.context import Context
from deployer.errors import DeployerError
from deployer.foundation import ACCOUNT_STACK, Publisher
from deployer.image_platforms import architectures
from deployer.image_supply import Supply
from deployer.images import Registries
from deployer.preflight.rows import Row, failed, passed, unchecked
from deployer.preflight.sites import DENIED
from deployer.readable_objects import READ, Store, bucket_policy
from deployer.resource_policies import admits
from deployer.stacks import describe, parameters_of
from generator import foundation_parameters as f

BUCKET: Final = "templates readable"
IMAGE: Final = "image"


@dataclass(frozen=True)
class Published:
    """The publisher's side of a preflight: who publishes, the registries, the artifact bucket's name or nothing, and
    what settles where the image comes from.
    """

    context: Context
    publisher: Publisher
    registries: Registries
    bucket: str
    settle: Callable[[], Supply]

    def readable(self, account: str) -> Row:
        """Returns whether the bucket's policy admits a target's account, or will."""
        where = f"account {account}"
        if account == self.publisher.account:
            return passed(BUCKET, where, "the publisher's own account", "cited")
        if not self.bucket:
            return passed(BUCKET, where, "deploy makes the bucket and admits the account")
        try:
            document, said = self._policy, self._admitted
        except ClientError as error:
            if error.response["Error"]["Code"] not in DENIED:
                raise
            return unchecked(BUCKET, where, f"{error.operation_name} is denied")
        if document is None:
            return unchecked(BUCKET, where, "GetBucketPolicy is denied")
        if admits(document, account, self.publisher.stack_set.organization_id, [READ]):
            return passed(BUCKET, where, f"the policy of {self.bucket} admits it")
        if account not in said:
            return passed(BUCKET, where, f"deploy lets the policy of {self.bucket} admit it")
        remedy = (
            f"The policy of the bucket {self.bucket} does not allow account {account} {READ}, though the stack"
            f" {ACCOUNT_STACK} says that it does: put the statement ReadFromAccounts back that"
            " templates/foundation-account.yaml has."
        )
        return failed(BUCKET, where, "not admitted", remedy)

    def image(self) -> Iterator[Row]:
        """Yields whether the image is in each target's Region for its architecture, or will be."""
        settings, registries = self.context.settings, self.registries
        home = f"{registries.account} {registries.home_region}"
        try:
            digest = image_supply.known_digest(settings, self.settle())
            if not digest or not registries.home.holds(digest):
                yield self._not_held(home, digest)
                return
            found = architectures(registries.home, digest)
            wanted = image_supply.wanted_architectures(settings)
            for target, architecture in sorted(wanted.items()):
                yield self._in_region(target, digest, architecture, found)
        except ClientError as error:
            if error.response["Error"]["Code"] not in DENIED:
                raise
            yield unchecked(IMAGE, home, f"{error.operation_name} is denied")
        except DeployerError as error:
            yield failed(IMAGE, home, "not to be had", str(error))

    def _not_held(self, home: str, digest: str) -> Row:
        if not self.context.settings.image.digest:
            return passed(IMAGE, home, "deploy builds it")
        registries = self.registries
        remedy = (
            f"The repository {registries.repository} of account {registries.account} does not hold the image {digest}"
            f" in {registries.home_region}: push it, or correct image.digest."
        )
        return failed(IMAGE, home, "missing", remedy)

    def _in_region(self, target: str, digest: str, architecture: str, found: frozenset[str]) -> Row:
        region = target.partition(" ")[2]
        if architecture not in found:
            remedy = (
                f"The image {digest} is for {' and '.join(sorted(found)) or 'no Linux'}, but the target {target} runs"
                f" {architecture}: set compute.cpu_architecture to what the image is for, or give image.digest of an"
                f" image for {architecture}."
            )
            return failed(IMAGE, target, f"not for {architecture}", remedy)
        held = self.registries.of(region).holds(digest)
        return passed(IMAGE, target, f"{digest[:19]}… for {architecture}" if held else f"deploy copies it to {region}")

    @cached_property
    def _policy(self) -> Mapping[str, object] | None:
        home, account = self.publisher.home_region, self.publisher.account
        bucket = ArtifactBucket(self.context.aws.client("s3", account, home), self.bucket, account)
        return bucket_policy(Store(bucket, home, self.publisher.stack_set.organization_id))

    @cached_property
    def _admitted(self) -> frozenset[str]:
        """The accounts that the foundation's stack was told to admit."""
        client = self.context.aws.client("cloudformation", self.publisher.account, self.publisher.home_region)
        stack = describe(client, ACCOUNT_STACK)
        values: Mapping[str, str] = parameters_of(stack) if stack else {}
        return frozenset(values.get(f.TARGET_ACCOUNTS.name, "").split(","))
