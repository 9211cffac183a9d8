"""What the pages say is there: links and anchors, commands and options, settings; and nothing of one machine."""

import argparse
import importlib.util
import json
import re
import shlex
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest

import build
from commands import reference
from deployer import pages as made
from deployer.settings import parse
from generator.tool_catalogue import FILE, Catalogue, Tool
from tests.docs.blocks import ROOT, blocks, pages, text_without_blocks
from tests.docs.configurations import whole, written

TOML = [block for page in pages() for block in blocks(page) if block.language == "toml"]
SECRET = "arn:aws:secretsmanager:us-east-1:111111111111:secret:tools-AbCdEf"
PLACEHOLDER = re.compile(r"[A-Z][A-Z/_.=-]*|…|\.\.\.|\[.*|.*\]|.*\|.*")


def anchors(page: str) -> set[str]:
    """Returns the anchors of a page's headings, as GitHub and the site make them."""
    found: set[str] = set()
    for heading in re.findall(r"^#{1,6} (.+)$", text_without_blocks(page), flags=re.MULTILINE):
        plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
        slug = re.sub(r"[^\w\- ]", "", plain.lower()).strip().replace(" ", "-")
        found.add(next(name for name in (slug, *(f"{slug}-{n}" for n in range(1, 99))) if name not in found))
    return found


def links(page: str) -> Iterator[tuple[str, str]]:
    """Yields where the links of a page within the project lead, file and anchor."""
    for target in re.findall(r"\]\(([^)\s]+)\)", text_without_blocks(page)):
        if not re.match(r"[a-z]+:", target):
            file, _, anchor = target.partition("#")
            yield file, anchor


@pytest.mark.parametrize("page", pages())
def test_links_and_anchors_lead_somewhere(page: str) -> None:
    for file, anchor in links(page):
        path = ((ROOT / page).parent / file).resolve() if file else ROOT / page
        assert path.exists(), f"{page} links to {file}, which is not there"
        if anchor:
            assert anchor in anchors(path.relative_to(ROOT).as_posix()), f"{page} links to {file}#{anchor}"


@pytest.mark.parametrize("page", pages())
def test_a_page_names_nothing_of_one_machine(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    assert re.findall(r"(?<![\w.:*>])/(?:home|Users|tmp|root|work|private)/\S*", text) == []


def commands() -> dict[str, argparse.ArgumentParser]:
    """Returns the parser of each command."""
    (choices,) = [
        action.choices for action in build.parser()._actions if isinstance(action, argparse._SubParsersAction)
    ]
    return dict(choices)


def said() -> Iterator[tuple[str, str]]:
    """Yields every command line that the pages name, with the page."""
    for page in pages():
        for words in re.findall(r"`(python [^`]+)`", text_without_blocks(page)):
            yield page, " ".join(words.split())
        for block in blocks(page):
            if block.is_shell:
                for command in block.commands:
                    for part in command.split(" && "):
                        yield page, part


@pytest.mark.parametrize(("page", "line"), sorted({(page, line) for page, line in said() if " build.py" in line}))
def test_commands_and_options_that_are_named_exist(page: str, line: str) -> None:
    words = [word.strip("[]") for word in shlex.split(line.replace("'", ""))][2:]
    if not words or PLACEHOLDER.fullmatch(words[0]):
        return
    name = next((word for word in words if not word.startswith("-")), "")
    known = commands()
    assert name in known, f"{page}: {line}"
    options = {option for word in words if word.startswith("--") for option in [word.partition("=")[0]]}
    assert options <= set(known[name]._option_string_actions), f"{page}: {line}"


@pytest.mark.parametrize(
    ("page", "line"), sorted({(page, line) for page, line in said() if not re.search(r" build\.py|venv|^pip", line)})
)
def test_modules_and_scripts_that_are_named_exist(page: str, line: str) -> None:
    if module := re.match(r"python -m ([\w.]+)", line):
        assert importlib.util.find_spec(module[1]) is not None, f"{page}: {line}"
    elif script := re.match(r"python ([\w/]+\.py)", line):
        assert (ROOT / script[1]).is_file(), f"{page}: {line}"


@pytest.mark.parametrize("block", TOML, ids=lambda block: block.place)
def test_a_configuration_that_is_shown_is_accepted(block: Any) -> None:
    document = whole(block.text)
    if any("credential" in one for one in document.get("providers", ())):
        document["compute"]["secret_arn"] = SECRET
    if "access" in document:
        document["gateway"]["tool_access"] = "enforce"
    listed = json.loads((ROOT / FILE).read_text(encoding="utf-8"))["tools"]
    catalogue = Catalogue((*(Tool.parse(tool) for tool in listed), Tool("delete_order", "An example.", {})))
    settings = parse(document, block.place, catalogue)
    assert settings.targets or settings.units
    assert tomllib.loads(written(document)) == document


def test_the_page_of_the_commands_is_what_is_made() -> None:
    page = (ROOT / reference.PAGE).read_text(encoding="utf-8")
    assert page == reference.page(build.COMMANDS, build.global_options(True))
    for name, parser in commands().items():
        section = page.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
        own = set(parser._option_string_actions) - set(build.global_options(True)._option_string_actions)
        assert all(option in section for option in own - {"-h", "--help"}), name


def test_every_setting_has_a_row_that_says_what_it_means() -> None:
    text = made.PAGES["docs/reference/configuration.md"]()
    example = tomllib.loads((ROOT / "deployment.example.toml").read_text(encoding="utf-8"))
    for section, table in example.items():
        if isinstance(table, dict):
            rows = text.partition(f"## `[{section}]`")[2].partition("\n## ")[0]
            for key in table:
                (row,) = [line for line in rows.splitlines() if line.startswith(f"| `{key}` |")]
                assert len(row.split(" | ")[1].strip(" |")) > 5, row


def test_every_variable_of_the_server_has_a_row() -> None:
    text = made.PAGES["docs/reference/server-settings.md"]()
    source = (ROOT / "server" / "settings.py").read_text(encoding="utf-8")
    named = set(re.findall(r'setting\(\s*"([A-Z_]+)"', source)) | {
        "TRACES",
        "TRACES_URL",
        "REQUIRE_TOKEN",
        "TOKEN_SCOPE",
    }
    assert {name for name in named if f"`{name}`" not in text} == set()
