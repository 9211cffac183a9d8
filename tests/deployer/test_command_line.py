"""The command line by itself: what it offers, where options may stand, and how it ends."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import build
from commands.command import Command
from deployer.environments import ensure

ROOT = Path(__file__).resolve().parents[2]
BUILT = [
    "generate",
    "lint",
    "package",
    "image",
    "plan",
    "cost",
    "diagram",
    "preflight",
    "deploy",
    "status",
    "diagnose",
    "recover",
    "drift",
    "verify",
    "invoke",
    "connect",
    "publish",
    "launch-url",
    "portal",
    "rotate-secret",
]
CONNECT = ["connect", "--client", "kiro"]
BUILT += ["destroy", "dev", "new-tool", "local"]


def run(*words: str, root: Path = ROOT, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Runs build.py in a process of its own, without any AWS credentials."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    kept |= {"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": os.devnull}
    kept |= {"AWS_SHARED_CREDENTIALS_FILE": os.devnull, **environment}
    return subprocess.run(
        [sys.executable, str(root / "build.py"), *words],
        cwd=root,
        env=kept,
        capture_output=True,
        text=True,
        check=False,
    )


def one_sentence(done: "subprocess.CompletedProcess[str]") -> str:
    """Returns the error: one line on standard error, nothing on standard output, no traceback."""
    assert done.stdout == ""
    errors = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 1, done.stderr
    assert "Traceback" not in done.stderr
    return errors[0]


@pytest.fixture
def configuration(tmp_path: Path) -> Path:
    path = tmp_path / "deployment.toml"
    shutil.copy(ROOT / "deployment.example.toml", path)
    return path


def test_alone_it_lists_what_is_built_and_nothing_else() -> None:
    done = run()
    assert done.returncode == 0
    offered = re.findall(r"^  (\S+)  +\S", done.stdout, flags=re.MULTILINE)
    assert offered == BUILT
    assert max(map(len, done.stdout.splitlines())) <= 100


@pytest.mark.parametrize("command", BUILT)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        build.main([command, "--help"])
    assert ended.value.code == 0
    assert "global options, before or after the command" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["generate", "--chek"], ["invoke"], ["lint", "x"], ["forge"]])
def test_what_is_not_offered_is_refused_with_status_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        build.main(words)
    assert ended.value.code == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("Error: ") and shown.err.endswith("--help` shows what there is.\n")
    assert len(shown.err.splitlines()) == 1


@pytest.mark.parametrize(
    "words",
    [
        ["--output", "json", "--verbose", "generate", "--check"],
        ["generate", "--check", "--output", "json", "--verbose"],
        ["--verbose", "generate", "--output", "json", "--check"],
    ],
)
def test_global_options_stand_before_and_after_the_command(words: list[str]) -> None:
    options = build.parsed(words)
    assert (options.command, options.output, options.verbose, options.check) == ("generate", "json", True, True)


@pytest.mark.parametrize(
    "words",
    [
        ["invoke", "echo", "message=a", "count=1", "--local"],
        ["invoke", "echo", "--local", "message=a", "count=1"],
        ["--local", "invoke", "echo", "message=a", "count=1"],
        ["invoke", "--local", "echo", "message=a", "count=1"],
        ["invoke", "echo", "message=a", "--local", "count=1"],
    ],
)
def test_options_may_stand_among_a_tool_s_arguments(words: list[str]) -> None:
    options = build.parsed(words)
    assert (options.tool, options.arguments, options.local) == ("echo", ["message=a", "count=1"], True)


def test_templates_are_what_the_generator_makes() -> None:
    done = run("generate", "--check", "--output", "json")
    found = json.loads(done.stdout)
    assert (done.returncode, found["differences"], found["tools"]["changes"]) == (0, [], [])


def test_template_that_was_edited_by_hand_is_status_3_and_is_written_anew(tmp_path: Path) -> None:
    root = tmp_path / "project"
    for folder in ("commands", "generator", "deployer", "templates", "server", "docs"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("build.py", "Pipfile.lock", "tools.json", "README.md", "deployment.example.toml"):
        shutil.copy(ROOT / file, root)
    ensure("server")
    (root / ".local").mkdir()
    (root / ".local" / "environments").symlink_to((ROOT / ".local" / "environments").resolve())
    edited, lost, surplus = (root / "templates" / name for name in ("network.yaml", "service.yaml", "old.yaml"))
    before = edited.read_bytes()
    edited.write_bytes(before + b"# by hand\n")
    (root / "docs" / "cost.md").write_text("by hand\n", encoding="utf-8")
    lost.unlink()
    surplus.write_text("{}\n")
    done = run("generate", "--check", root=root)
    assert done.returncode == 3
    assert "network.yaml is changed" in done.stdout
    assert "service.yaml is missing" in done.stdout
    assert "old.yaml is surplus" in done.stdout
    assert "docs/cost.md is changed" in done.stdout
    assert edited.read_bytes() != before
    assert not lost.exists()
    assert run("generate", root=root).returncode == 0
    assert edited.read_bytes() == before
    assert lost.exists()
    assert not surplus.exists()
    assert run("generate", "--check", root=root).returncode == 0


def test_lint_finds_nothing_in_the_target_s_regions(configuration: Path) -> None:
    done = run("lint", "--config", str(configuration), "--output", "json")
    assert done.returncode == 0, done.stdout
    found = json.loads(done.stdout)
    assert found["findings"] == []
    assert "us-east-1" in found["regions"]


@pytest.mark.parametrize("command", [["deploy"], ["package"], ["status"], ["verify"], ["invoke", "echo"], CONNECT])
def test_without_credentials_it_ends_with_2(command: list[str], configuration: Path) -> None:
    done = run(*command, "--config", str(configuration))
    assert done.returncode == 2
    assert "There are no AWS credentials" in one_sentence(done)


def test_missing_configuration_is_named(tmp_path: Path) -> None:
    done = run("deploy", "--config", str(tmp_path / "absent.toml"))
    assert done.returncode == 2
    assert "There is no configuration file" in one_sentence(done)


def test_mistake_in_the_configuration_is_named(configuration: Path) -> None:
    configuration.write_text(configuration.read_text().replace("min_tasks = 2", "min_tsks = 2"))
    done = run("deploy", "--config", str(configuration))
    assert done.returncode == 2
    assert "compute.min_tsks is not a setting; did you mean compute.min_tasks?" in one_sentence(done)


def test_region_that_does_not_exist_is_named(configuration: Path) -> None:
    done = run("deploy", "--config", str(configuration), "--region", "eu-west-9")
    assert done.returncode == 2
    assert "--region = 'eu-west-9' is no AWS Region; did you mean eu-west-" in one_sentence(done)


def test_endpoint_that_does_not_answer_is_named(configuration: Path) -> None:
    done = run(
        *("deploy", "--config", str(configuration), "--endpoint-url", "http://127.0.0.1:9"),
        AWS_ACCESS_KEY_ID="x",
        AWS_SECRET_ACCESS_KEY="x",
        AWS_MAX_ATTEMPTS="1",
    )
    assert done.returncode == 2
    assert "AWS cannot be reached" in one_sentence(done)


def test_nobody_to_ask_means_nothing_is_destroyed(configuration: Path) -> None:
    done = run("destroy", "--config", str(configuration))
    assert done.returncode == 2
    assert "give --yes to go ahead" in one_sentence(done)


def test_traceback_is_shown_only_on_request(configuration: Path) -> None:
    done = run("deploy", "--config", str(configuration), "--verbose")
    assert done.returncode == 2
    assert "Traceback" in done.stderr
    assert "Error: There are no AWS credentials" in done.stderr


def test_interruption_ends_with_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(_: object) -> int:
        raise KeyboardInterrupt

    command = Command("generate", "…", interrupted)
    monkeypatch.setattr(build, "COMMANDS", (command,))
    assert build.main(["generate"]) == 130
    assert capsys.readouterr().err == "Interrupted; running the same command again is safe.\n"


def test_what_nobody_foresaw_is_one_sentence_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(_: object) -> int:
        raise RuntimeError("two\nlines")

    monkeypatch.setattr(build, "COMMANDS", (Command("generate", "…", broken),))
    assert build.main(["generate"]) == 1
    assert capsys.readouterr().err == (
        "Error: RuntimeError: two lines (not foreseen; run the command again with --verbose to see where)\n"
    )


def helpers(process: int) -> list[str]:
    """Returns the command lines of a process's children that lint."""
    listed = subprocess.run(["ps", "-A", "-o", "ppid=,args="], capture_output=True, text=True, check=True).stdout
    found = (line.split(None, 1) for line in listed.splitlines())
    return [words for parent, words in found if parent == str(process) and "forkserver" in words]


def test_ctrl_c_while_linting_is_said_once_and_by_the_command_alone() -> None:
    with subprocess.Popen(
        [sys.executable, "build.py", "lint"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        while not helpers(process.pid):
            assert process.poll() is None
        # As a terminal does: to every process of the foreground.
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate()
    assert (process.returncode, out) == (130, "")
    assert err == "Interrupted; running the same command again is safe.\n"
