"""Verdicts on templates: kept while nothing that judges changes, and never one that says there are findings."""

from pathlib import Path

import pytest

from deployer import lint_verdicts
from deployer.lint_verdicts import KEPT, fingerprint, found_clean, lint_once
from deployer.linting import Finding

TEMPLATES = {"parent.yaml": "Resources: {}\n", "child.yaml": "Resources: {A: {}}\n"}
REGIONS = ("us-east-1", "eu-west-1")
FINDING = Finding("parent.yaml", 1, "E0000", "error", "wrong", "")


@pytest.fixture
def linted(monkeypatch: pytest.MonkeyPatch) -> list[list[Finding]]:
    """What the linter will find, run by run; those that are left were not asked for."""
    answers: list[list[Finding]] = []
    monkeypatch.setattr(lint_verdicts, "lint", lambda templates, regions: answers.pop(0))
    return answers


def test_clean_templates_are_linted_once(linted: list[list[Finding]], tmp_path: Path) -> None:
    linted += [[]]
    assert lint_once(TEMPLATES, REGIONS, tmp_path) == []
    assert lint_once(TEMPLATES, REGIONS, tmp_path) == []
    assert lint_once(TEMPLATES, REGIONS[1:], tmp_path) == []
    linted += [[FINDING]]
    assert lint_once(TEMPLATES, (*REGIONS, "eu-north-1"), tmp_path) == [FINDING]


def test_what_lint_found_clean_is_not_linted_again(linted: list[list[Finding]], tmp_path: Path) -> None:
    found_clean(TEMPLATES, REGIONS, tmp_path)
    assert lint_once(TEMPLATES, REGIONS, tmp_path) == []
    assert linted == []


def test_findings_are_made_anew_each_time(linted: list[list[Finding]], tmp_path: Path) -> None:
    linted += [[FINDING], [FINDING], []]
    assert lint_once(TEMPLATES, REGIONS, tmp_path) == [FINDING]
    assert lint_once(TEMPLATES, REGIONS, tmp_path) == [FINDING]
    assert lint_once(TEMPLATES, REGIONS, tmp_path) == []


def test_another_text_or_name_is_another_question() -> None:
    asked = [
        TEMPLATES,
        {**TEMPLATES, "child.yaml": "Resources: {B: {}}\n"},
        {"parent.yaml": TEMPLATES["parent.yaml"]},
        {"other.yaml": TEMPLATES["parent.yaml"], "child.yaml": TEMPLATES["child.yaml"]},
    ]
    assert len({fingerprint(templates) for templates in asked}) == len(asked)


def test_a_changed_check_is_another_question(tmp_path: Path) -> None:
    for judge in lint_verdicts.JUDGES:
        file = tmp_path / judge if judge.endswith(".py") else tmp_path / judge / "checks" / "one.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("before")
    before = fingerprint(TEMPLATES, tmp_path)
    assert fingerprint(TEMPLATES, tmp_path) == before
    (tmp_path / "generator" / "checks" / "one.py").write_text("after")
    assert fingerprint(TEMPLATES, tmp_path) != before


def test_only_the_newest_verdicts_stay(linted: list[list[Finding]], tmp_path: Path) -> None:
    linted += [[] for _ in range(KEPT + 3)]
    for number in range(KEPT + 3):
        lint_once({"parent.yaml": f"# {number}\n"}, REGIONS[:1], tmp_path)
    assert len(list(tmp_path.iterdir())) == KEPT


def test_a_folder_that_cannot_be_written_costs_only_time(linted: list[list[Finding]], tmp_path: Path) -> None:
    folder = tmp_path / "file"
    folder.write_text("no folder")
    linted += [[], []]
    assert lint_once(TEMPLATES, REGIONS, folder / "lint") == []
    assert lint_once(TEMPLATES, REGIONS, folder / "lint") == []
    assert linted == []
