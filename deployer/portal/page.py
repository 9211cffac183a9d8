"""The whole page: one HTML document that asks the network for nothing and is read without a script; pure.

Its content security policy (CSP Level 3) lets in nothing but the style sheet and the script below, by their hashes:
what somebody else's text might smuggle in would neither run nor be fetched.
"""

import hashlib
from base64 import b64encode
from functools import cache
from pathlib import Path
from typing import Final
from xml.etree.ElementTree import Element

from deployer.cost_tables import money
from deployer.portal import sections, tool_section
from deployer.portal.facts import Facts
from deployer.portal.markup import element, written
from deployer.portal.snapshot import Snapshot

FOLDER: Final = Path(__file__).parent
NAVIGATION: Final = (
    ("architecture", "Architecture"),
    ("status", "Status"),
    ("tools", "Tools"),
    ("connect", "Connect"),
    ("launch", "Launch"),
    ("cost", "Cost"),
)


def page(facts: Facts, snapshot: Snapshot) -> str:
    """Returns the document; the same facts and snapshot give the same bytes."""
    style, script = _text("portal.css"), _text("search.js")
    head = element(
        "head",
        {},
        element("meta", {"charset": "utf-8"}),
        element("meta", {"http-equiv": "Content-Security-Policy", "content": _policy(style, script)}),
        element("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}),
        element("meta", {"name": "color-scheme", "content": "light dark"}),
        element("meta", {"name": "referrer", "content": "no-referrer"}),
        element("meta", {"name": "robots", "content": "noindex"}),
        element("title", {}, f"{facts.name} — MCP agent runtime"),
        element("style", {}, style),
    )
    body = element(
        "body",
        {},
        element("a", {"class": "skip", "href": "#main"}, "Skip to the content"),
        _header(facts, snapshot),
        element(
            "nav",
            {"aria-label": "Sections"},
            element(
                "ul", {}, *(element("li", {}, element("a", {"href": f"#{name}"}, told)) for name, told in NAVIGATION)
            ),
        ),
        element(
            "main",
            {"id": "main", "tabindex": "-1"},
            sections.architecture(facts),
            sections.status(facts, snapshot),
            tool_section.tools(facts),
            sections.connecting(facts, snapshot),
            sections.launching(snapshot),
            sections.costs(facts),
        ),
        _footer(facts),
        element("script", {}, script),
    )
    return written(element("html", {"lang": "en"}, head, body))


def _header(facts: Facts, snapshot: Snapshot) -> Element:
    targets = ", ".join(f"{one.account} {one.region}" for one in facts.targets)
    return element(
        "header",
        {},
        element("p", {"class": "kind"}, "MCP agent runtime"),
        element("h1", {}, facts.name),
        element("p", {"class": "where"}, targets),
        element(
            "dl",
            {"class": "figures"},
            _figure("Stands", _standing(snapshot)),
            _figure("Tools", str(len(facts.tools.tools)) if facts.tools else "not known"),
            _figure("A month, expected", f"${money(facts.costs.total.expected)}"),
            _figure("Snapshot", f"{facts.taken:%Y-%m-%d %H:%M} UTC"),
        ),
    )


def _standing(snapshot: Snapshot) -> str:
    found = snapshot.status.found
    if found is None:
        return "not asked"
    whole = sum(one.of("stack") in sections.GOOD for one in found.targets)
    count = len(found.targets)
    if not count:
        return "nothing yet"
    return f"{whole} of {count} {'target' if count == 1 else 'targets'}{', emulated' if snapshot.local else ''}"


def _figure(name: str, value: str) -> Element:
    return element("div", {}, element("dt", {}, name), element("dd", {}, value))


def _footer(facts: Facts) -> Element:
    made = [
        ("Configuration", facts.configuration),
        ("Source", facts.revision or "not a git repository"),
        ("Templates", facts.templates_hash),
    ]
    return element(
        "footer",
        {},
        element(
            "p",
            {},
            "Made by ",
            element("code", {}, "python build.py portal"),
            "; this page asks the network for nothing.",
        ),
        element(
            "dl",
            {},
            *(
                element("div", {}, element("dt", {}, name), element("dd", {}, element("code", {}, told)))
                for name, told in made
            ),
        ),
    )


@cache
def _text(name: str) -> str:
    text = (FOLDER / name).read_text(encoding="utf-8")
    # Both are written as they are: this is all that could end them.
    assert "</" not in text, name
    return text


def _policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; style-src {_source(style)}; script-src {_source(script)}; base-uri 'none'; form-action"
        " 'none'"
    )


def _source(text: str) -> str:
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
