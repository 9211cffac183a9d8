"""What an image is built from: the files that `.dockerignore` admits, named by their content.

The files are read once; a local builder gets them written out and a remote one as an archive, so that what is built is
what was hashed. Of the lock only the server's category goes in: other categories cannot change the image.
"""

import hashlib
import io
import json
import os
import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from deployer.errors import UsageError

DOCKERFILE: Final = "Dockerfile"
IGNORE_FILE: Final = ".dockerignore"
LOCK: Final = "Pipfile.lock"
CATEGORY: Final = "server"
EPOCH: Final = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a ZIP archive can tell."""


@dataclass(frozen=True)
class ContextFile:
    """One file: its path with slashes, its content and whether it may be executed."""

    path: str
    content: bytes
    executable: bool

    @property
    def mode(self) -> int:
        """Its permissions; no others are kept, since they differ between machines."""
        return 0o755 if self.executable else 0o644


@dataclass(frozen=True)
class BuildContext:
    """The files of a build, sorted by path, and the architecture to build for: its OCI name, amd64 or arm64."""

    files: tuple[ContextFile, ...]
    architecture: str

    @cached_property
    def content_hash(self) -> str:
        """The hash of paths, permissions and contents, 64 hexadecimal digits."""
        listing = [[file.path, file.mode, hashlib.sha256(file.content).hexdigest()] for file in self.files]
        return hashlib.sha256(json.dumps(listing).encode()).hexdigest()

    @property
    def tag(self) -> str:
        """The image's tag, which never has to move: its architecture and what it is built from."""
        return f"{self.architecture}-{self.content_hash[:16]}"

    @property
    def platform(self) -> str:
        """The platform as builders name it."""
        return f"linux/{self.architecture}"

    def write(self, folder: Path) -> None:
        """Writes the files below an empty folder."""
        for file in self.files:
            path = folder / file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file.content)
            path.chmod(file.mode)

    def archive(self) -> bytes:
        """Returns the files as a ZIP archive, which is what CodeBuild takes from S3."""
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in self.files:
                entry = zipfile.ZipInfo(file.path, EPOCH)
                entry.external_attr = (0o100000 | file.mode) << 16
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, file.content)
        return stream.getvalue()


def read(root: Path, architecture: str) -> BuildContext:
    """Returns the context below `root`. Raises UsageError where the Dockerfile or a file cannot be read."""
    try:
        dockerfile = _file(root, DOCKERFILE)
        patterns = _patterns((root / IGNORE_FILE).read_text(encoding="utf-8")) if (root / IGNORE_FILE).exists() else []
        found = {dockerfile.path: dockerfile}
        found |= {path: _file(root, path) for path in _admitted(root, patterns)}
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise UsageError(f"The image's source in {root} cannot be read ({error}); restore it.") from error
    return BuildContext(tuple(found[path] for path in sorted(found)), architecture)


def _file(root: Path, path: str) -> ContextFile:
    content = (root / path).read_bytes()
    if path == LOCK:
        locked = json.loads(content)
        content = (json.dumps({CATEGORY: locked.get(CATEGORY, {})}, indent=4, sort_keys=True) + "\n").encode()
    return ContextFile(path, content, os.access(root / path, os.X_OK))


@dataclass(frozen=True)
class _Pattern:
    """A line of `.dockerignore`; `admits` where it begins with an exclamation mark."""

    text: str
    expression: re.Pattern[str]
    admits: bool

    def matches(self, path: str) -> bool:
        """Whether the path, or a folder that it lies in, matches."""
        return self.expression.fullmatch(path) is not None

    def reaches_below(self, folder: str) -> bool:
        """Whether something below the folder might match."""
        beginning = re.split(r"[*?\[]", self.text, maxsplit=1)[0]
        return self.text.startswith(f"{folder}/") or (beginning != self.text and f"{folder}/".startswith(beginning))


def _patterns(text: str) -> list[_Pattern]:
    """Returns the patterns of an ignore file (Docker's build context reference, ".dockerignore files")."""
    patterns = []
    for line in text.splitlines():
        stripped = line.strip()
        if not stripped or line.startswith("#"):
            continue
        admits = stripped.startswith("!")
        path = os.path.normpath(stripped.lstrip("!").strip()).strip("/")
        patterns.append(_Pattern(path, re.compile(_expression(path) + "(/.*)?", re.DOTALL), admits))
    return patterns


def _expression(pattern: str) -> str:
    """Returns the regular expression of a pattern: Go's filepath.Match, and `**` for any number of folders."""
    result, rest = "", pattern
    while rest:
        if rest.startswith("**/"):
            result, rest = result + "(.*/)?", rest[3:]
        elif rest.startswith("**"):
            result, rest = result + ".*", rest[2:]
        elif rest[0] in "*?":
            result, rest = result + ("[^/]*" if rest[0] == "*" else "[^/]"), rest[1:]
        elif rest[0] == "[" and "]" in rest:
            end = rest.index("]")
            result, rest = result + rest[: end + 1], rest[end + 1 :]
        elif rest[0] == "\\" and len(rest) > 1:
            result, rest = result + re.escape(rest[1]), rest[2:]
        else:
            result, rest = result + re.escape(rest[0]), rest[1:]
    return result


def _ignored(path: str, patterns: Sequence[_Pattern]) -> bool:
    ignored = False
    for pattern in patterns:
        if pattern.matches(path):
            ignored = not pattern.admits
    return ignored


def _admitted(root: Path, patterns: Sequence[_Pattern]) -> Iterator[str]:
    for folder, folders, files in os.walk(root):
        below = Path(folder).relative_to(root)
        inner = [(name, (below / name).as_posix()) for name in folders]
        folders[:] = [name for name, path in inner if _enters(path, patterns)]
        for name in files:
            path = (below / name).as_posix()
            if not _ignored(path, patterns):
                yield path


def _enters(folder: str, patterns: Sequence[_Pattern]) -> bool:
    return not _ignored(folder, patterns) or any(
        pattern.admits and pattern.reaches_below(folder) for pattern in patterns
    )
