"""The fenced blocks of the documentation, and what the comment before each says must be done with it.

| comment before a block of `sh` | means |
|---|---|
| `<!-- run -->`, `<!-- run, status N -->` | every command is executed here, and ends with 0, or N |
| `<!-- run until interrupted -->` | the same; it prints what follows and is then interrupted |
| `<!-- run with --local -->`, also with `, status N` | the same, with `--local` appended: a reader has AWS |
| `<!-- run by continuous integration -->` | its commands are among those of the README that `.ci/run` executes |
| `<!-- command: NAME -->` | the same, in the README itself |
| `<!-- needs AWS -->` | it is executed nowhere here |

`<!-- prints -->` before a block of `text` holds it against what the command before it printed, `<!-- file: PATH -->`
before any block writes it to that file, and `<!-- deployment.toml -->` before a block of `toml` makes it the
configuration of the commands after it, with the example's values for what it does not say.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
SHELLS: Final = ("sh", "bash", "shell", "console")
CONFIGURATION: Final = "deployment.toml"
RUN: Final = re.compile(r"run(?P<local> with --local)?(?:, status (?P<status>\d+))?")
INTERRUPTED: Final = "run until interrupted"
INTEGRATION: Final = re.compile(r"run by continuous integration|command: \w+")
AWS: Final = "needs AWS"
_FENCE = re.compile(
    r"(?:^[ ]*<!-- (?P<marker>[^\n]*?) -->\n)?^(?P<indent>[ ]*)```(?P<language>[^\n]*)\n(?P<text>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """One fenced block: its page and line, language, the comment before it, and its text without indentation."""

    page: str
    line: int
    language: str
    marker: str
    text: str
    indent: int

    @property
    def place(self) -> str:
        """Where it is, for a person."""
        return f"{self.page}:{self.line}"

    @property
    def is_shell(self) -> bool:
        """Whether it holds commands."""
        return self.language in SHELLS

    @property
    def commands(self) -> list[str]:
        """Its commands, one for each line that is not continued."""
        lines = re.sub(r"\\\n\s*", "", self.text).splitlines()
        return [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]


def pages(root: Path = ROOT) -> list[str]:
    """Returns every page of the documentation, the README last."""
    found = sorted(path.relative_to(root).as_posix() for path in (root / "docs").rglob("*.md"))
    return [*found, "README.md"]


def blocks(page: str, root: Path = ROOT) -> Iterator[Block]:
    """Yields the fenced blocks of a page in their order."""
    text = (root / page).read_text(encoding="utf-8")
    for found in _FENCE.finditer(text):
        indent = len(found["indent"])
        inner = "".join(
            line[min(indent, len(line) - len(line.lstrip(" "))) :] for line in found["text"].splitlines(True)
        )
        yield Block(
            page, text.count("\n", 0, found.start()) + 1, found["language"], found["marker"] or "", inner, indent
        )


def text_without_blocks(page: str, root: Path = ROOT) -> str:
    """Returns a page's prose."""
    return _FENCE.sub("", (root / page).read_text(encoding="utf-8"))
