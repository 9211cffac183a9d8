"""The checked-in tool contract, `tools.json`: comparing it with what the server lists, writing it, insisting on it.

Asking the server takes about a second, and its environment must be there; so the answer is remembered under the hash of
all that it depends on, the server's sources and the lock's category.
"""

import hashlib
import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deployer.environments import PROJECT_ROOT, EnvironmentFailure, Progress, requirements
from deployer.errors import RefusedError
from deployer.generation import Difference
from deployer.tool_introspection import introspect
from generator import serving
from generator.tool_catalogue import FILE, NAME_LENGTH, Catalogue
from generator.tool_changes import Changes, compare

FOLDER: Final = Path(".local") / "tools"
ASKING: Final = ("deployer/tool_introspection.py", "generator/tool_catalogue.py")
KEPT: Final = 20
"""So many answers stay, the newest."""
EMPTY: Final = Catalogue(())


@dataclass(frozen=True)
class Contract:
    """The server's catalogue and how the checked-in file differs from it; `difference` is None where it does not."""

    catalogue: Catalogue
    difference: Difference | None
    changes: Changes

    def lines(self) -> list[str]:
        """Returns what to tell a person of it: the file, then one line a change."""
        told = [f"{self.difference.name} is {self.difference.kind}"] if self.difference else []
        return [*told, *(f"  {line}" for line in self.changes.lines())]


def contract(root: Path = PROJECT_ROOT, progress: Progress | None = None) -> Contract:
    """Returns the contract of the server below `root` beside what is checked in.

    Raises RefusedError where the server cannot list its tools, or a tool's name is too long behind the gateway.
    """
    catalogue = listed(root, progress)
    require_budget(catalogue)
    path = root / FILE
    text = path.read_text(encoding="utf-8") if path.exists() else None
    if text == catalogue.render():
        return Contract(catalogue, None, Changes(()))
    if text is None:
        return Contract(catalogue, Difference(FILE, "missing"), compare(EMPTY, catalogue))
    try:
        before = Catalogue.parse(text)
    except ValueError:
        return Contract(catalogue, Difference(FILE, "damaged"), Changes(()))
    return Contract(catalogue, Difference(FILE, "changed"), compare(before, catalogue))


def write(found: Contract, root: Path = PROJECT_ROOT) -> None:
    """Makes the checked-in file what the server lists."""
    if found.difference:
        (root / FILE).write_text(found.catalogue.render(), encoding="utf-8")


def current(root: Path = PROJECT_ROOT, progress: Progress | None = None) -> Catalogue:
    """Returns the checked-in catalogue, which is what the server in this tree lists.

    Raises RefusedError where it is not: an image of this tree would serve other tools than the contract says.
    """
    found = contract(root, progress)
    if found.difference:
        changed = f", the first: {found.changes.items[0].sentence.removesuffix('.')}" if found.changes.items else ""
        raise RefusedError(
            f"The server in this tree lists other tools than {FILE} says ({found.difference.kind}{changed}); run"
            " `python build.py generate` and commit the file."
        )
    return found.catalogue


def require_budget(catalogue: Catalogue) -> None:
    """Raises RefusedError where agents would see a tool under a name that is too long, naming the first."""
    for name, length in catalogue.over_budget(serving.TARGET_NAME):
        raise RefusedError(
            f"Behind the gateway a tool is called {name}, which has {length} characters of the {NAME_LENGTH} that"
            " models take; give it a shorter name."
        )


def listed(root: Path = PROJECT_ROOT, progress: Progress | None = None) -> Catalogue:
    """Returns the catalogue of the server below `root`, asked for once for the same sources.

    Raises RefusedError where the server cannot list its tools.
    """
    remembered = root / FOLDER / f"{_fingerprint(root)}.json"
    try:
        return Catalogue.parse(remembered.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        catalogue = introspect(root, progress)
    _remember(remembered, catalogue)
    return catalogue


def _fingerprint(root: Path) -> str:
    whole = hashlib.sha256()
    for part in _parts(root):
        # The length keeps two parts from being taken for one.
        whole.update(f"{len(part)}:".encode())
        whole.update(part)
    return whole.hexdigest()


def _parts(root: Path) -> Iterator[bytes]:
    try:
        yield requirements("server", root=root).encode()
    except EnvironmentFailure as error:
        raise RefusedError(str(error)) from error
    yield platform.python_version().encode()
    for name in ASKING:
        yield (PROJECT_ROOT / name).read_bytes()
    for file in sorted((root / "server").rglob("*")):
        if file.is_file() and "__pycache__" not in file.parts:
            yield file.relative_to(root).as_posix().encode()
            yield file.read_bytes()


def _remember(path: Path, catalogue: Catalogue) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Renamed into place: another process must not read half of it.
        written = path.with_suffix(f".{os.getpid()}")
        written.write_text(catalogue.render(), encoding="utf-8")
        written.replace(path)
        oldest_first = sorted(path.parent.iterdir(), key=lambda file: file.stat().st_mtime_ns)
        for file in oldest_first[:-KEPT]:
            file.unlink(missing_ok=True)
    except OSError:
        return
