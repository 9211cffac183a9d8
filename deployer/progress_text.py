"""Texts of progress: durations, and fitting what AWS and templates say into so many columns of a terminal."""

from rich.cells import cell_len, chop_cells, set_cell_size

CUT = "…"


def clean(text: str) -> str:
    """Returns the text on one line, without control characters, which would move the cursor or change the colours."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())


def duration(seconds: float) -> str:
    """Returns so many seconds as people read them, in at most 7 characters below 100 hours: 41 s, 1m 12s, 2h 05m."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes}m {rest:02}s" if minutes < 60 else f"{minutes // 60}h {minutes % 60:02}m"


def width_of(text: str) -> int:
    """Returns how many columns a terminal needs for the text."""
    return cell_len(text)


def padded(text: str, columns: int) -> str:
    """Returns the text in exactly so many columns: filled with spaces, or cut without a mark."""
    return set_cell_size(text, max(0, columns))


def cut(text: str, columns: int) -> str:
    """Returns the text in at most so many columns; where it does not fit its end makes room for an ellipsis."""
    if cell_len(text) <= columns:
        return text
    return set_cell_size(text, columns - 1).rstrip() + CUT if columns > 0 else ""


def shortened(text: str, columns: int) -> str:
    """Returns the text in at most so many columns; where it does not fit its middle makes room for an ellipsis.

    Names differ most at their ends.
    """
    if cell_len(text) <= columns:
        return text
    if columns < 3:
        return cut(text, columns)
    behind = (columns - 1) // 2
    tail = set_cell_size(text[::-1], behind).strip()[::-1]
    return set_cell_size(text, columns - 1 - behind).rstrip() + CUT + tail


def wrapped(text: str, columns: int, lines: int) -> list[str]:
    """Returns the text on at most `lines` lines of at most so many columns, broken between words where that works."""
    found: list[str] = []
    line = ""
    for word in text.split():
        if line and cell_len(line) + 1 + cell_len(word) <= columns:
            line += f" {word}"
            continue
        *whole, rest = chop_cells(word, columns) or [""]
        found += [line] * bool(line) + whole
        line = rest
    found += [line] * bool(line)
    if len(found) <= lines:
        return found
    return [*found[: lines - 1], cut(" ".join(found[lines - 1 :]), columns)] if lines else []
