"""Templates as they are launched: children by their URL in the artifact bucket, the image by its digest.

`packaged` is pure and changes exactly the `TemplateURL`s of nested stacks and the defaults of the three image
parameters and of the two of the tool schema, which is uploaded beside them. A key is the hash of the final text, so
that what is in the bucket never changes under its name.
"""

import copy
import hashlib
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from deployer.artifact_bucket import ArtifactBucket
from generator import parameters as p
from generator.rendering import to_yaml

NESTED: Final = "AWS::CloudFormation::Stack"
PREFIX: Final = "templates"
SCHEMA_FILE: Final = "tools.json"
CONNECTIONS: Final = 8
URL_LENGTH: Final = 1024
"""CloudFormation takes no longer template URL (service model, `TemplateURL`)."""


@dataclass(frozen=True)
class ImageReference:
    """A container image: the account of its registry, its repository and its digest."""

    account: str
    repository: str
    digest: str

    @property
    def parameters(self) -> dict[str, str]:
        """The image's root parameters, by name."""
        return {
            p.IMAGE_ACCOUNT.name: self.account,
            p.IMAGE_REPOSITORY.name: self.repository,
            p.IMAGE_DIGEST.name: self.digest,
        }


@dataclass(frozen=True)
class ToolSchema:
    """The tool schema of pinned gateway targets: its text, and the bucket and the account that hold it."""

    text: str
    bucket: str
    account: str

    @property
    def key(self) -> str:
        """Its key, below the prefix that the bucket's policy lets the targets' accounts read."""
        return f"{PREFIX}/{hashlib.sha256(self.text.encode()).hexdigest()}.json"

    @property
    def parameters(self) -> dict[str, str]:
        """The tool schema's root parameters, by name."""
        return {
            p.TOOL_SCHEMA_URI.name: f"s3://{self.bucket}/{self.key}",
            p.TOOL_SCHEMA_ACCOUNT.name: self.account,
        }


@dataclass(frozen=True)
class Artifact:
    """One packaged template: the file that it comes from, and its key, URL and text."""

    file: str
    key: str
    url: str
    text: str


@dataclass(frozen=True)
class Package:
    """Packaged templates, each after the children that it names, and the tool schema where there is one."""

    artifacts: tuple[Artifact, ...]
    schema: ToolSchema | None = None

    @property
    def urls(self) -> dict[str, str]:
        """The URLs by file."""
        return {artifact.file: artifact.url for artifact in self.artifacts}

    @property
    def texts(self) -> dict[str, str]:
        """The texts by file."""
        return {artifact.file: artifact.text for artifact in self.artifacts}


@dataclass(frozen=True)
class UploadResult:
    """The files that were uploaded and those whose text was in the bucket already."""

    uploaded: tuple[str, ...]
    present: tuple[str, ...]


def packaged(
    templates: Mapping[str, dict[str, Any]],
    base_url: str,
    image: ImageReference,
    schema: ToolSchema | None = None,
    beside: Iterable[str] = (),
) -> Package:
    """Returns every template that takes an image, and the children of these, packaged under `base_url`.

    Those `beside` are packaged as they are, to be launched by themselves. `templates` are plain data by file name and
    are not changed. Raises ValueError where a nested stack names a file that is not among them, or where two name each
    other in a circle.
    """
    done: dict[str, Artifact] = {}
    defaults = {**image.parameters, **(schema.parameters if schema else {})}
    for file, template in templates.items():
        if image.parameters.keys() <= template.get("Parameters", {}).keys():
            _package(file, templates, base_url, defaults, done, ())
    for file in beside:
        _package(file, templates, base_url, {}, done, ())
    return Package(tuple(done.values()), schema)


def _package(
    file: str,
    templates: Mapping[str, dict[str, Any]],
    base_url: str,
    defaults: Mapping[str, str],
    done: dict[str, Artifact],
    above: tuple[str, ...],
) -> str:
    """Adds the template and its children to `done`, children first, and returns its URL."""
    if file in above:
        raise ValueError(f"The templates {' → '.join((*above, file))} name each other in a circle.")
    if file not in templates:
        raise ValueError(f"The template {above[-1]} names {file}, which the generator does not make.")
    if file not in done:
        template = copy.deepcopy(templates[file])
        for resource in template["Resources"].values():
            if resource["Type"] == NESTED:
                child = resource["Properties"]["TemplateURL"]
                resource["Properties"]["TemplateURL"] = _package(
                    child, templates, base_url, defaults, done, (*above, file)
                )
        # The children receive these from their parent; only a root has parameters that a person may leave out.
        if not above:
            for name, value in defaults.items():
                template["Parameters"][name]["Default"] = value
        done[file] = _artifact(file, to_yaml(template), base_url)
    return done[file].url


def _artifact(file: str, text: str, base_url: str) -> Artifact:
    key = f"{PREFIX}/{hashlib.sha256(text.encode()).hexdigest()}.yaml"
    url = f"{base_url}/{key}"
    if len(url) > URL_LENGTH:
        raise ValueError(f"The URL of {file} is longer than {URL_LENGTH} characters: {url}")
    return Artifact(file, key, url, text)


def upload(package: Package, bucket: ArtifactBucket) -> UploadResult:
    """Uploads what the bucket does not hold yet, children before the templates that name them.

    Raises RefusedError where the bucket is missing, is another account's or is not the caller's to write.
    """
    wanted = [(artifact.file, artifact.key, artifact.text, "application/yaml") for artifact in package.artifacts]
    if package.schema:
        wanted.insert(0, (SCHEMA_FILE, package.schema.key, package.schema.text, "application/json"))
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        present = list(pool.map(lambda one: bucket.holds(one[1]), wanted))
    missing = [one for one, there in zip(wanted, present, strict=True) if not there]
    for _, key, text, kind in missing:
        bucket.put(key, text.encode(), f"{kind}; charset=utf-8")
    uploaded = tuple(one[0] for one in missing)
    return UploadResult(uploaded, tuple(sorted({one[0] for one in wanted} - set(uploaded))))
