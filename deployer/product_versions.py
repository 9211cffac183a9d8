"""Versions of the Service Catalog product: their names, and which of them new launches may take.

A version is named by its release and the content of its root template, such as v1.2.0-0123456789ab: the same content
is never published twice, and a release never means two things. Its description says which image and tools it has, and
for which architectures the image is. Pure.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from deployer.errors import RefusedError, UsageError

CONTENT_DIGITS: Final = 12
RELEASE: Final = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
MOST: Final = 100
"""Versions of a product (Service Catalog administrator guide, "Service quotas")."""
DEPRECATED: Final = "DEPRECATED"
_ARCHITECTURES: Final = re.compile(r" for ([A-Z0-9_]+(?: and [A-Z0-9_]+)*)")


@dataclass(frozen=True)
class Version:
    """A provisioning artifact: its id, its name, when it was made, and whether new launches may take it."""

    identity: str
    name: str
    description: str
    created: datetime
    active: bool
    deprecated: bool

    @property
    def current(self) -> bool:
        """Whether new launches may take it."""
        return self.active and not self.deprecated

    @property
    def architectures(self) -> tuple[str, ...]:
        """The CPU architectures of its image; none where its description does not say them."""
        found = _ARCHITECTURES.search(self.description)
        return tuple(found[1].split(" and ")) if found else ()


@dataclass(frozen=True)
class Edition:
    """What is to be published: the version's name, and the image and the tools that it has.

    `tools` is the contract's hash, empty where the image is pinned and its tools are not known.
    """

    name: str
    image: str
    architectures: tuple[str, ...]
    tools: str = ""

    @property
    def description(self) -> str:
        """The version's description."""
        tools = f"; tools {self.tools}" if self.tools else ""
        return f"Image {self.image} for {' and '.join(self.architectures)}{tools}."


@dataclass(frozen=True)
class Steps:
    """What publishing does in a Region: whether the version is made, or offered again, and which are deprecated."""

    make: bool
    revive: Version | None
    deprecate: tuple[Version, ...]


def name_of(release: str, key: str) -> str:
    """Returns the name of a release whose root template has this content-addressed key.

    Raises UsageError for a release that cannot be part of a name.
    """
    if not re.fullmatch(RELEASE, release):
        raise UsageError(
            f"--release {release!r} is no name of a release; give up to 64 letters, digits, dots, underscores and"
            " hyphens, such as v1.2.0."
        )
    return f"{release}-{key.rpartition('/')[2].partition('.')[0][:CONTENT_DIGITS]}"


def content_of(name: str) -> str:
    """Returns the content that a version's name says; empty for a name that was not made here."""
    found = re.fullmatch(rf"{RELEASE}-([0-9a-f]{{{CONTENT_DIGITS}}})", name)
    return found[1] if found else ""


def named(edition: Edition, versions: Iterable[Version]) -> Edition:
    """Returns an edition under the name that its content was first published by, in whatever Region."""
    content = content_of(edition.name)
    there = [one for one in versions if content_of(one.name) == content]
    return replace(edition, name=min(there, key=lambda one: one.created).name) if there else edition


def newest(versions: Iterable[Version]) -> Version | None:
    """Returns the version that was made last among those that new launches may take."""
    return max((one for one in versions if one.current), key=lambda one: one.created, default=None)


def steps(versions: Sequence[Version], edition: Edition, keep: int, where: str) -> Steps:
    """Returns what is to do so that an edition is offered, and so many of the newest versions with it.

    A version whose image is for other architectures is deprecated, since one rule says for the whole product which may
    be launched. `where` names the Region in sentences. Raises RefusedError where the release is published with other
    content, or where the product can hold no more.
    """
    content = content_of(edition.name)
    release = edition.name.removesuffix(f"-{content}")
    there = next((one for one in versions if content_of(one.name) == content), None)
    twin = next((one for one in versions if one.name.removesuffix(f"-{content_of(one.name)}") == release), None)
    if there is None and twin is not None:
        raise RefusedError(
            f"The release {release} is published in {where} already, with other content ({twin.name}); give another"
            " --release."
        )
    if there is None and len(versions) >= MOST:
        raise RefusedError(
            f"The product has {len(versions)} versions in {where}, as many as AWS holds; delete deprecated ones that"
            " nothing was launched of, with `aws servicecatalog delete-provisioning-artifact`."
        )
    others = sorted((one for one in versions if one.current and one != there), key=lambda one: one.created)
    strange = [one for one in others if one.architectures and set(one.architectures) != set(edition.architectures)]
    like = [one for one in others if one not in strange]
    dropped = [*strange, *like[: max(0, len(like) - (keep - 1))]]
    return Steps(there is None, there if there and not there.current else None, tuple(dropped))
