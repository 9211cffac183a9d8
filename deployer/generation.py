"""The checked-in templates: writing them and telling where they differ from what the generator makes."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

TEMPLATES = Path(__file__).resolve().parent.parent / "templates"


@dataclass(frozen=True)
class Difference:
    """One file of `templates/` that is not what the generator makes; `kind` is missing, changed or surplus."""

    name: str
    kind: str


def differences(texts: Mapping[str, str], folder: Path = TEMPLATES) -> list[Difference]:
    """Returns where `folder` differs from `texts`, the templates' texts by file name, sorted by name."""
    present = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.yaml")}
    found = [Difference(name, "missing") for name in texts.keys() - present.keys()]
    found += [Difference(name, "surplus") for name in present.keys() - texts.keys()]
    found += [Difference(name, "changed") for name in texts.keys() & present.keys() if texts[name] != present[name]]
    return sorted(found, key=lambda difference: difference.name)


def write(texts: Mapping[str, str], folder: Path = TEMPLATES) -> list[Difference]:
    """Makes `folder` hold exactly `texts` and returns what differed before."""
    found = differences(texts, folder)
    folder.mkdir(parents=True, exist_ok=True)
    for difference in found:
        path = folder / difference.name
        if difference.kind == "surplus":
            path.unlink()
        else:
            path.write_text(texts[difference.name], encoding="utf-8")
    return found
