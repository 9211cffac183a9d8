"""Arguments of prompts and resource templates are completed where their types name their values."""

import enum
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest

from server.completions import choices
from tests.server.server_process import ALL_VERSIONS, MODERN_VERSION, ServerProcess


class Color(enum.Enum):
    """What a test completes."""

    RED = "red"
    BLUE = "blue"


PROMPT = '''
from typing import Literal


def ask(topic: str, style: Literal["short", "Shouted", "long"] = "short") -> str:
    """Ask about it."""
    return f"Tell me of {topic}, {style}."
'''
TEMPLATE = '''
from typing import Literal

URI = "orders://{state}/list"


def orders(state: Literal["open", "closed"]) -> str:
    """Orders."""
    return state
'''


def test_the_values_of_a_parameter_are_those_that_its_type_names() -> None:
    def function(
        one: Literal["a", 2], two: Color, three: bool, four: Literal["x"] | None, five: str, six: int | str = 1
    ) -> None: ...

    assert choices(function) == {
        "one": ["a", "2"],
        "two": ["red", "blue"],
        "three": ["true", "false"],
        "four": ["x"],
    }


@pytest.mark.parametrize("version", ALL_VERSIONS)
def test_clients_of_every_version_complete(
    start_server: Callable[..., ServerProcess], tmp_path: Path, version: str
) -> None:
    for package, module, source in (("questions", "ask", PROMPT), ("things", "orders", TEMPLATE)):
        (tmp_path / package).mkdir()
        (tmp_path / package / f"{module}.py").write_text(source)
    settings = {"PYTHONPATH": str(tmp_path), "PROMPT_PACKAGES": "questions", "RESOURCE_PACKAGES": "things"}
    server = start_server(**settings).wait_until_listening()

    def completed(reference: dict[str, str], name: str, value: str) -> list[str]:
        params = {"ref": reference, "argument": {"name": name, "value": value}}
        found: list[str] = server.mcp(version, "completion/complete", params).json()["result"]["completion"]["values"]
        return found

    prompt, template = {"type": "ref/prompt", "name": "ask"}, {"type": "ref/resource", "uri": "orders://{state}/list"}
    assert completed(prompt, "style", "s") == ["short", "Shouted"]
    assert completed(prompt, "topic", "s") == []
    assert completed(template, "state", "") == ["open", "closed"]
    assert completed({"type": "ref/prompt", "name": "nobody"}, "style", "") == []


def test_a_server_with_nothing_to_complete_does_not_offer_it(example_server: ServerProcess) -> None:
    described = example_server.mcp(MODERN_VERSION, "server/discover").json()["result"]
    assert "completions" not in described["capabilities"]
