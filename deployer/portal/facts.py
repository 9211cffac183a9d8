"""What the portal shows without AWS: the configuration's runtime, its picture, its cost and the tool contract."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from deployer import source_revision
from deployer.costs import Costs, Place, costs, places, traffic
from deployer.diagram_page import placed
from deployer.environments import PROJECT_ROOT
from deployer.errors import UsageError
from deployer.settings import Settings
from generator.cost.traffic import Traffic
from generator.diagrams.architecture import Architecture, architecture
from generator.diagrams.picture import svg
from generator.stacks import templates
from generator.tool_catalogue import FILE, Catalogue


@dataclass(frozen=True)
class Facts:
    """Everything that the configuration and this tree say of a runtime.

    `taken` is when the page was made (UTC); `revision` is empty outside a git repository; `templates_hash` is of every
    template as it is generated; `drawn` is the target that `architecture` and its `picture` (SVG) are of. `tools` is
    None where the contract cannot be read, and `tools_problem` says why; `pinned_image` where the configuration names
    an image by its digest, whose tools this tree cannot know.
    """

    name: str
    configuration: str
    taken: datetime
    revision: str
    templates_hash: str
    targets: tuple[Place, ...]
    drawn: Place
    architecture: Architecture
    picture: str
    costs: Costs
    traffic: Traffic
    tools: Catalogue | None
    tools_problem: str
    pinned_image: bool


def facts(settings: Settings, configuration: str, only: str, taken: datetime, root: Path = PROJECT_ROOT) -> Facts:
    """Returns the facts of a configuration's targets, or of the one that `only` names as account/Region.

    Raises UsageError where there is no such target. `root` is the tree whose tool contract is shown.
    """
    place, deployment = placed(settings, only)
    found = architecture(deployment)
    assumed = traffic({})
    tools, problem = _tools(root)
    return Facts(
        name=settings.runtime.name,
        configuration=configuration,
        taken=taken,
        revision=_revision(root),
        templates_hash=hash_of(templates()),
        targets=tuple(one for one in places(settings) if only in ("", one.name)),
        drawn=place,
        architecture=found,
        picture=svg(found),
        costs=costs(settings, assumed, only),
        traffic=assumed,
        tools=tools,
        tools_problem=problem,
        pinned_image=bool(settings.image.digest),
    )


def hash_of(texts: Mapping[str, str]) -> str:
    """Returns `sha256:` and the digits of files' names and texts, in the names' order, each ended by a zero byte."""
    parts = (part for name in sorted(texts) for part in (name, texts[name]))
    return f"sha256:{hashlib.sha256(b''.join(part.encode() + bytes(1) for part in parts)).hexdigest()}"


def _revision(root: Path) -> str:
    try:
        return source_revision.described(root)
    except UsageError:
        return ""


def _tools(root: Path) -> tuple[Catalogue | None, str]:
    try:
        return Catalogue.parse((root / FILE).read_text(encoding="utf-8")), ""
    except (OSError, ValueError) as error:
        told = f"{FILE} cannot be read" if isinstance(error, OSError) else str(error)
        return None, f"{told}; run `python build.py generate`." if isinstance(error, OSError) else told
