"""The image must be in the registry of every Region before anything waits for it."""

import json
import time
from typing import Any

import pytest

from deployer.aws import Access, Aws
from deployer.errors import RefusedError
from deployer.images import provide
from deployer.packaging import ImageReference
from deployer.source_image import SourceImage, digest_of
from tests.deployer.test_source_image import Registry

DIGEST = "sha256:" + "a" * 64
HOME = "us-east-1"


class Registries(Aws):
    """One registry a Region."""

    def __init__(self, **regions: Registry) -> None:
        super().__init__(Access())
        self.regions = {name.replace("_", "-"): registry for name, registry in regions.items()}

    def client(self, service: str, account: str, region: str) -> Any:
        assert (service, account) == ("ecr", "111111111111")
        return self.regions[region]


def holding(*digests: str) -> Registry:
    registry = Registry()
    registry.images = dict.fromkeys(digests, "tag")
    return registry


def named(digest: str = "") -> ImageReference:
    return ImageReference("111111111111", "r", digest)


def test_image_that_every_region_holds_is_taken() -> None:
    aws = Registries(us_east_1=holding(DIGEST), eu_west_1=holding(DIGEST))
    assert provide(aws, named(DIGEST), HOME, [HOME, "eu-west-1"], None, 0) == named(DIGEST)


def test_no_image_says_where_to_push_one() -> None:
    with pytest.raises(RefusedError, match=r"push the image to 111111111111\.dkr\.ecr\.us-east-1\.amazonaws\.com/r,"):
        provide(Registries(us_east_1=holding()), named(), HOME, [HOME], None, 0)


def test_image_that_was_never_pushed_is_named() -> None:
    with pytest.raises(RefusedError, match=f"does not hold the image {DIGEST} in us-east-1; push it, or correct"):
        provide(Registries(us_east_1=holding()), named(DIGEST), HOME, ["eu-west-1"], None, 0)


def test_replication_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    aws = Registries(us_east_1=holding(DIGEST), eu_west_1=holding())
    waits: list[float] = []

    def replicated(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            aws.regions["eu-west-1"].images[DIGEST] = "tag"

    monkeypatch.setattr(time, "sleep", replicated)
    assert provide(aws, named(DIGEST), HOME, ["eu-west-1"], None, 0.25).digest == DIGEST
    assert waits == [0.25] * 3


def test_replication_that_does_not_come_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter([0.0, 1.0, 10_000.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(moments))
    aws = Registries(us_east_1=holding(DIGEST), eu_west_1=holding())
    with pytest.raises(RefusedError, match="is not replicated to eu-west-1 yet"):
        provide(aws, named(DIGEST), HOME, ["eu-west-1"], None, 0)


def test_source_is_pushed_to_the_home_region_only() -> None:
    config = b"{}"
    manifest = {"config": {"digest": digest_of(config)}, "layers": []}
    source = SourceImage(b"layer", config, json.dumps(manifest).encode())
    aws = Registries(us_east_1=holding(), eu_west_1=holding(source.digest))
    assert provide(aws, named(), HOME, ["eu-west-1"], source, 0) == named(source.digest)
    assert source.digest in aws.regions[HOME].images
