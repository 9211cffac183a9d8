"""Elements of a page: a tree that is written as HTML, in which every text stays text; pure.

The tree is the standard library's, and so is what writes it: nothing is pasted into markup, so that no text can end an
element or an attribute. Only a style sheet and a script, which are this project's own, are written as they are.
"""

import re
from collections.abc import Mapping
from typing import Final
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

Child = Element | str | None
Attributes = Mapping[str, str]

_UNSEEN: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
"""Characters that no HTML document holds (HTML standard, "Preprocessing the input stream"), the controls of C1 and
halves of surrogates; those beyond the first plane are left to the parser, which keeps them."""
_OVERRIDES: Final = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""Controls that turn the order of what is shown around (Unicode UAX 9): a name must read as it is."""
_NAMESPACE: Final = re.compile(r"\{[^}]*\}")
_REFERENCE: Final = re.compile(r"url\(#([^)]+)\)")


def shown(text: str) -> str:
    """Returns a text as a page can hold it: line ends of one kind, and a replacement for what cannot be shown."""
    whole = text.replace("\r\n", "\n").replace("\r", "\n")
    return _OVERRIDES.sub("\ufffd", _UNSEEN.sub("\ufffd", whole))


def element(name: str, attributes: Attributes | None = None, *children: Child) -> Element:
    """Returns an element with attributes and, in their order, texts and elements; None is no child."""
    made = Element(name, {key: shown(value) for key, value in (attributes or {}).items()})
    last: Element | None = None
    for child in children:
        if isinstance(child, str):
            if last is None:
                made.text = (made.text or "") + shown(child)
            else:
                last.tail = (last.tail or "") + shown(child)
        elif child is not None:
            made.append(child)
            last = child
    return made


def written(root: Element) -> str:
    """Returns the document of an `html` element, with its line that says what it is."""
    return f"<!DOCTYPE html>\n{ElementTree.tostring(root, encoding='unicode', method='html')}\n"


def picture(svg: str, name: str, title: str, description: str) -> Element:
    """Returns a drawing as an element of a page: with a title and a description, and ids that begin with `name`.

    An icon that is drawn twice brings its ids twice; each drawing gets its own. `svg` is this project's own.
    """
    root = ElementTree.fromstring(svg)  # noqa: S314 - drawn by this project
    for number, part in enumerate([*root.findall(".//{http://www.w3.org/2000/svg}svg"), root]):
        _renamed(part, f"{name}-{number}")
    for one in root.iter():
        one.tag = _NAMESPACE.sub("", one.tag)
    root.attrib |= {"role": "img", "aria-labelledby": f"{name}-title", "aria-describedby": f"{name}-description"}
    root.insert(0, element("title", {"id": f"{name}-title"}, title))
    root.insert(1, element("desc", {"id": f"{name}-description"}, description))
    return root


def _renamed(part: Element, prefix: str) -> None:
    """Gives the ids below an element a prefix, there and where they are named; those with one already keep theirs."""
    own = {one.attrib["id"]: one for one in part.iter() if "id" in one.attrib and not one.get("data-own")}
    for name, one in own.items():
        one.attrib["id"] = f"{prefix}-{name}"
        one.attrib["data-own"] = "true"
    for one in part.iter():
        for key, value in one.attrib.items():
            one.attrib[key] = _REFERENCE.sub(
                lambda found: f"url(#{prefix}-{found[1]})" if found[1] in own else found[0], value
            )
