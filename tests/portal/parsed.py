"""A page as an HTML parser reads it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = frozenset({"meta", "input", "br", "link", "img"})


@dataclass
class Node:
    """An element, its attributes and what is in it."""

    tag: str
    attributes: dict[str, str]
    children: "list[Node | str]" = field(default_factory=list)

    @property
    def text(self) -> str:
        """All text below."""
        return "".join(child if isinstance(child, str) else child.text for child in self.children)

    def every(self, *tags: str) -> "Iterator[Node]":
        """Yields this element and those below, of the tags if any are named, in the order of the page."""
        if not tags or self.tag in tags:
            yield self
        for child in self.children:
            if isinstance(child, Node):
                yield from child.every(*tags)

    def one(self, name: str) -> "Node":
        """Returns the element with an id."""
        (found,) = [node for node in self.every() if node.attributes.get("id") == name]
        return found

    @property
    def shape(self) -> list[tuple[str, tuple[str, ...]]]:
        """The tags and the names of their attributes, in the order of the page."""
        return [(node.tag, tuple(sorted(node.attributes))) for node in self.every()]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open = [Node("", {})]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        made = Node(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(made)
        if tag not in VOID:
            self.open.append(made)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        raise AssertionError(f"{tag} closes itself, which HTML does not know")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")

    def unknown_decl(self, data: str) -> None:
        raise AssertionError(f"a declaration: {data}")


def parsed(text: str) -> Node:
    """Returns the page's `html` element; fails where an element is not closed as it was opened."""
    reader = _Reader()
    reader.feed(text)
    reader.close()
    (root,) = reader.open
    (html,) = [child for child in root.children if isinstance(child, Node)]
    return html
