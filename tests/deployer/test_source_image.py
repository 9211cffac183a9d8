"""The image of the source: the same bytes for the same source, another digest for any change that runs."""

import gzip
import io
import json
import tarfile
from pathlib import Path

import pytest

from deployer.registry import Repository, digest_of
from deployer.source_image import build, push
from tests.deployer.registries import Registry


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "server" / "tools").mkdir(parents=True)
    (tmp_path / "server" / "__main__.py").write_text("print('served')\n")
    (tmp_path / "server" / "tools" / "echo.py").write_text("...\n")
    (tmp_path / "server" / "__pycache__").mkdir()
    (tmp_path / "server" / "__pycache__" / "x.pyc").write_bytes(b"x")
    (tmp_path / "Pipfile.lock").write_text('{"server": {}}')
    return tmp_path


def test_image_holds_the_source_and_its_lock(root: Path) -> None:
    image = build(root, "amd64")
    archive = gzip.decompress(image.layer)
    with tarfile.open(fileobj=io.BytesIO(archive)) as held:
        names = {member.name for member in held.getmembers() if member.isfile()}
    assert {"server/__main__.py", "server/tools/echo.py"} <= names
    assert not [name for name in names if "__pycache__" in name]
    manifest, config = json.loads(image.manifest), json.loads(image.config)
    assert manifest["config"]["digest"] == digest_of(image.config)
    assert manifest["config"]["size"] == len(image.config)
    assert [layer["digest"] for layer in manifest["layers"]] == [digest_of(image.layer)]
    assert config["rootfs"]["diff_ids"] == [digest_of(archive)]
    assert config["architecture"] == "amd64"


def test_same_source_is_the_same_image(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    image = build(root, "amd64")
    other = tmp_path_factory.mktemp("elsewhere")
    for path in sorted((path for path in root.rglob("*") if path.is_file()), reverse=True):
        copied = other / path.relative_to(root)
        copied.parent.mkdir(parents=True, exist_ok=True)
        copied.write_bytes(path.read_bytes())
        copied.chmod(0o600)
    (other / "server" / "__pycache__" / "y.pyc").write_bytes(b"y")
    assert build(other, "amd64") == image


@pytest.mark.parametrize("change", ["content", "name", "lock", "architecture"])
def test_whatever_runs_differently_is_another_image(root: Path, change: str) -> None:
    before = build(root, "amd64").digest
    if change == "content":
        (root / "server" / "__main__.py").write_text("print('changed')\n")
    elif change == "name":
        (root / "server" / "tools" / "echo.py").rename(root / "server" / "tools" / "echo2.py")
    elif change == "lock":
        (root / "Pipfile.lock").write_text('{"server": {"fastmcp": {"version": "==0", "hashes": ["sha256:0"]}}}')
    assert build(root, "arm64" if change == "architecture" else "amd64").digest != before


def test_image_is_pushed_once(root: Path, tmp_path: Path) -> None:
    registry, image = Registry(tmp_path / "registry"), build(root, "amd64")
    repository = Repository(registry, "r")
    assert not repository.holds(image.digest)
    assert push(repository, image)
    assert repository.holds(image.digest)
    assert not push(repository, image)
    assert registry.images == {image.digest: [image.tag]}


def test_push_that_was_interrupted_goes_on(root: Path, tmp_path: Path) -> None:
    registry, image = Registry(tmp_path / "registry"), build(root, "amd64")
    registry.blobs.add(digest_of(image.layer))
    assert push(Repository(registry, "r"), image)
    assert image.digest in registry.images


def test_registry_without_the_repository_has_no_image(tmp_path: Path) -> None:
    assert not Repository(Registry(tmp_path, ()), "r").holds("sha256:" + "0" * 64)
