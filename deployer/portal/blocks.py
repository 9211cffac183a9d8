"""What sections of the page are built of: tables, badges, boxes of text; pure."""

from collections.abc import Iterable, Sequence
from xml.etree.ElementTree import Element

from deployer.portal.markup import Child, element

Cell = Element | str
MARKS = {True: ("passed", "good"), False: ("FAILED", "bad"), None: ("not tried", "quiet")}


def section(name: str, title: str, *children: Child) -> Element:
    """Returns a section with a heading, which the page's own links lead to by `name`."""
    heading = element("h2", {"id": name}, title)
    return element("section", {"aria-labelledby": name}, heading, *children)


def paragraph(text: str, kind: str = "") -> Element:
    """Returns a paragraph in which what stands between backticks is code."""
    return element("p", {"class": kind} if kind else {}, *words(text))


def words(text: str) -> list[Cell]:
    """Returns a sentence of this project with what stands between backticks as code."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return [text]
    return [element("code", {}, part) if index % 2 else part for index, part in enumerate(parts)]


def note(title: str, sentences: Iterable[str]) -> Element:
    """Returns a box that says why something is not there."""
    return element("div", {"class": "note"}, element("p", {"class": "note-title"}, title), *map(paragraph, sentences))


def badge(text: str, kind: str = "") -> Element:
    """Returns a word in a coloured box; the word says all, the colour nothing more."""
    return element("span", {"class": f"badge {kind}".strip()}, text)


def result(passed: bool | None) -> Element:
    """Returns the badge of a test's result; None was not tried."""
    return badge(*MARKS[passed])


def evidence(kind: str) -> Element:
    """Returns the badge of an evidence class."""
    return badge("—" if kind == "none" else kind, "quiet")


def details(summary: str, *children: Child) -> Element:
    """Returns what is shown when it is asked for."""
    return element("details", {}, element("summary", {}, summary), *children)


def table(name: str, caption: str, head: Sequence[Element], rows: Iterable[Element], foot: Child = None) -> Element:
    """Returns a table with a caption, in a box that scrolls by itself where the page is narrow."""
    made = element(
        "table",
        {},
        element("caption", {"id": name}, caption),
        element("thead", {}, *head),
        element("tbody", {}, *rows),
        foot,
    )
    return element("div", {"class": "scroll", "role": "group", "aria-labelledby": name, "tabindex": "0"}, made)


def simple(
    name: str,
    caption: str,
    headings: Sequence[str],
    rows: Iterable[Sequence[Cell]],
    numbers: int = 0,
    foot: Child = None,
) -> Element:
    """Returns a table whose rows begin with their heading; the last `numbers` columns hold numbers."""
    texts = len(headings) - numbers
    head = element(
        "tr",
        {},
        *(
            element("th", {"scope": "col"} | ({"class": "number"} if index >= texts else {}), heading)
            for index, heading in enumerate(headings)
        ),
    )
    return table(name, caption, [head], (row(cells, numbers) for cells in rows), foot)


def row(cells: Sequence[Cell], numbers: int = 0) -> Element:
    """Returns a row of a table: its heading, then its cells, of which the last `numbers` are numbers."""
    first, *rest = cells
    texts = len(rest) - numbers
    return element(
        "tr",
        {},
        element("th", {"scope": "row"}, first),
        *(element("td", {"class": "number"} if index >= texts else {}, cell) for index, cell in enumerate(rest)),
    )


def code(text: str) -> Element:
    """Returns a word of code."""
    return element("code", {}, text)


def block(text: str) -> Element:
    """Returns lines of code, which scroll by themselves where the page is narrow."""
    return element("pre", {"tabindex": "0"}, element("code", {}, text))
