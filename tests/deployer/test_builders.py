"""Builders of this machine: asked for real, fed their password on standard input, explained when they fail."""

import json
import stat
import sys
from pathlib import Path

import pytest

from deployer.build_context import BuildContext, ContextFile
from deployer.builders import BUILDERS, Builder, Login, first_that_answers, words
from deployer.errors import RefusedError

PASSWORD = "the-password-of-the-registry"
HOST = "111111111111.dkr.ecr.us-east-1.amazonaws.com"
CONTEXT = BuildContext((ContextFile("Dockerfile", b"FROM scratch\n", False),), "arm64")
IMAGE = f"{HOST}/r:{CONTEXT.tag}"
PROGRAM = f"""#!{sys.executable}
import json, os, pathlib, sys
told = {{
    "words": sys.argv[1:],
    "input": sys.stdin.read(),
    "dockerfile": pathlib.Path(sys.argv[-1], "Dockerfile").exists() if sys.argv[1] == "build" else None,
    "attestations": os.environ.get("BUILDX_NO_DEFAULT_ATTESTATIONS"),
}}
with open(__file__ + ".log", "a") as log:
    log.write(json.dumps(told) + "\\n")
answers = json.loads(pathlib.Path(__file__ + ".answers").read_text())
text, status = answers.get(sys.argv[1], ["", 0])
print(text, file=sys.stderr if status else sys.stdout)
sys.exit(status)
"""


class Fake:
    """A program that notes how it is called and answers as it is told."""

    def __init__(self, folder: Path, **answers: tuple[str, int]) -> None:
        self.path = folder / "builder"
        self.path.write_text(PROGRAM)
        self.path.chmod(self.path.stat().st_mode | stat.S_IXUSR)
        Path(f"{self.path}.answers").write_text(json.dumps(answers))

    @property
    def calls(self) -> "list[dict[str, object]]":
        return [json.loads(line) for line in Path(f"{self.path}.log").read_text().splitlines()]

    def words(self) -> "list[list[str]]":
        found = []
        for call in self.calls:
            assert isinstance(call["words"], list)
            found.append([str(word) for word in call["words"]])
        return found


def push(builder: Builder, said: "list[str] | None" = None) -> None:
    builder.build_and_push(CONTEXT, "r", Login(HOST, PASSWORD), (said if said is not None else []).append)


def test_docker_builds_signs_in_pushes_and_signs_out(tmp_path: Path) -> None:
    fake = Fake(tmp_path, build=("step 1\n\nstep 2", 0))
    said: list[str] = []
    push(Builder(str(fake.path), ("version",)), said)
    build, login, pushed, logout = fake.words()
    assert build[:5] == ["build", "--platform", "linux/arm64", "--tag", IMAGE]
    assert fake.calls[0]["dockerfile"] is True and fake.calls[0]["attestations"] == "1"
    assert login == ["login", "--username", "AWS", "--password-stdin", HOST]
    assert pushed == ["push", IMAGE]
    assert logout == ["logout", HOST]
    assert said == ["step 1", "step 2"]


def test_finch_is_told_which_platform_to_push(tmp_path: Path) -> None:
    fake = Fake(tmp_path)
    push(Builder(str(fake.path), ("info",), pushes_platform=True))
    assert ["push", "--platform", "linux/arm64", IMAGE] in fake.words()


@pytest.mark.parametrize("own_login_file", [True, False])
def test_password_is_told_on_standard_input_alone(tmp_path: Path, own_login_file: bool) -> None:
    fake = Fake(tmp_path)
    said: list[str] = []
    push(Builder(str(fake.path), ("version",), own_login_file), said)
    assert [call["input"] for call in fake.calls if call["input"]] == [PASSWORD]
    assert PASSWORD not in json.dumps(fake.words()) + "".join(said)


def test_podman_signs_in_to_a_file_of_this_build(tmp_path: Path) -> None:
    fake = Fake(tmp_path)
    push(Builder(str(fake.path), ("info",), own_login_file=True))
    build, login, pushed = fake.words()
    assert build[3:5] == ["--format", "docker"]
    assert login[1] == pushed[1] == "--authfile" and login[2] == pushed[2]
    assert not Path(login[2]).parent.exists()
    assert "--tls-verify=false" not in pushed


@pytest.mark.parametrize(
    ("failing", "text", "sentence"),
    [
        ("build", "downloading\nERROR: no such base image.", "could not build the image: ERROR: no such base image."),
        ("login", "Error response: 400 Bad Request", "could not sign in to the registry: Error response: 400 Bad"),
        ("push", "denied: not authorized", f"could not push {IMAGE}: denied: not authorized."),
        ("build", "", "could not build the image: it did not say why."),
    ],
)
def test_failure_is_told_in_the_builders_words(tmp_path: Path, failing: str, text: str, sentence: str) -> None:
    fake = Fake(tmp_path, **{failing: (text, 3)})
    with pytest.raises(RefusedError) as refused:
        push(Builder(str(fake.path), ("version",)))
    assert sentence in str(refused.value)
    assert PASSWORD not in str(refused.value)
    assert [call[0] for call in fake.words()][-1] == ("logout" if failing == "push" else failing)


def test_builder_without_its_daemon_does_not_answer(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    silent = Builder(str(Fake(tmp_path / "a", version=("Cannot connect to the Docker daemon", 1)).path), ("version",))
    answering = Builder(str(Fake(tmp_path / "b", version=("28.2.2", 0)).path), ("version",))
    missing = Builder(str(tmp_path / "nothing"), ("version",))
    assert [builder.answers() for builder in (silent, answering, missing)] == [False, True, False]
    assert first_that_answers({"missing": missing, "silent": silent, "answering": answering}) is answering
    assert first_that_answers({"missing": missing, "silent": silent}) is None


def test_program_that_is_gone_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(
        RefusedError, match=r"could not build the image: No such file or directory; repair or reinstall"
    ):
        push(Builder(str(tmp_path / "nothing"), ("version",)))


def test_last_words_are_bounded() -> None:
    assert len(words(["error: " + "x" * 1000])) == 300


def test_docker_is_tried_first() -> None:
    assert list(BUILDERS) == ["docker", "finch", "podman", "buildah"]
