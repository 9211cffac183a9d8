"""What is there to be launched: the packaged templates of this tree and the image that they name; changes nothing."""

from collections.abc import Mapping
from dataclasses import dataclass

from deployer import image_supply
from deployer.context import Context
from deployer.deployment import package_of, publisher_of, registries_of
from deployer.errors import RefusedError
from deployer.evaluating import root_file
from deployer.foundation import artifact_bucket
from deployer.image_platforms import architectures
from deployer.packaging import ImageReference, Package
from deployer.resource_policies import admits

PULL = ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
"""What pulling an image takes of the repository's policy (ECR user guide, "Private repository policies")."""


@dataclass(frozen=True)
class Release:
    """The artifact bucket, the image and the packaged templates, of which `root` is the file that is launched."""

    bucket: str
    image: ImageReference
    package: Package
    root: str

    @property
    def url(self) -> str:
        """The root template's URL."""
        return self.package.urls[self.root]


def standing(context: Context) -> Release:
    """Returns the release that `package` makes of this tree and configuration, whether it is uploaded or not.

    `context` knows every target, and what stands on the foundation. Raises RefusedError where there is no foundation
    yet, or where only building the image would tell its digest.
    """
    settings = context.settings
    bucket = artifact_bucket(context.aws, context.account, settings.stack_set.home_region)
    if not bucket:
        raise RefusedError(
            f"Account {context.account} has no foundation in {settings.stack_set.home_region}, so that nothing is"
            " packaged: run `python build.py package`."
        )
    settled = image_supply.settle(settings, registries_of(context), context.local)
    digest = image_supply.known_digest(settings, settled)
    if not digest:
        raise RefusedError(
            f"The repository {settings.image.repository} of account {context.account} has no image of this source:"
            " run `python build.py package`, which builds it."
        )
    image = ImageReference(context.account, settings.image.repository, digest)
    return Release(bucket, image, package_of(context, bucket, image), root_file(settings))


def image_findings(context: Context, image: ImageReference, region: str, wanted: Mapping[str, str]) -> list[str]:
    """Returns a sentence for each thing for which a service in a Region would wait for its image in vain.

    `wanted` is the OCI architecture by account. An image in the home Region tells its architectures for all.
    """
    registries = registries_of(context)
    repository = registries.of(region)
    if not repository.holds(image.digest):
        absent = (
            f"The image {image.digest} is not in the repository {image.repository} of account {image.account} in"
            f" {region}: run `python build.py image`."
        )
        return [absent]
    found = architectures(repository, image.digest)
    sentences = [
        f"The image {image.digest} in {region} is for {' and '.join(sorted(found)) or 'no Linux'}, but the target"
        f" {account} {region} runs {architecture}: set compute.cpu_architecture to what the image is for, or give"
        f" image.digest of an image for {architecture}."
        for account, architecture in sorted(wanted.items())
        if architecture not in found
    ]
    document = repository.policy() or {}
    organization = publisher_of(context).stack_set.organization_id
    return sentences + [
        f"The policy of the repository {image.repository} of account {image.account} in {region} does not let account"
        f" {account} pull: run `python build.py package`, which sets it."
        for account in sorted(wanted)
        if account != image.account and not admits(document, account, organization, PULL)
    ]
