"""The page's structure, and that no text of anybody else becomes more than text."""

import base64
import hashlib
import json
import re
from dataclasses import replace
from itertools import pairwise
from xml.etree.ElementTree import tostring

from hypothesis import given
from hypothesis import settings as runs
from hypothesis import strategies as st

from deployer.portal import snapshot
from deployer.portal.facts import Facts
from deployer.portal.markup import element, picture, shown
from deployer.portal.page import page
from deployer.portal.tool_section import tools
from generator.tool_catalogue import Catalogue, Tool
from tests.portal.parsed import Node, parsed
from tests.portal.pictured import HOSTILE, URL, whole

OFFLINE = snapshot.absent(snapshot.OFFLINE)
TEXTS = st.lists(st.text() | st.sampled_from(HOSTILE) | st.sampled_from(["<", ">", '"', "'", "&", "\0", "\r"])).map(
    "".join
)


def read(facts: Facts, seen: snapshot.Snapshot = OFFLINE) -> Node:
    """Returns the page of facts as a parser reads it."""
    return parsed(page(facts, seen))


def test_every_part_is_there_and_says_what_it_lacks(example: Facts) -> None:
    html = read(example)
    title = next(html.every("title"))
    assert title.text == "mcp-runtime — MCP agent runtime"
    assert {node.tag for node in html.every("header", "nav", "main", "footer")} == {"header", "nav", "main", "footer"}
    links = [node.attributes["href"] for node in html.every("a")]
    assert links == ["#main", "#architecture", "#status", "#tools", "#connect", "#launch", "#cost"]
    assert all(html.one(link.removeprefix("#")) for link in links)
    sections = {next(one.every("h2")).text: one.text for one in html.every("section")}
    for name in ("Status", "Launch"):
        assert snapshot.OFFLINE in sections[name]
    assert "The gateway takes requests" in sections["Connect"]
    assert "python build.py connect --client kiro" in sections["Connect"]
    assert "2026-07-01 12:00 UTC" in next(html.every("header")).text
    assert example.templates_hash in next(html.every("footer")).text


def test_headings_are_in_order_ids_are_unique_and_tables_say_what_they_are(example: Facts) -> None:
    html = read(*whole(example))
    levels = [int(node.tag[1]) for node in html.every("h1", "h2", "h3", "h4")]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    ids = [node.attributes["id"] for node in html.every() if "id" in node.attributes]
    assert len(ids) == len(set(ids))
    named = {
        key: node.attributes[key]
        for node in html.every()
        for key in ("aria-labelledby", "aria-describedby")
        if key in node.attributes
    }
    assert set(named.values()) <= set(ids)
    for table in html.every("table"):
        assert next(table.every("caption")).text
        assert all(node.attributes.get("scope") for node in table.every("th"))


def test_the_costs_are_those_of_the_bill(example: Facts) -> None:
    cells = {}
    (table,) = [one for one in read(example).every("table") if "by preset" in next(one.every("caption")).text]
    for row in list(table.every("tr"))[2:]:
        first, *rest = list(row.every("th", "td"))
        cells[first.text] = [cell.text for cell in rest]
    amounts = [bill.total for bill in example.costs.presets.values()]
    assert cells["Total"] == [f"{value:,.2f}" for one in amounts for value in (one.low, one.expected, one.high)]
    assert list(example.costs.presets) == ["development", "production"]
    assert set(cells) == {
        *example.costs.presets["development"].components,
        *example.costs.presets["production"].components,
        "Total",
    }


def test_tools_stand_under_the_names_that_agents_see(example: Facts) -> None:
    html = read(example)
    assert example.tools is not None
    articles = list(html.every("article"))
    assert [next(one.every("h3")).text for one in articles] == [f"mcp___{name}" for name in example.tools.names]
    for one, tool in zip(articles, example.tools.tools, strict=True):
        assert json.loads(next(one.every("pre")).text) == tool.as_data()


def test_links_are_buttons_and_what_would_fail_says_why(example: Facts) -> None:
    facts, seen = whole(example)
    html = read(facts, seen)
    (button,) = [node for node in html.every("a") if node.attributes.get("class") == "button"]
    assert button.attributes["href"] == URL
    assert seen.links.found is not None
    (launch,) = [one for one in html.every("section") if next(one.every("h2")).text == "Launch"]
    assert "222222222222 eu-west-1" in launch.text and "A second reason." in launch.text
    (link,) = seen.links.found.links
    unsafe = replace(seen, links=snapshot.Part(replace(seen.links.found, links=(replace(link, url="javascript:x"),))))
    assert not [node for node in read(facts, unsafe).every("a") if not node.attributes["href"].startswith("#")]


def test_evidence_and_results_stand_in_words(example: Facts) -> None:
    html = read(*whole(example))
    (status,) = [one for one in html.every("section") if next(one.every("h2")).text == "Status"]
    words = [node.text for node in status.every("span")]
    assert [word for word in words if word in ("passed", "FAILED", "not tried")] == ["passed", "FAILED", "not tried"]
    assert {"observed", "called", "—"} <= set(words)
    assert "Nothing on this page is shown on AWS itself." in status.text


def test_nothing_is_fetched_and_only_this_style_and_script_are_let_in(example: Facts) -> None:
    text = page(*whole(example))
    html = parsed(text)
    (policy,) = [
        node.attributes["content"]
        for node in html.every("meta")
        if node.attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy.startswith("default-src 'none';")
    for kind in ("style", "script"):
        (only,) = html.every(kind)
        assert not only.attributes
        hashed = base64.b64encode(hashlib.sha256(only.text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{hashed}'" in policy
        assert not re.search(r"url\(|@import|https?:", only.text)
    fetching = {"src", "srcset", "data", "poster", "background", "action", "formaction", "ping", "style", "xlink:href"}
    assert not [node for node in html.every() if fetching & set(node.attributes)]
    assert not [node for node in html.every() if any(name.startswith("on") for name in node.attributes)]


def test_the_same_gives_the_same_bytes(example: Facts) -> None:
    assert page(*whole(example)) == page(*whole(example))


@runs(max_examples=60)
@given(TEXTS, TEXTS)
def test_a_text_stays_text(example: Facts, text: str, other: str) -> None:
    def section(one: str, two: str) -> Node:
        schema = {"type": "object", "properties": {"a": {"type": "string", "description": one, "pattern": two}}}
        facts = replace(example, tools=Catalogue.of([Tool("t", one or "x", schema, None, {}, two or "x")]))
        return parsed(f"<!DOCTYPE html>\n{tostring(tools(facts), encoding='unicode', method='html')}")

    found = section(text, other)
    assert found.shape == section("harmless", "harmless").shape
    paragraphs = [node.text for node in found.every("p") if node.attributes.get("class") == "text"]
    assert paragraphs == [shown(text or "x")]
    described = [node.text for node in found.every("span") if node.attributes.get("class") == "text"]
    assert described == [shown(text) or "—"]


@given(TEXTS)
def test_a_text_in_an_attribute_stays_there(text: str) -> None:
    found = parsed(tostring(element("html", {"lang": text}, "x"), encoding="unicode", method="html"))
    assert found.attributes == {"lang": shown(text)}
    assert found.text == "x"


def test_hostile_texts_of_every_part_are_shown_as_they_are(example: Facts) -> None:
    facts, seen = whole(example)
    html = read(facts, seen)
    assert [node.text for node in html.every("h1")] == [facts.name]
    assert len(list(html.every("script"))) == len(list(html.every("style"))) == 1
    for text in HOSTILE:
        assert html.text.count(shown(text)) >= 4


def test_what_no_page_can_hold_is_replaced() -> None:
    assert shown("a\0b\ud800c\u202ed\r\ne\x9f") == "a\ufffdb\ufffdc\ufffdd\ne\ufffd"


def test_an_icon_that_is_drawn_twice_has_ids_of_its_own() -> None:
    icon = '<svg><g clip-path="url(#a)"/><clipPath id="a"/></svg>'
    made = picture(
        f'<svg xmlns="http://www.w3.org/2000/svg"><marker id="m"/>{icon}{icon}<path marker-end="url(#m)"/></svg>',
        "p",
        "T",
        "D",
    )
    ids = [node.get("id") for node in made.iter() if node.get("id")]
    assert sorted(str(one) for one in ids) == sorted({"p-title", "p-description", "p-0-a", "p-1-a", "p-2-m"})
    assert [node.get("clip-path") for node in made.iter("g")] == ["url(#p-0-a)", "url(#p-1-a)"]
    assert [node.get("marker-end") for node in made.iter("path")] == ["url(#p-2-m)"]
