"""The image that every target runs: named by digest, for the targets' architecture, in every target's Region."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from deployer import replicas
from deployer.aws import Aws
from deployer.errors import RefusedError
from deployer.image_platforms import architectures
from deployer.packaging import ImageReference
from deployer.registry import Repository, key_in

REPLICATION_SECONDS: Final = 1800.0
"""Most images are replicated in less than 30 minutes, small ones in seconds (ECR user guide, "Private image
replication"): after this, waiting on is for the person to decide."""
NOTICE_SECONDS: Final = 60.0
"""For how long a registry may not know yet that it replicates an image that was just pushed."""


@dataclass(frozen=True)
class Registries:
    """The publisher's registries, one a Region, and who may pull from them.

    `account` publishes to `home_region`; `accounts` and `organization` pull. `poll` is in seconds;
    `kms_key` is the ARN of the images' key in the home Region, empty for keys of AWS.
    """

    aws: Aws
    account: str
    repository: str
    home_region: str
    accounts: Sequence[str]
    organization: str
    poll: float
    say: Callable[[str], None]
    kms_key: str = ""

    def of(self, region: str) -> Repository:
        """Returns the repository of a Region."""
        return Repository(self.aws.client("ecr", self.account, region), self.repository)

    @property
    def home(self) -> Repository:
        """The repository that images are pushed to."""
        return self.of(self.home_region)


def provide(
    registries: Registries, digest: str, regions: Iterable[str], wanted: Mapping[str, str], fresh: bool
) -> ImageReference:
    """Returns the image by its digest once the registry holds it in all these Regions.

    `wanted` gives the OCI architecture of each target by its name; `fresh` says that the image was pushed just now.
    Raises RefusedError where the image is not in the home Region, is for another architecture, or does not come to be
    in a Region.
    """
    home = registries.home
    if not home.holds(digest):
        raise RefusedError(
            f"The repository {registries.repository} of account {registries.account} does not hold the image {digest}"
            f" in {registries.home_region}; push it, or correct image.digest."
        )
    _check_architecture(home, digest, wanted)
    for region in sorted(set(regions) - {registries.home_region}):
        _replicated(registries, digest, region, NOTICE_SECONDS if fresh else 0.0)
    return ImageReference(registries.account, registries.repository, digest)


def _check_architecture(home: Repository, digest: str, wanted: Mapping[str, str]) -> None:
    if not wanted:
        return
    found = architectures(home, digest)
    for target, architecture in sorted(wanted.items()):
        if architecture not in found:
            raise RefusedError(
                f"The image {digest} is for {' and '.join(sorted(found)) or 'no Linux'}, but the target {target} runs"
                f" {architecture}; set compute.cpu_architecture to what the image is for, or give image.digest of an"
                f" image for {architecture}."
            )


def _replicated(registries: Registries, digest: str, region: str, patience: float) -> None:
    """Waits until a Region holds the image; copies it there where ECR, after `patience` in seconds, does not."""
    replica = registries.of(region)
    began = time.monotonic()
    while not replica.holds(digest):
        waited = time.monotonic() - began
        registries.say(f"waiting for {region} to hold {digest[:19]}…")
        if waited > REPLICATION_SECONDS:
            raise RefusedError(
                f"The image {digest} is not replicated to {region} yet, {REPLICATION_SECONDS / 60:.0f} minutes after it"
                " was asked for; run the same command again, it goes on waiting."
            )
        if waited >= patience and not replicas.is_replicating(registries.home, digest, region):
            registries.say(f"copying {digest[:19]}… to {region}: it is older than the replication to there")
            replicas.ensure_repository(
                *(replica, registries.accounts, registries.organization, key_in(registries.kms_key, region))
            )
            replicas.copy(registries.home, replica, digest)
            continue
        time.sleep(registries.poll)
