"""Resources and prompts: one module each, listed and read in both eras; what is wrong with them is told."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.server.server_process import ALL_VERSIONS, ServerProcess

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


@pytest.mark.parametrize("version", ALL_VERSIONS)
def test_resources_and_prompts_are_functions_in_files(
    start_server: Callable[..., ServerProcess], tmp_path: Path, version: str
) -> None:
    settings = _packages(tmp_path, things={"guide": GUIDE, "order": ORDER}, questions={"ask": ASK})
    server = start_server(**settings, RESOURCE_PACKAGES="things", PROMPT_PACKAGES="questions").wait_until_listening()

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
    start_server: Callable[..., ServerProcess],
    tmp_path: Path,
    resources: dict[str, str],
    prompts: dict[str, str],
    sentence: str,
) -> None:
    settings = _packages(tmp_path, things=resources, questions=prompts)
    server = start_server(**settings, RESOURCE_PACKAGES="things", PROMPT_PACKAGES="questions")
    assert server.exit_status() == 1
    assert sentence in server.log()[-1]["message"]
