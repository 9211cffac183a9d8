"""What is made of the templates is what is checked in, and `generate` says so where it is not."""

import re
from pathlib import Path

import pytest

import build
from deployer import cost_page, diagram_page, pages
from deployer.errors import UsageError
from generator.cost.metering import COMPONENTS
from generator.cost.prices import held
from generator.cost.traffic import Traffic


def copied(folder: Path) -> Path:
    """Copies what is checked in of the pages."""
    for path in [*pages.PAGES, pages.README]:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text((pages.ROOT / path).read_text(encoding="utf-8"), encoding="utf-8")
    return folder


def test_what_is_checked_in_is_what_is_made() -> None:
    assert pages.differences(pages.pages()) == []


def test_a_page_that_was_edited_or_lost_is_told_and_made_again(tmp_path: Path) -> None:
    root = copied(tmp_path)
    readme = root / pages.README
    right = readme.read_text(encoding="utf-8")
    readme.write_text(re.sub(r"\| NAT gateways \|.*", "| NAT gateways | 0 |", right), encoding="utf-8")
    (root / "docs/cost.md").unlink()
    made = pages.pages(root)
    found = pages.differences(made, root)
    assert {(one.name, one.kind) for one in found} == {("README.md", "changed"), ("docs/cost.md", "missing")}
    assert pages.write(made, root) == found
    assert readme.read_text(encoding="utf-8") == right
    assert pages.differences(made, root) == []


def test_a_readme_without_its_marks_is_one_sentence(tmp_path: Path) -> None:
    root = copied(tmp_path)
    text = (root / pages.README).read_text(encoding="utf-8")
    (root / pages.README).write_text(text.replace("<!-- generated: cost -->", ""), encoding="utf-8")
    with pytest.raises(UsageError, match=r"README.md has 0 blocks <!-- generated: cost --> … .*; give it one\."):
        pages.pages(root)


def test_the_originals_table_is_compared_whole() -> None:
    covered = [component for one in cost_page.ORIGINAL for component in one.components]
    assert sorted(covered) == sorted(COMPONENTS)
    assert sum(one.usd or 0 for one in cost_page.ORIGINAL) == cost_page.ORIGINAL_TOTAL
    found = cost_page.figures(Traffic(), held())
    rows = re.findall(r"^\| (?:\w|\().*? \| (?:~[0-9]+|) \| ([0-9.]+) \|", cost_page.page(), re.MULTILINE)
    assert len(rows) == len(cost_page.ORIGINAL)
    assert sum(map(float, rows)) == pytest.approx(found.whole.expected, abs=0.05)


@pytest.mark.parametrize("kind", diagram_page.KINDS)
def test_a_configuration_is_drawn(capsys: pytest.CaptureFixture[str], tmp_path: Path, kind: str) -> None:
    file = tmp_path / "deployment.toml"
    text = '[address]\nparent_domain = "example.com"\n[network]\nexposure = "private"\n'
    file.write_text(f'{text}[[targets]]\naccount = "111111111111"\nregion = "eu-west-1"\n', encoding="utf-8")
    assert build.main(["diagram", kind, "--config", str(file)]) == 0
    drawn = capsys.readouterr().out
    marks = {"architecture": "private endpoint", "svg": "<svg ", "call": "by a private endpoint"}
    assert marks.get(kind, {"order": "==>", "layers": "%% network.yaml"}.get(kind, "")) in drawn
    assert build.main(["diagram", kind, "--config", str(file), "--target", "1/x"]) == 2
    assert "Error: 1/x is no target; the targets are 111111111111/eu-west-1." in capsys.readouterr().err
