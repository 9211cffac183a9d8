"""What an image is built from: what .dockerignore admits, the same name for the same content."""

import io
import json
import os
import zipfile
from pathlib import Path

import pytest

from deployer.build_context import BuildContext, read
from deployer.errors import UsageError

ROOT = Path(__file__).resolve().parents[2]
LOCK = {"_meta": {"hash": {"sha256": "1"}}, "server": {"fastmcp": {"version": "==4"}}, "develop": {"ruff": {}}}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for path, text in {
        "Dockerfile": "FROM scratch\n",
        ".dockerignore": "*\n!Pipfile.lock\n!deployer/environments.py\n!server\n**/__pycache__\n**/*.pyc\n",
        "Pipfile.lock": json.dumps(LOCK),
        "deployer/environments.py": "",
        "deployer/aws.py": "",
        "server/__main__.py": "print('served')\n",
        "server/tools/echo.py": "",
        "server/tools/echo.pyc": "",
        "server/__pycache__/x": "",
        ".git/config": "",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path


def paths(context: BuildContext) -> list[str]:
    return [file.path for file in context.files]


def test_context_is_what_the_ignore_file_admits(root: Path) -> None:
    assert paths(read(root, "amd64")) == [
        "Dockerfile",
        "Pipfile.lock",
        "deployer/environments.py",
        "server/__main__.py",
        "server/tools/echo.py",
    ]


@pytest.mark.parametrize(
    ("patterns", "left_out"),
    [
        ("server/tools", {"server/tools/echo.py", "server/tools/echo.pyc"}),
        ("/server/tools/", {"server/tools/echo.py", "server/tools/echo.pyc"}),
        ("server/*.py", {"server/__main__.py"}),
        ("**/*.py", {"deployer/environments.py", "deployer/aws.py", "server/__main__.py", "server/tools/echo.py"}),
        ("*/*/echo.py?", {"server/tools/echo.pyc"}),
        ("server/**/echo.py[a-d]\n# server", {"server/tools/echo.pyc"}),
        ("server\n!server/tools/*.pyc", {"server/__main__.py", "server/tools/echo.py", "server/__pycache__/x"}),
        ("Dockerfile", set()),
    ],
)
def test_patterns_mean_what_docker_means(root: Path, patterns: str, left_out: set[str]) -> None:
    (root / ".dockerignore").write_text("")
    everything = set(paths(read(root, "amd64")))
    (root / ".dockerignore").write_text(patterns)
    assert everything - set(paths(read(root, "amd64"))) == left_out


def test_project_is_built_from_little() -> None:
    found = paths(read(ROOT, "amd64"))
    assert {"Dockerfile", "Pipfile.lock", "deployer/environments.py", "server/__main__.py"} <= set(found)
    assert all(
        path.startswith("server/") or path in ("Dockerfile", "Pipfile.lock", "deployer/environments.py")
        for path in found
    )


def test_same_source_bears_the_same_tag_anywhere(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    before = read(root, "amd64")
    other = tmp_path_factory.mktemp("elsewhere")
    before.write(other)
    (other / ".dockerignore").write_text((root / ".dockerignore").read_text())
    (other / "Dockerfile").chmod(0o600)
    os.utime(other / "Dockerfile", (0, 0))
    (other / "Pipfile.lock").write_text(json.dumps({**LOCK, "develop": {"ruff": {"version": "==9"}}}))
    assert read(other, "amd64").tag == before.tag
    assert before.tag.startswith("amd64-") and len(before.tag) == len("amd64-") + 16


@pytest.mark.parametrize("change", ["content", "name", "lock", "dockerfile", "mode", "architecture"])
def test_whatever_builds_differently_bears_another_tag(root: Path, change: str) -> None:
    before = read(root, "amd64").tag
    if change == "content":
        (root / "server" / "__main__.py").write_text("print('changed')\n")
    elif change == "name":
        (root / "server" / "tools" / "echo.py").rename(root / "server" / "tools" / "echo2.py")
    elif change == "lock":
        (root / "Pipfile.lock").write_text(json.dumps({**LOCK, "server": {"fastmcp": {"version": "==5"}}}))
    elif change == "dockerfile":
        (root / "Dockerfile").write_text("FROM other\n")
    elif change == "mode":
        (root / "server" / "__main__.py").chmod(0o755)
    assert read(root, "arm64" if change == "architecture" else "amd64").tag != before


def test_archive_holds_the_files_and_nothing_of_this_machine(root: Path) -> None:
    context = read(root, "amd64")
    with zipfile.ZipFile(io.BytesIO(context.archive())) as archive:
        assert archive.namelist() == paths(context)
        assert archive.read("server/__main__.py") == b"print('served')\n"
        assert json.loads(archive.read("Pipfile.lock")) == {"server": LOCK["server"]}
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {entry.external_attr >> 16 for entry in archive.infolist()} == {0o100644}
    assert context.archive() == read(root, "amd64").archive()


def test_missing_dockerfile_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"The image's source in .* cannot be read .*Dockerfile.*; restore it\."):
        read(tmp_path, "amd64")
