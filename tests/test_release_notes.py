"""Release notes and the check of announcements, over revisions of a repository of their own."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.release_notes import ANNOUNCED, ROOT, at, main, notes, unannounced

NAMES = ("templates", "tools.json", str(ANNOUNCED))


def git(root: Path, *words: str) -> None:
    """Runs git in a repository of nobody's."""
    who = ["-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(root), *who, *words], check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository that holds this tree's templates and tools, tagged v1.0.0."""
    for name in NAMES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "all")
    git(tmp_path, "tag", "v1.0.0")
    return tmp_path


def edit(root: Path, file: str, change: Callable[[dict[str, Any]], None]) -> None:
    """Changes one template of the working tree."""
    path = root / "templates" / file
    template = yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)
    change(template)
    path.write_text(yaml.safe_dump(template, sort_keys=False), encoding="utf-8")


def another_port(template: dict[str, Any]) -> None:
    """Changes what a target group cannot change in place."""
    template["Resources"]["TargetGroup"]["Properties"]["Port"] = 3999


def announce(root: Path, since: str, resource: str) -> None:
    """Announces that an update replaces a resource."""
    entry = f'\n[[announced]]\nsince = "{since}"\nresource = "{resource}"\nbecause = "it has to be"\n'
    (root / ANNOUNCED).write_text(entry, encoding="utf-8")


def test_nothing_changes_from_a_tag_to_the_same_tree(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([], repository) == 0
    told = capsys.readouterr().out
    assert told.startswith("# From v1.0.0 to this tree\n")
    assert told.count("- nothing changes") == told.count("\n## ") == 6
    assert main(["--check"], repository) == 0
    assert capsys.readouterr().out == ""


def test_notes_tell_parameters_resources_costs_and_tools(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def form(template: dict[str, Any]) -> None:
        template["Parameters"]["MinTasks"]["Default"] = "3"
        template["Parameters"]["MinTasks"]["AllowedValues"].remove("2")
        template["Parameters"]["Owner"] = {"Type": "String"}
        del template["Outputs"]["GatewayUrl"]

    edit(repository, "runtime.yaml", form)
    tools = (repository / "tools.json").read_text(encoding="utf-8")
    git(repository, "commit", "-qam", "another form")
    git(repository, "tag", "v2.0.0")
    assert main(["v1.0.0", "v2.0.0"], repository) == 0
    told = capsys.readouterr().out
    for line in (
        "the default of MinTasks: '2' → '3'",
        "MinTasks takes no longer 2",
        "the parameter Owner is new, and must be given",
        "the output GatewayUrl is gone",
        "update ServiceStack/ScalableTarget (AWS::ApplicationAutoScaling::ScalableTarget): MinCapacity",
        "costs +9.01 US dollars a month at today's prices",
    ):
        assert f"- {line}\n" in told
    assert "echo" in tools and "## Tools\n\n- nothing changes\n" in told


def test_a_replacement_must_be_announced_for_its_release(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(repository, "load-balancer.yaml", another_port)
    assert main(["--check"], repository) == 3
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("TargetGroup is replaced (Port) when v1.0.0 is updated; announce it in docs/announced.toml")
    announce(repository, "v1.0.0", "TargetGroup")
    assert main(["--check"], repository) == 0


def test_an_announcement_of_what_stays_is_told(repository: Path) -> None:
    found = notes(at("v1.0.0", repository), at("", repository))
    assert unannounced(found, [{"since": "v1.0.0", "resource": "Gateway", "because": "no"}]) == [
        "docs/announced.toml announces Gateway, which stays when v1.0.0 is updated"
    ]
    assert unannounced(found, [{"since": "v0.9.0", "resource": "Gateway", "because": "long ago"}]) == []


def test_a_new_revision_of_the_task_definition_needs_no_announcement(repository: Path) -> None:
    def less(template: dict[str, Any]) -> None:
        template["Resources"]["TaskDefinition"]["Properties"]["ContainerDefinitions"][0]["StopTimeout"] = 100

    edit(repository, "service.yaml", less)
    found = notes(at("v1.0.0", repository), at("", repository))
    changed = {change.logical_id: change.action for change in found.changes["development"]}
    assert changed["TaskDefinition"] == "replace"
    assert found.disruptive == {}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["v9"], "Error: git ls-tree failed: fatal: Not a valid object name v9; name a revision."),
        (["--check", "empty"], "Error: empty has no templates/runtime.yaml; name a revision that has."),
    ],
)
def test_a_revision_that_is_none_is_one_sentence(
    repository: Path, capsys: pytest.CaptureFixture[str], words: list[str], sentence: str
) -> None:
    git(repository, "checkout", "-q", "--orphan", "empty")
    git(repository, "rm", "-rq", "--cached", ".")
    git(repository, "commit", "-q", "--allow-empty", "-m", "nothing")
    assert main(words, repository) == 2
    assert capsys.readouterr().err == f"{sentence}\n"


def test_without_a_tag_one_is_asked_for(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    git(repository, "tag", "-d", "v1.0.0")
    assert main([], repository) == 2
    assert capsys.readouterr().err == "Error: There is no tag to begin from; name a revision.\n"


def test_an_update_from_the_last_release_replaces_nothing_unannounced(capsys: pytest.CaptureFixture[str]) -> None:
    tags = subprocess.run(["git", "-C", str(ROOT), "tag", "--merged"], capture_output=True, text=True, check=False)
    if tags.returncode or not tags.stdout:
        pytest.skip("there is no release yet, or no history here")
    assert main(["--check"]) == 0, capsys.readouterr().out
