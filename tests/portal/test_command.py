"""The command by itself: what it writes without AWS, and what it leaves as it was."""

import json
import os
import shutil
from pathlib import Path

import pytest

import build
from tests.portal.conftest import ROOT
from tests.portal.parsed import parsed


@pytest.fixture(autouse=True)
def without_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    """The command with a configuration and a file of its own."""
    configuration = shutil.copy(ROOT / "deployment.example.toml", tmp_path / "deployment.toml")
    return ["portal", "--config", str(configuration), "--file", str(tmp_path / "made" / "page.html")]


@pytest.mark.parametrize("more", [["--offline"], []], ids=["offline", "no credentials"])
def test_without_aws_the_page_is_written_and_says_what_it_lacks(
    words: list[str], more: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert build.main([*words, *more, "--output", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    file = Path(document["file"])
    assert file == Path(words[-1]).resolve()
    text = file.read_text(encoding="utf-8")
    assert document["bytes"] == len(text.encode())
    assert document["targets"] == ["111111111111/us-east-1"] and document["tools"] == ["echo", "get_system_info"]
    assert set(document["parts"]) == {"status", "launch_links", "verification"}
    html = parsed(text)
    assert document["templates"] in html.text and document["revision"] in html.text
    for part in document["parts"].values():
        assert part["included"] is False
        (reason,) = part["reasons"]
        assert html.text.count(reason.replace("`", "")) == 3
    assert ("--offline" if more else "credentials") in reason
    assert [one.name for one in file.parent.iterdir()] == ["page.html"]


def test_text_tells_a_shared_reason_once(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert build.main([*words, "--offline"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{words[-1]} is written: mcp-runtime, ")
    assert second.startswith("Without status, launch links, verification: AWS was not asked")


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["--offline", "--target", "999999999999/us-east-1"], "999999999999/us-east-1 is no target"),
        (["--local", "--endpoint-url", "http://127.0.0.1:1"], "--endpoint-url does not go with it"),
        (["--config", "absent.toml"], "absent.toml"),
    ],
)
def test_what_cannot_be_leaves_the_page_before_as_it_was(
    words: list[str], more: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = Path(words[-1])
    file.parent.mkdir()
    file.write_text("before", encoding="utf-8")
    assert build.main([*words, *more]) == 2
    shown = capsys.readouterr()
    assert shown.out == "" and sentence in shown.err
    assert [line.startswith("Error: ") for line in shown.err.splitlines()] == [True]
    assert file.read_text(encoding="utf-8") == "before"


def test_a_place_that_cannot_be_written_is_a_sentence(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    Path(words[-1]).mkdir(parents=True)
    assert build.main([*words, "--offline"]) == 2
    assert "cannot be written" in capsys.readouterr().err
    assert list(Path(words[-1]).parent.iterdir()) == [Path(words[-1])]
