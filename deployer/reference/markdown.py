"""Tables of Markdown whose cells hold any text."""

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Returns a table; line breaks within cells become spaces, bars and angle brackets are shown as they are."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)


def code(value: str) -> str:
    """Returns a value as it is written, marked as such; nothing for an empty one."""
    return f"`{value}`" if value else ""


def listed(values: Iterable[str]) -> str:
    """Returns values as they are written, one after the other."""
    return ", ".join(code(value) for value in values)


def _cell(text: str) -> str:
    parts = " ".join(text.split()).replace("|", "\\|").split("`")
    # Every second part stands between backticks, where nothing but the bar has a meaning.
    return "`".join(part if odd % 2 else part.replace("<", "&lt;") for odd, part in enumerate(parts))
