"""The pages that are made from templates and code: which there are, where they differ from what is checked in."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from deployer import connect_page, cost_page, diagram_page, runbook_page
from deployer.diagnosis import page as diagnosis_page
from deployer.errors import UsageError
from deployer.generation import Difference
from deployer.reference import configuration, parameters, server_settings

ROOT: Final = Path(__file__).resolve().parent.parent
README: Final = "README.md"
PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "docs/cost.md": cost_page.page,
    "docs/diagnoses.md": diagnosis_page.page_text,
    "docs/diagrams.md": diagram_page.page,
    connect_page.PLACE: connect_page.page,
    "docs/runbook.md": runbook_page.page,
    "docs/reference/configuration.md": configuration.page,
    "docs/reference/parameters.md": parameters.parameters_page,
    "docs/reference/outputs.md": parameters.outputs_page,
    "docs/reference/server-settings.md": server_settings.page,
    "docs/architecture.svg": diagram_page.picture,
    "docs/architecture-production.svg": diagram_page.guarded_picture,
    "docs/architecture-private.svg": diagram_page.private_picture,
}
"""Files that are made whole, by their path in the repository."""
BLOCKS: Final[Mapping[str, Callable[[], str]]] = {"architecture": diagram_page.block, "cost": cost_page.block}
"""Parts of the README, by the name in their markers."""


def pages(root: Path = ROOT) -> dict[str, str]:
    """Returns the text of every file that is made, by its path; the README with its blocks in place.

    Raises UsageError where there is no README, or where it lacks a block's markers.
    """
    try:
        readme = (root / README).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise UsageError(
            f"There is no {README} to write the generated parts of; take it back from the history."
        ) from error
    for name, made in BLOCKS.items():
        readme = _filled(readme, name, made())
    return {**{path: made() for path, made in PAGES.items()}, README: readme}


def differences(made: Mapping[str, str], root: Path = ROOT) -> list[Difference]:
    """Returns which of the files are missing or are not what is made."""
    found = []
    for path, text in made.items():
        file = root / path
        if not file.exists():
            found.append(Difference(path, "missing"))
        elif file.read_text(encoding="utf-8") != text:
            found.append(Difference(path, "changed"))
    return found


def write(made: Mapping[str, str], root: Path = ROOT) -> list[Difference]:
    """Writes the files and returns which differed before."""
    found = differences(made, root)
    for difference in found:
        file = root / difference.name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(made[difference.name], encoding="utf-8")
    return found


def _filled(text: str, name: str, block: str) -> str:
    begin, end = f"<!-- generated: {name} -->\n", "<!-- end of generated -->"
    filled, count = re.subn(
        f"({re.escape(begin)}).*?({re.escape(end)})",
        lambda found: f"{found[1]}{block}{found[2]}",
        text,
        flags=re.DOTALL,
    )
    if count != 1:
        raise UsageError(f"{README} has {count} blocks {begin.strip()} … {end}; give it one.")
    return filled
