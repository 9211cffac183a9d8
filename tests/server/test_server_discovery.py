"""How tools are found, and how one that cannot be used is told."""

import itertools
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from server.discovery import LoadError
from server.settings import SettingsError
from server.tool_discovery import MAX_TOOL_NAME, load_tools
from tests.server.server_process import EXAMPLE_TOOLS, ServerProcess

_package_numbers = itertools.count()

MakePackage = Callable[[dict[str, str]], str]


@pytest.fixture
def make_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakePackage:
    """A function that makes an importable package of the given modules and returns its name."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def make(modules: dict[str, str]) -> str:
        name = f"found_tools_{next(_package_numbers)}"
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
        for module, source in modules.items():
            (tmp_path / name / f"{module}.py").write_text(textwrap.dedent(source))
        return name

    return make


def test_the_function_named_like_its_module_is_the_tool(make_package: MakePackage) -> None:
    package = make_package(
        {
            "second": '''
                async def second(number: int, factor: float = 2.0) -> float:
                    """Multiply.

                    Args:
                        number: What to multiply.
                    """
                    return number * factor

                def other(number):
                    pass
            ''',
            "first": '''
                def first() -> None:
                    """Do nothing."""
            ''',
            "_private": "this is not even Python",
        }
    )
    first, second = load_tools([package])
    assert (first.name, second.name) == ("first", "second")
    assert second.description == "Multiply."
    assert second.parameters["properties"]["number"] == {"type": "integer", "description": "What to multiply."}
    assert second.parameters["required"] == ["number"]


def test_a_folder_may_hold_a_tool(make_package: MakePackage, tmp_path: Path) -> None:
    package = make_package({})
    (tmp_path / package / "large").mkdir()
    (tmp_path / package / "large" / "__init__.py").write_text('def large() -> None:\n    """Be large."""\n')
    assert [tool.name for tool in load_tools([package])] == ["large"]


BROKEN = {
    "no docstring": ("def tool() -> str:\n    return ''\n", "docstring"),
    "untyped parameter": ('def tool(size) -> str:\n    """D."""\n    return ""\n', "size"),
    "untyped return": ('def tool(size: int):\n    """D."""\n', "returns"),
    "unresolvable annotation": ('def tool(size: "Missing") -> str:\n    """D."""\n    return ""\n', "Missing"),
    "type unknown to pydantic": (
        'class Odd:\n    pass\ndef tool(size: Odd) -> str:\n    """D."""\n    return ""\n',
        "signature",
    ),
    "any positional": ('def tool(*sizes: int) -> str:\n    """D."""\n    return ""\n', "sizes"),
    "any keyword": ('def tool(**sizes: int) -> str:\n    """D."""\n    return ""\n', "sizes"),
    "positional only": ('def tool(size: int, /) -> str:\n    """D."""\n    return ""\n', "size"),
    "no function": ("def other() -> str:\n    return ''\n", "no function tool"),
    "not a function": ("tool = 3\n", "no function tool"),
    "syntax error": ("x = 1\ndef tool(:\n", "SyntaxError at line 2"),
    "error at import": ("\n\nraise RuntimeError('two\\nlines')\n", "RuntimeError at line 3 (two lines)"),
    "missing package": ("import not_there_at_all\n", "not_there_at_all"),
    "exit at import": ("import sys\nsys.exit(0)\n", "SystemExit at line 2"),
    "missing secret": ("from server.tool_secrets import tool_secret\ntool_secret('API_KEY')\n", "API_KEY"),
}


@pytest.mark.parametrize("defect", BROKEN)
def test_a_broken_tool_is_told_in_one_sentence_that_names_its_module(make_package: MakePackage, defect: str) -> None:
    source, expected = BROKEN[defect]
    package = make_package({"tool": source})
    with pytest.raises(LoadError) as caught:
        load_tools([package])
    message = str(caught.value)
    assert f"{package}.tool" in message and expected in message
    assert message.endswith(".") and "\n" not in message


@pytest.mark.parametrize("name", ["Upper", "with-hyphen", "x" * (MAX_TOOL_NAME + 1)])
def test_a_name_that_agents_could_not_call_is_refused(make_package: MakePackage, name: str) -> None:
    package = make_package({name: "raise AssertionError('not imported')\n"})
    with pytest.raises(LoadError, match="unusable name"):
        load_tools([package])


def test_a_tool_says_that_it_destroys(make_package: MakePackage) -> None:
    source = 'def tool() -> None:\n    """D."""\n'
    (plain,) = load_tools([make_package({"tool": source})])
    assert plain.annotations is None
    (tool,) = load_tools([make_package({"tool": 'ANNOTATIONS = {"destructiveHint": True}\n' + source})])
    listed = tool.to_mcp_tool().model_dump(by_alias=True, exclude_none=True)
    assert listed["annotations"] == {"destructiveHint": True}


@pytest.mark.parametrize("annotations", ["{'destructive': True}", "{'readOnlyHint': 'no'}", "True"])
def test_annotations_that_mean_nothing_are_refused(make_package: MakePackage, annotations: str) -> None:
    source = f'ANNOTATIONS = {annotations}\ndef tool() -> None:\n    """D."""\n'
    with pytest.raises(LoadError, match="give a dict with True or False for some of readOnlyHint, destructiveHint"):
        load_tools([make_package({"tool": source})])


def test_two_tools_of_one_name_are_refused(make_package: MakePackage) -> None:
    source = 'def same() -> None:\n    """D."""\n'
    one, two = make_package({"same": source}), make_package({"same": source})
    with pytest.raises(LoadError, match=rf"{one}\.same and in {two}\.same"):
        load_tools([one, two])


def test_a_package_without_tools_is_refused(make_package: MakePackage) -> None:
    with pytest.raises(LoadError, match="no tools"):
        load_tools([make_package({"_private": ""})])


@pytest.mark.parametrize("name", ["not_there", "server.not_there", "server.settings"])
def test_a_package_that_is_none_is_a_wrong_setting(name: str) -> None:
    with pytest.raises(SettingsError, match="TOOL_PACKAGES"):
        load_tools([name])


def test_the_example_tools_are_served_beside_the_real_ones(example_server: ServerProcess) -> None:
    examples = ["await_file", "block", "count", "introduce", "leak", "talk", "tell", "use_secret", "wait", "wipe"]
    assert example_server.listening["tools"] == sorted(["echo", "get_system_info", *examples])


def test_a_broken_tool_ends_the_process_before_it_listens(
    start_server: Callable[..., ServerProcess], tmp_path: Path
) -> None:
    (tmp_path / "broken_tools").mkdir()
    (tmp_path / "broken_tools" / "bad.py").write_text("\nsurprise(\n")
    server = start_server(PYTHONPATH=str(tmp_path), TOOL_PACKAGES="server.tools,broken_tools")
    assert server.exit_status() == 1
    (entry,) = server.log()
    assert entry["level"] == "CRITICAL"
    assert entry["message"].startswith("The tool module broken_tools.bad cannot be imported: SyntaxError at line 2")
    assert server.error_output == b""


def test_an_absent_tool_package_ends_the_process_as_a_wrong_setting(start_server: Callable[..., ServerProcess]) -> None:
    server = start_server(**{**EXAMPLE_TOOLS, "TOOL_PACKAGES": "absent_tools"})
    assert server.exit_status() == 2
    (entry,) = server.log()
    assert "absent_tools" in entry["message"]
