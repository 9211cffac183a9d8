"""The page's section on the tools: each as an agent sees it, its schemas as tables of properties; pure."""

import json
from collections.abc import Mapping
from typing import Any
from xml.etree.ElementTree import Element

from deployer.portal.blocks import Cell, badge, block, code, details, note, paragraph, section, simple
from deployer.portal.facts import Facts
from deployer.portal.markup import element
from deployer.portal.schemas import properties
from generator.serving import TARGET_NAME
from generator.tool_catalogue import SEPARATOR, Tool


def tools(facts: Facts) -> Element:
    """Returns the tool catalogue, or why there is none."""
    if facts.tools is None:
        return section("tools", "Tools", note("No tool contract", [facts.tools_problem]))
    found = facts.tools.tools
    intro = [
        paragraph(
            f"{len(found)} {'tool' if len(found) == 1 else 'tools'}, by the names under which agents see them, as the"
            " checked-in contract `tools.json` says.",
            "lead",
        ),
        element("p", {"class": "fine"}, "Contract ", code(facts.tools.hash)),
    ]
    if facts.pinned_image:
        sentence = "The configuration names an image by `image.digest`: that image may serve other tools than these."
        intro.append(paragraph(sentence))
    return section("tools", "Tools", *intro, _search(), *(_tool(tool, index) for index, tool in enumerate(found)))


def _search() -> Element:
    """Returns the search box; it stays hidden until the script that it needs shows it."""
    return element(
        "form",
        {"id": "tool-search", "role": "search", "aria-label": "Tools", "hidden": "hidden"},
        element("label", {"for": "tool-search-text"}, "Find a tool"),
        element("input", {"id": "tool-search-text", "type": "search", "autocomplete": "off"}),
        element("span", {"id": "tool-search-found", "role": "status"}),
    )


def _tool(tool: Tool, index: int) -> Element:
    name = f"tool-{index}"
    return element(
        "article",
        {"class": "tool", "data-tool": "tool", "aria-labelledby": name},
        element("h3", {"id": name}, code(f"{TARGET_NAME}{SEPARATOR}{tool.name}")),
        element(
            "p", {}, element("span", {"class": "tool-title"}, f"{tool.title} ") if tool.title else None, _kind(tool)
        ),
        element("p", {"class": "text"}, tool.description or "It has no description."),
        *_schema(tool.input_schema, "Arguments", f"{name}-arguments", "It takes no arguments."),
        *(
            [paragraph("Its result is not described.", "fine")]
            if tool.output_schema is None
            else _schema(tool.output_schema, "Result", f"{name}-result", "Its result is described by the schema alone.")
        ),
        details("As JSON", block(json.dumps(tool.as_data(), indent=2, ensure_ascii=False))),
    )


def _kind(tool: Tool) -> Element:
    if tool.read_only:
        return badge("read-only", "good")
    if tool.annotated_destructive:
        return badge("destructive", "bad")
    return badge("may change things" if tool.destructive else "changes things, destroys nothing", "quiet")


def _schema(schema: Mapping[str, Any], title: str, name: str, nothing: str) -> list[Element]:
    rows: list[list[Cell]] = [
        [
            code(one.path),
            one.type,
            "yes" if one.required else "no",
            one.bounds or "—",
            element("span", {"class": "text"}, one.description or "—"),
        ]
        for one in properties(schema)
    ]
    if not rows:
        return [paragraph(nothing, "fine")]
    return [simple(name, title, ("name", "type", "required", "bounds", "description"), rows)]
