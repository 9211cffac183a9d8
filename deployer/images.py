"""The image that every target runs: named by digest, and held by the registry of every target's Region."""

import time
from collections.abc import Iterable
from typing import Final

from deployer.aws import Aws, dns_suffix
from deployer.errors import RefusedError
from deployer.packaging import ImageReference
from deployer.source_image import SourceImage, has_image, push

REPLICATION_SECONDS: Final = 600.0
"""Most images are replicated in less than 30 minutes, small ones in seconds (ECR user guide, "Private image
replication"): after this, waiting on is for the person to decide."""


def provide(
    aws: Aws, image: ImageReference, home_region: str, regions: Iterable[str], source: SourceImage | None, poll: float
) -> ImageReference:
    """Returns the image by its digest once the registry holds it in every Region of the targets.

    `source` is an image to push to the home Region where it is missing; without one, `image` must name a digest.
    Raises RefusedError where there is no digest, or where a Region does not come to hold the image.
    """
    home = aws.client("ecr", image.account, home_region)
    if source is not None:
        push(home, image.repository, source)
        image = ImageReference(image.account, image.repository, source.digest)
    if not image.digest:
        raise RefusedError(
            "The configuration names no image: build the Dockerfile, push the image to"
            f" {image.account}.dkr.ecr.{home_region}.{dns_suffix(home_region)}/{image.repository}, which stands now,"
            " and give its digest as image.digest."
        )
    if not has_image(home, image.repository, image.digest):
        raise RefusedError(
            f"The repository {image.repository} of account {image.account} does not hold the image {image.digest} in"
            f" {home_region}; push it, or correct image.digest."
        )
    deadline = time.monotonic() + REPLICATION_SECONDS
    for region in sorted(set(regions) - {home_region}):
        client = aws.client("ecr", image.account, region)
        while not has_image(client, image.repository, image.digest):
            if time.monotonic() > deadline:
                raise RefusedError(
                    f"The image {image.digest} is not replicated to {region} yet; an image that was pushed before that"
                    " Region was a target must be pushed again, else run the same command again."
                )
            time.sleep(poll)
    return image
