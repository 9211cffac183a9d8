"""Packaging changes what it must and nothing else, names by content, and uploads what is not there."""

import copy
import hashlib
import io
from pathlib import Path
from typing import Any

import pytest
import yaml
from botocore.exceptions import ClientError

from deployer.artifact_bucket import ArtifactBucket
from deployer.errors import RefusedError
from deployer.packaging import ImageReference, Package, ToolSchema, packaged, upload
from generator.stacks import template_dicts

ROOT = Path(__file__).resolve().parents[2]
OWNER = "111111111111"
BASE = "https://artifacts.s3.us-east-1.amazonaws.com"
IMAGE = ImageReference("111111111111", "mcp-runtime/server", "sha256:" + "a" * 64)
SCHEMA = ToolSchema('{"tools":[]}', "artifacts", OWNER)
Difference = tuple[tuple[str | int, ...], object, object]


@pytest.fixture(scope="module")
def package() -> Package:
    return packaged(template_dicts(), BASE, IMAGE, SCHEMA)


def differences(before: object, after: object, path: tuple[str | int, ...] = ()) -> list[Difference]:
    """Returns every place in which two documents differ."""
    if isinstance(before, dict) and isinstance(after, dict):
        return [
            difference
            for key in before.keys() | after.keys()
            for difference in differences(before.get(key), after.get(key), (*path, key))
        ]
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        return [
            difference
            for number, (one, other) in enumerate(zip(before, after, strict=True))
            for difference in differences(one, other, (*path, number))
        ]
    return [] if before == after else [(path, before, after)]


def checked_in(file: str) -> Any:
    return yaml.safe_load((ROOT / "templates" / file).read_text(encoding="utf-8"))


def test_packaged_templates_differ_from_the_checked_in_ones_in_exactly_urls_image_and_tool_schema(
    package: Package,
) -> None:
    defaults = {
        ("Parameters", name, "Default"): (checked_in("runtime.yaml")["Parameters"][name].get("Default"), value)
        for name, value in (IMAGE.parameters | SCHEMA.parameters).items()
    }
    expected_defaults = {path: pair for path, pair in defaults.items() if pair[0] != pair[1]}
    roots = {"runtime.yaml", "runtime-flat.yaml"}
    assert roots < package.texts.keys()
    for file, text in package.texts.items():
        before = checked_in(file)
        found = {path: (one, other) for path, one, other in differences(before, yaml.safe_load(text))}
        urls = {
            ("Resources", title, "Properties", "TemplateURL"): (child, package.urls[child])
            for title, resource in before["Resources"].items()
            if resource["Type"] == "AWS::CloudFormation::Stack"
            for child in [resource["Properties"]["TemplateURL"]]
        }
        assert found == urls | (expected_defaults if file in roots else {}), file
    changed = {"ImageRegistryAccount", "ImageDigest", "ToolSchemaUri", "ToolSchemaAccount"}
    assert changed == {path[1] for path in expected_defaults}


def test_order_of_keys_stays_so_that_texts_can_be_compared_by_line(package: Package) -> None:
    for file, text in package.texts.items():
        before = (ROOT / "templates" / file).read_text(encoding="utf-8").splitlines()
        after = text.splitlines()
        surplus = [line.strip() for line in after if line not in before]
        assert all(line.startswith(("Default: ", "TemplateURL: ", "https://")) for line in surplus), surplus


def test_key_is_the_hash_of_the_text_and_children_come_first(package: Package) -> None:
    seen: set[str] = set()
    for artifact in package.artifacts:
        assert artifact.key == f"templates/{hashlib.sha256(artifact.text.encode()).hexdigest()}.yaml"
        assert artifact.url == f"{BASE}/{artifact.key}"
        children = {url for url in package.urls.values() if url in artifact.text}
        assert children <= seen
        seen.add(artifact.url)
    assert len({artifact.file for artifact in package.artifacts}) == len(package.artifacts)


def test_foundation_is_not_packaged(package: Package) -> None:
    assert not [file for file in package.texts if file.startswith("foundation")]


def test_packaging_twice_gives_the_same_and_leaves_its_input_alone(package: Package) -> None:
    templates = template_dicts()
    kept = copy.deepcopy(templates)
    assert packaged(templates, BASE, IMAGE, SCHEMA) == package
    assert templates == kept


def test_another_image_changes_only_the_roots(package: Package) -> None:
    image = ImageReference("111111111111", "mcp-runtime/server", "sha256:" + "b" * 64)
    other = packaged(template_dicts(), BASE, image, SCHEMA)
    assert {file for file in package.urls if package.urls[file] != other.urls[file]} == {
        "runtime.yaml",
        "runtime-flat.yaml",
    }


def test_another_tool_schema_has_another_key_and_changes_only_the_roots(package: Package) -> None:
    other = ToolSchema('{"tools":[1]}', "artifacts", OWNER)
    assert other.key.startswith("templates/") and other.key != SCHEMA.key
    changed = packaged(template_dicts(), BASE, IMAGE, other)
    assert {file for file in package.urls if package.urls[file] != changed.urls[file]} == {
        "runtime.yaml",
        "runtime-flat.yaml",
    }


def test_without_a_tool_schema_its_parameters_stay_empty() -> None:
    for file in ("runtime.yaml", "runtime-flat.yaml"):
        parameters = yaml.safe_load(packaged(template_dicts(), BASE, IMAGE).texts[file])["Parameters"]
        assert [parameters[name]["Default"] for name in SCHEMA.parameters] == ["", ""]


def nested(*children: str, image: bool = False) -> dict[str, Any]:
    return {
        "Parameters": {name: {"Type": "String"} for name in IMAGE.parameters} if image else {},
        "Resources": {
            f"Child{number}": {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": child}}
            for number, child in enumerate(children)
        },
    }


def test_children_of_children_are_packaged_once() -> None:
    templates = {
        "root.yaml": nested("a.yaml", "b.yaml", image=True),
        "a.yaml": nested("c.yaml"),
        "b.yaml": nested("c.yaml"),
        "c.yaml": nested(),
    }
    assert [artifact.file for artifact in packaged(templates, BASE, IMAGE).artifacts] == [
        "c.yaml",
        "a.yaml",
        "b.yaml",
        "root.yaml",
    ]


@pytest.mark.parametrize(
    ("templates", "message"),
    [
        (
            {"root.yaml": nested("gone.yaml", image=True)},
            "root.yaml names gone.yaml, which the generator does not make",
        ),
        (
            {"root.yaml": nested("a.yaml", image=True), "a.yaml": nested("a.yaml")},
            "root.yaml → a.yaml → a.yaml name each other in a circle",
        ),
    ],
)
def test_templates_that_do_not_hang_together_are_refused(templates: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        packaged(templates, BASE, IMAGE)


class Bucket:
    """An S3 client over a dictionary, which records its calls and answers as S3 does."""

    def __init__(self, refuse: str = "", refuse_put: str = "") -> None:
        self.objects: dict[str, bytes] = {}
        self.puts: list[str] = []
        self.refuse = refuse
        self.refuse_put = refuse_put

    def head_object(self, **request: str) -> dict[str, Any]:
        assert request["ExpectedBucketOwner"] == OWNER
        code = self.refuse or ("" if request["Key"] in self.objects else "404")
        if code:
            raise ClientError({"Error": {"Code": code, "Message": "no"}}, "HeadObject")
        return {}

    def put_object(self, **request: Any) -> dict[str, Any]:
        assert request["ExpectedBucketOwner"] == OWNER
        if self.refuse_put:
            raise ClientError({"Error": {"Code": self.refuse_put, "Message": "no"}}, "PutObject")
        self.objects[request["Key"]] = io.BytesIO(request["Body"]).read()
        self.puts.append(request["Key"])
        return {}


def test_upload_puts_only_what_is_missing_children_first(package: Package) -> None:
    bucket = Bucket()
    first = upload(package, ArtifactBucket(bucket, "artifacts", OWNER))
    assert first.uploaded == ("tools.json", *(artifact.file for artifact in package.artifacts))
    assert first.present == ()
    assert bucket.puts == [SCHEMA.key, *(artifact.key for artifact in package.artifacts)]
    assert bucket.objects == {
        SCHEMA.key: SCHEMA.text.encode(),
        **{artifact.key: artifact.text.encode() for artifact in package.artifacts},
    }

    again = upload(package, ArtifactBucket(bucket, "artifacts", OWNER))
    assert again.uploaded == ()
    assert set(again.present) == {"tools.json", *package.urls}
    assert len(bucket.puts) == len(package.artifacts) + 1

    del bucket.objects[package.artifacts[3].key]
    assert upload(package, ArtifactBucket(bucket, "artifacts", OWNER)).uploaded == (package.artifacts[3].file,)


@pytest.mark.parametrize(
    ("bucket", "expected"),
    [
        (
            Bucket(refuse="403"),
            r"S3 refuses the artifact bucket artifacts \(403\): it belongs to another account than 1",
        ),
        (Bucket(refuse_put="AccessDenied"), r"S3 refuses the artifact bucket artifacts \(403\): it belongs to another"),
        (Bucket(refuse_put="NoSuchBucket"), "The artifact bucket artifacts is gone, though the foundation made it;"),
    ],
)
def test_bucket_that_is_not_ours_is_explained(package: Package, bucket: Bucket, expected: str) -> None:
    with pytest.raises(RefusedError, match=expected):
        upload(package, ArtifactBucket(bucket, "artifacts", OWNER))
