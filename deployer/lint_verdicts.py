"""Linting that is not repeated: templates found clean once are clean until something that judges them changes.

A verdict is an empty file for one Region, whose name is the hash of all else that linting depends on: the templates'
texts, the version of cfn-lint, the person's own `.cfnlintrc`, and the sources of this project's checks. Only "no
findings" is remembered, so that findings are always made anew. `python build.py lint` looks at no verdict, and leaves
some.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Final

from deployer.linting import SUPPRESSED, Finding, lint

ROOT: Final = Path(__file__).resolve().parent.parent
FOLDER: Final = ROOT / ".local" / "lint"
KEPT: Final = 200
"""So many verdicts stay, the newest."""
JUDGES: Final = ("generator", "deployer/linting.py", "deployer/cfn_lint.py", "deployer/lint_verdicts.py")
"""The sources that make up a judgement, below the project's root."""


def lint_once(templates: Mapping[str, str], regions: Sequence[str], folder: Path = FOLDER) -> list[Finding]:
    """Returns what `lint` finds in the Regions for which the same templates were not found clean before.

    `folder` holds the verdicts; where it cannot be written, linting is just repeated. Raises `ValueError` where
    cfn-lint does not know a Region.
    """
    hashed = fingerprint(templates)
    asked = [region for region in regions if not _verdict(folder, hashed, region).exists()]
    if not asked:
        return []
    found = lint(templates, asked)
    if not found:
        _remember(folder, hashed, asked)
    return found


def found_clean(templates: Mapping[str, str], regions: Sequence[str], folder: Path = FOLDER) -> None:
    """Remembers that linting found nothing in these templates for these Regions."""
    _remember(folder, fingerprint(templates), regions)


def fingerprint(templates: Mapping[str, str], root: Path = ROOT) -> str:
    """Returns the hash, in hexadecimal, of everything but the Region that the findings in `templates` depend on."""
    whole = hashlib.sha256()
    for part in _parts(templates, root):
        # The length keeps two parts from being taken for one.
        whole.update(f"{len(part)}:".encode())
        whole.update(part)
    return whole.hexdigest()


def _verdict(folder: Path, hashed: str, region: str) -> Path:
    return folder / f"{hashed}-{region}"


def _parts(templates: Mapping[str, str], root: Path) -> Iterator[bytes]:
    yield version("cfn-lint").encode()
    yield from (word.encode() for word in (*SUPPRESSED, ""))
    for name, text in sorted(templates.items()):
        yield name.encode()
        yield text.encode()
    for judge in JUDGES:
        for file in sorted((root / judge).rglob("*.py")) or [root / judge]:
            yield file.relative_to(root).as_posix().encode()
            yield file.read_bytes()
    own = Path.home() / ".cfnlintrc"
    yield own.read_bytes() if own.is_file() else b""


def _remember(folder: Path, hashed: str, regions: Sequence[str]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for region in regions:
            _verdict(folder, hashed, region).touch()
        oldest_first = sorted(folder.iterdir(), key=lambda file: file.stat().st_mtime_ns)
        for file in oldest_first[:-KEPT]:
            file.unlink(missing_ok=True)
    except OSError:
        return
