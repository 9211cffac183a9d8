"""Where the image comes from is settled before anything is changed, and the same source is built once."""

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from deployer.build_context import read
from deployer.builders import BUILDERS, Builder
from deployer.errors import RefusedError, UsageError
from deployer.image_supply import Supply, needs_project, settle, supply
from deployer.registry import digest_of
from deployer.settings import Settings, parse
from tests.deployer.registries import HOME, Regions

ROOT = Path(__file__).resolve().parents[2]
DIGEST = "sha256:" + "a" * 64


class Answering(Builder):
    """A builder that is there and does nothing."""

    def answers(self) -> bool:
        return True


class Silent(Builder):
    """A builder that is not there."""

    def answers(self) -> bool:
        return False


def known(*answering: str) -> dict[str, Builder]:
    return {name: (Answering if name in answering else Silent)(name, ()) for name in BUILDERS}


def settings(**image: str) -> Settings:
    document: dict[str, Any] = tomllib.loads((ROOT / "deployment.example.toml").read_text(encoding="utf-8"))
    document["image"] |= image
    return parse(document, "x.toml")


def two_architectures() -> Settings:
    document: dict[str, Any] = tomllib.loads((ROOT / "deployment.example.toml").read_text(encoding="utf-8"))
    document["address"]["host_labels"] = "region"
    other = {"account": "111111111111", "region": "eu-west-1"}
    document["targets"].append({**other, "overrides": {"compute": {"cpu_architecture": "ARM64"}}})
    return parse(document, "x.toml")


@pytest.fixture
def regions(tmp_path: Path) -> Regions:
    return Regions(tmp_path)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM scratch\n")
    return folder


def test_pinned_digest_needs_no_builder(regions: Regions, root: Path) -> None:
    found = settle(settings(digest=DIGEST, builder="docker"), regions.publisher(), False, root, known())
    assert found == Supply(digest=DIGEST)


def test_source_that_was_built_is_taken_and_no_builder_asked_for(regions: Regions, root: Path) -> None:
    context = read(root, "amd64")
    digest = regions[HOME].hold(tag=context.tag)
    found = settle(settings(builder="docker"), regions.publisher(), False, root, known())
    assert found == Supply(digest=digest, context=context)
    said: list[str] = []
    assert supply(settings(), found, regions.publisher(said), "", "").digest == digest
    assert said == [f"{context.tag} is built already"]


def test_image_comes_to_where_the_product_is_offered_too(regions: Regions, root: Path) -> None:
    digest = regions[HOME].hold(tag=read(root, "amd64").tag)
    found = settle(settings(), regions.publisher(), False, root, known())
    offered = replace(settings(), catalog=replace(settings().catalog, regions=("eu-west-1",)))
    assert supply(offered, found, regions.publisher(), "", "").digest == digest
    assert digest in regions["eu-west-1"].images


def test_first_builder_that_answers_is_taken_else_codebuild(regions: Regions, root: Path) -> None:
    publisher = regions.publisher()
    found = settle(settings(), publisher, False, root, known("podman", "buildah"))
    assert found.builder is not None and found.builder.program == "podman"
    assert settle(settings(), publisher, False, root, known()) == Supply(context=read(root, "amd64"))
    assert settle(settings(builder="codebuild"), publisher, False, root, known("docker")).builder is None


@pytest.mark.parametrize("builder", sorted(BUILDERS))
def test_builder_that_was_asked_for_and_is_not_there_is_one_sentence(
    regions: Regions, root: Path, builder: str
) -> None:
    with pytest.raises(UsageError, match=f"image.builder is {builder}, but it does not answer on this machine; start"):
        settle(settings(builder=builder), regions.publisher(), False, root, known())


def test_local_mode_builds_only_where_it_is_asked_to(regions: Regions, root: Path) -> None:
    assert settle(settings(), regions.publisher(), True, root, known("docker")) == Supply(stand_in=True)
    found = settle(settings(builder="docker"), regions.publisher(), True, root, known("docker"))
    assert found.builder is not None and not found.stand_in


def test_source_stands_in_for_an_image_in_local_mode(regions: Regions) -> None:
    regions[HOME].part_size = 1_000_000
    said: list[str] = []
    found = supply(settings(), Supply(stand_in=True), regions.publisher(said), "", "")
    assert regions[HOME].images[found.digest][0].startswith("source-")
    assert "stands in" in said[0]


def test_one_image_cannot_be_built_for_two_architectures(regions: Regions, root: Path) -> None:
    with pytest.raises(UsageError, match="run on both amd64 and arm64, but what is built here is for one of them"):
        settle(two_architectures(), regions.publisher(), False, root, known("docker"))


class Pushing(Answering):
    """A builder whose push the registry refuses, or which says that all went well."""

    refusal = ""

    def build_and_push(self, context: Any, repository: str, login: Any, say: Any) -> None:
        if self.refusal:
            raise RefusedError(self.refusal)


def test_tag_that_somebody_else_pushed_meanwhile_is_taken(
    regions: Regions, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Pushing, "refusal", "docker could not push x: tag is immutable.")
    monkeypatch.setattr("deployer.image_supply._login", lambda registries: None)
    settled = Supply(context=read(root, "amd64"), builder=Pushing("docker", ()))
    with pytest.raises(RefusedError, match="tag is immutable"):
        supply(settings(), settled, regions.publisher(), "", "")
    assert settled.context is not None
    digest = regions[HOME].hold(tag=settled.context.tag)
    assert supply(settings(), settled, regions.publisher(), "", "").digest == digest


def test_build_that_leaves_no_image_is_one_sentence(
    regions: Regions, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deployer.image_supply._login", lambda registries: None)
    settled = Supply(context=read(root, "amd64"), builder=Pushing("docker", ()))
    with pytest.raises(RefusedError, match="ended well, but the repository r in us-east-1 does not hold that tag"):
        supply(settings(), settled, regions.publisher(), "", "")


def test_project_depends_on_the_configuration_alone() -> None:
    assert needs_project(settings()) and needs_project(settings(builder="codebuild"))
    assert not needs_project(settings(builder="docker"))
    assert needs_project(settings(digest=digest_of(b"")))
