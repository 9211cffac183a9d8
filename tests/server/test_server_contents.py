"""Resources and prompts: one module each, listed and read in both eras; what is wrong with them is told."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from server.content_discovery import load_prompts, load_resources
from server.discovery import LoadError
from tests.server.server_process import ALL_VERSIONS, ServerProcess

_numbers = itertools.count()

GUIDE = '''
URI = "guide://install"
MIME_TYPE = "text/markdown"


def guide() -> str:
    """How to."""
    return "# Do"
'''
ORDER = '''
URI = "orders://{order}/lines"


async def order(order: str) -> str:
    """An order."""
    return f"of {order}"
'''
ASK = '''
def ask(topic: str, style: str = "short") -> str:
    """Ask about it."""
    return f"Tell me of {topic}, {style}."
'''


def _packages(folder: Path, **packages: dict[str, str]) -> dict[str, str]:
    for name, modules in packages.items():
        (folder / name).mkdir()
        (folder / name / "__init__.py").touch()
        for module, source in modules.items():
            (folder / name / f"{module}.py").write_text(source)
    return {"PYTHONPATH": str(folder)}


@pytest.fixture(scope="module")
def server(server_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("contents")
    settings = _packages(folder, things={"guide": GUIDE, "order": ORDER}, questions={"ask": ASK})
    settings |= {"RESOURCE_PACKAGES": "things", "PROMPT_PACKAGES": "questions"}
    with ServerProcess(server_python, settings) as running:
        yield running.wait_until_listening()


@pytest.mark.parametrize("version", ALL_VERSIONS)
def test_resources_and_prompts_are_functions_in_files(server: ServerProcess, version: str) -> None:
    def result(method: str, **params: object) -> dict[str, Any]:
        headers = {"Mcp-Name": str(params.get("uri") or params.get("name"))} if params else {}
        answer = server.mcp(version, method, params, headers=headers)
        assert answer.status == 200, answer
        found: dict[str, Any] = answer.json()["result"]
        return found

    (listed,) = result("resources/list")["resources"]
    assert (listed["uri"], listed["mimeType"], listed["description"]) == ("guide://install", "text/markdown", "How to.")
    (template,) = result("resources/templates/list")["resourceTemplates"]
    assert template["uriTemplate"] == "orders://{order}/lines"
    (read,) = result("resources/read", uri="guide://install")["contents"]
    assert read["text"] == "# Do"
    (read,) = result("resources/read", uri="orders://7/lines")["contents"]
    assert read["text"] == "of 7"
    (prompt,) = result("prompts/list")["prompts"]
    assert [(one["name"], one.get("required", False)) for one in prompt["arguments"]] == [
        ("topic", True),
        ("style", False),
    ]
    (message,) = result("prompts/get", name="ask", arguments={"topic": "it"})["messages"]
    assert message["content"]["text"] == "Tell me of it, short."


def _load(things: str, questions: str) -> None:
    load_resources([things])
    load_prompts([questions])


@pytest.mark.parametrize(
    ("resources", "prompts", "sentence"),
    [
        (
            {"guide": GUIDE.replace('URI = "guide://install"\n', "")},
            {},
            "things.guide does not say where it is",
        ),
        ({"guide": GUIDE.replace("guide://install", "install")}, {}, "URI of the resource things.guide is 'install'"),
        ({"guide": GUIDE.replace("text/markdown", "markdown")}, {}, "MIME_TYPE of the resource things.guide is"),
        ({"guide": GUIDE, "other": GUIDE.replace("guide()", "other()")}, {}, "has the URI guide://install of another"),
        ({"order": ORDER.replace("{order}", "{number}")}, {}, "The resource things.order has a signature"),
        (
            {},
            {"ask": ASK.replace("topic: str", "topic")},
            "topic of the prompt questions.ask has no type",
        ),
        ({}, {"ask": ASK.replace('    """Ask about it."""\n', "")}, "The prompt questions.ask has no docstring"),
    ],
)
def test_what_is_wrong_is_told_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    resources: dict[str, str],
    prompts: dict[str, str],
    sentence: str,
) -> None:
    # The packages get names of their own: what was imported for one test stays imported.
    number = next(_numbers)
    things, questions = f"things{number}", f"questions{number}"
    _packages(tmp_path, **{things: resources, questions: prompts})
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(LoadError) as caught:
        _load(things, questions)
    assert sentence in str(caught.value).replace(things, "things").replace(questions, "questions")
