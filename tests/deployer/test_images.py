"""The image must be for the targets' architecture and in every Region's registry before anything waits for it."""

import time
from pathlib import Path

import pytest

from deployer import images
from deployer.errors import RefusedError
from deployer.images import provide
from deployer.packaging import ImageReference
from tests.deployer.registries import ACCOUNT, HOME, Regions

ABSENT = "sha256:" + "a" * 64
AMD = {f"{ACCOUNT} {HOME}": "amd64"}


@pytest.fixture
def regions(tmp_path: Path) -> Regions:
    return Regions(tmp_path)


def test_image_that_every_region_holds_is_taken(regions: Regions) -> None:
    digest = regions[HOME].hold()
    assert regions["eu-west-1"].repositories == []
    regions["eu-west-1"].repositories.append("r")
    assert regions["eu-west-1"].hold() == digest
    assert provide(regions.publisher(), digest, [HOME, "eu-west-1"], AMD, False) == ImageReference(ACCOUNT, "r", digest)


def test_image_that_was_never_pushed_is_named(regions: Regions) -> None:
    with pytest.raises(RefusedError, match=f"does not hold the image {ABSENT} in us-east-1; push it, or correct"):
        provide(regions.publisher(), ABSENT, ["eu-west-1"], {}, False)


def test_replication_is_waited_for(regions: Regions, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = regions[HOME].hold()
    regions[HOME].statuses = [{"region": "eu-west-1", "status": "IN_PROGRESS"}]
    waits: list[float] = []

    def replicated(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            regions["eu-west-1"].repositories.append("r")
            regions["eu-west-1"].hold()

    monkeypatch.setattr(time, "sleep", replicated)
    assert provide(regions.publisher(), digest, ["eu-west-1"], AMD, False).digest == digest
    assert waits == [0.25] * 3


def test_replication_that_does_not_come_is_named(regions: Regions, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = regions[HOME].hold()
    regions[HOME].statuses = [{"region": "eu-west-1", "status": "IN_PROGRESS"}]
    monkeypatch.setattr(images, "REPLICATION_SECONDS", -1.0)
    with pytest.raises(RefusedError, match=f"The image {digest} is not replicated to eu-west-1 yet"):
        provide(regions.publisher(), digest, ["eu-west-1"], AMD, False)


@pytest.mark.parametrize("status", [[], [{"region": "eu-west-1", "status": "FAILED"}]])
def test_image_that_is_older_than_a_region_is_copied_there(regions: Regions, status: list[dict[str, str]]) -> None:
    digest = regions[HOME].hold_index("amd64", "arm64", tag="both")
    regions[HOME].statuses = status
    said: list[str] = []
    publisher = regions.publisher(said, ("222222222222",))
    assert provide(publisher, digest, ["eu-west-1"], AMD, False).digest == digest
    copied = regions["eu-west-1"]
    assert copied.images[digest] == ["both"]
    assert copied.blobs == regions[HOME].blobs
    assert "222222222222" in copied.policies["r"] and "expire" in copied.lifecycles["r"]
    assert any("copying" in line and "eu-west-1" in line for line in said)


def test_image_that_was_just_pushed_is_left_to_replication_first(
    regions: Regions, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = regions[HOME].hold()

    def replicated(seconds: float) -> None:
        regions["eu-west-1"].repositories.append("r")
        regions["eu-west-1"].hold()

    monkeypatch.setattr(time, "sleep", replicated)
    said: list[str] = []
    provide(regions.publisher(said), digest, ["eu-west-1"], AMD, True)
    assert not any("copying" in line for line in said)


def test_image_for_another_architecture_is_refused(regions: Regions) -> None:
    digest = regions[HOME].hold("arm64")
    with pytest.raises(
        RefusedError, match=rf"{digest} is for arm64, but the target {ACCOUNT} {HOME} runs amd64; set compute\."
    ):
        provide(regions.publisher(), digest, [HOME], AMD, False)


def test_index_counts_with_the_platforms_that_it_lists(regions: Regions) -> None:
    digest = regions[HOME].hold_index("amd64", "arm64")
    assert provide(regions.publisher(), digest, [HOME], {"one": "amd64", "two": "arm64"}, False).digest == digest
    single = regions[HOME].hold_index("arm64", tag="arm")
    with pytest.raises(RefusedError, match="is for arm64, but the target one runs amd64"):
        provide(regions.publisher(), single, [HOME], {"one": "amd64", "two": "arm64"}, False)
