"""The tool contract against the real server: written, checked, insisted on, and told in sentences."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import build
from deployer import tool_contract
from deployer.environments import ensure
from deployer.errors import RefusedError
from deployer.tool_introspection import introspect_with
from generator import serving
from generator.tool_catalogue import Catalogue, Tool

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the tree that shares the server's environment."""
    ensure("server")
    root = tmp_path / "project"
    for folder in ("commands", "generator", "deployer", "templates", "server", "docs"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("build.py", "Pipfile.lock", "tools.json", "README.md", "deployment.example.toml"):
        shutil.copy(ROOT / file, root)
    (root / ".local").mkdir()
    (root / ".local" / "environments").symlink_to((ROOT / ".local" / "environments").resolve())
    return root


def run(root: Path, *words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, str(root / "build.py"), *words],
        cwd=root,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_changes_of_the_contract_are_told_then_written(project: Path) -> None:
    echo = project / "server" / "tools" / "echo.py"
    echo.write_text(echo.read_text().replace(') -> str:\n    """Echo', ', times: int = 1) -> str:\n    """Echo'))
    (project / "server" / "tools" / "get_system_info.py").unlink()
    before = (project / "tools.json").read_text()
    with pytest.raises(RefusedError, match=r"other tools than tools\.json says .*get_system_info was removed"):
        tool_contract.current(project)

    checked = run(project, "generate", "--check", "--output", "json")
    assert checked.returncode == 3, checked.stderr
    found = json.loads(checked.stdout)
    assert found["differences"] == [{"name": "tools.json", "kind": "changed"}]
    assert [(change["kind"], change["tool"]) for change in found["tools"]["changes"]] == [
        ("breaking", "get_system_info"),
        ("additive", "echo"),
    ]
    assert (project / "tools.json").read_text() == before

    written = run(project, "generate")
    assert written.returncode == 0
    assert "breaking: The tool get_system_info was removed." in written.stdout
    assert "additive: The tool echo: the optional argument times was added." in written.stdout
    assert tool_contract.current(project).names == ("echo",)
    assert run(project, "generate", "--check").returncode == 0


@pytest.mark.parametrize("text", [None, "{}\n"])
def test_a_lost_or_damaged_contract_differs_and_is_written_anew(project: Path, text: str | None) -> None:
    file = project / "tools.json"
    before = file.read_text()
    file.unlink()
    if text is not None:
        file.write_text(text)
    found = tool_contract.contract(project)
    assert found.difference is not None and found.difference.kind == ("missing" if text is None else "damaged")
    tool_contract.write(found, project)
    assert file.read_text() == before


def test_a_broken_tool_is_one_sentence(project: Path) -> None:
    (project / "server" / "tools" / "broken.py").write_text("import nothing_of_that_name\n")
    done = run(project, "generate", "--check")
    assert done.returncode == 1
    assert done.stdout == "" and len(done.stderr.splitlines()) == 1
    assert "server.tools.broken" in done.stderr and "nothing_of_that_name" in done.stderr


def test_what_a_module_prints_and_what_this_machine_sets_changes_nothing(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    echo = project / "server" / "tools" / "echo.py"
    echo.write_text('import os\n\nprint("{}")\nos.system("echo noise")\n' + echo.read_text())
    monkeypatch.setenv("TOOL_PACKAGES", "no.such.package")
    monkeypatch.setenv("FASTMCP_STRICT_INPUT_VALIDATION", "nonsense")
    assert introspect_with(ensure("server"), project).render() == (ROOT / "tools.json").read_text()


def test_a_server_that_does_not_answer_is_one_sentence(project: Path) -> None:
    (project / "server" / "catalogue.py").write_text("raise SystemExit('cut off')\n")
    with pytest.raises(RefusedError, match=r"ended with status 1 instead of listing its tools: cut off"):
        introspect_with(ensure("server"), project)


@pytest.mark.parametrize("command", [["generate"], ["generate", "--check"], ["lint"]])
def test_a_name_that_is_too_long_behind_the_gateway_ends_with_1(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(serving, "TARGET_NAME", "t" * 50)
    assert build.main(command) == 1
    told = capsys.readouterr().err
    assert f"{'t' * 50}___get_system_info" in told and "68 characters of the 64" in told


def test_a_name_of_64_characters_fits() -> None:
    tool_contract.require_budget(Catalogue((Tool("t" * (64 - len("mcp___")), "T.", {}),)))
