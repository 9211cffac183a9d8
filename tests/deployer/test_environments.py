"""The environments of the server and the emulator: real ones, from wheels that the tests make, without a network."""

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deployer.environments import PROJECT_ROOT, EnvironmentFailure, ensure, requirements


def make_wheel(folder: Path, name: str, version: str) -> str:
    """Put a wheel that holds one module into a folder and return its hash as a lock writes it."""
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": f"VERSION = {version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    lines = []
    for file, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content.encode()).digest()).rstrip(b"=").decode()
        lines.append(f"{file},sha256={digest},{len(content)}\n")
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for file, content in files.items():
            wheel.writestr(file, content)
        wheel.writestr(f"{info}/RECORD", "".join(lines) + f"{info}/RECORD,,\n")
    return "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()


@dataclass(frozen=True)
class Project:
    """A folder with a lock, and with the wheels that the lock names."""

    root: Path
    wheels: Path

    def lock(self, **categories: dict[str, Any]) -> None:
        self.root.mkdir(exist_ok=True)
        (self.root / "Pipfile.lock").write_text(json.dumps({"_meta": {"sources": []}, **categories}))

    def package(self, name: str, version: str = "1.0", **more: Any) -> dict[str, Any]:
        return {name: {"version": f"=={version}", "hashes": [make_wheel(self.wheels, name, version)], **more}}

    def made(self) -> list[str]:
        folder = self.root / ".local" / "environments"
        return sorted(path.name.partition("-")[0] for path in folder.iterdir() if path.is_dir())


@pytest.fixture(scope="module")
def offline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder that is all that pip knows of."""
    wheels = tmp_path_factory.mktemp("wheels")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("PIP_")]:
            patch.delenv(name)
        patch.setenv("PIP_CONFIG_FILE", os.devnull)
        patch.setenv("PIP_NO_INDEX", "1")
        patch.setenv("PIP_FIND_LINKS", str(wheels))
        yield wheels


@pytest.fixture
def project(tmp_path: Path, offline: Path) -> Project:
    return Project(tmp_path / "project", offline)


def run(interpreter: Path, code: str) -> str:
    return subprocess.run([interpreter, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def asking_process(project: Project, before: str = "pass") -> subprocess.Popen[str]:
    """Start a process that asks for the category, prints what it is told, then the interpreter; told `line`, it first
    does what `before` says.
    """
    code = (
        "import os, sys\nfrom pathlib import Path\nfrom deployer.environments import ensure\n"
        f"def tell(line):\n    print(line, flush=True)\n    {before}\n"
        "print(ensure('server', tell, root=Path(sys.argv[1])))\n"
    )
    command = [sys.executable, "-c", code, str(project.root)]
    return subprocess.Popen(command, cwd=PROJECT_ROOT, stdout=subprocess.PIPE, text=True)


def test_environment_holds_one_category_and_nothing_else(project: Project) -> None:
    elsewhere = project.package("only_on_old_python", markers="python_version < '3'")
    project.lock(server={**project.package("served", "1.5"), **elsewhere}, emulator=project.package("emulated"))
    told: list[str] = []
    interpreter = ensure("server", told.append, root=project.root)
    assert interpreter.is_absolute()
    assert run(interpreter, "import served; print(served.VERSION)") == "1.5"
    listing = "from importlib.metadata import distributions; print(*sorted(d.name for d in distributions()))"
    assert set(run(interpreter, listing).split()) - {"pip", "setuptools"} == {"served"}
    assert told == ["making the server environment", "installing the packages of the server environment"]

    told.clear()
    assert ensure("server", told.append, root=project.root) == interpreter
    assert told == []

    project.lock(server=project.package("served", "1.6"))
    renewed = ensure("server", root=project.root)
    assert renewed != interpreter
    assert run(renewed, "import served; print(served.VERSION)") == "1.6"


def test_damaged_or_moved_environment_is_made_anew(project: Project) -> None:
    project.lock(server=project.package("served"))
    interpreter = ensure("server", root=project.root)

    def remade(project: Project) -> bool:
        told: list[str] = []
        interpreter = ensure("server", told.append, root=project.root)
        assert run(interpreter, "import served; print(served.VERSION)") == "1.0"
        return bool(told)

    assert not remade(project)
    shutil.rmtree(next(interpreter.parents[1].glob("lib/*/site-packages/served-1.0.dist-info")))
    assert remade(project)
    interpreter.unlink()
    assert remade(project)
    moved = Project(project.root.rename(project.root.with_name("moved")), project.wheels)
    assert remade(moved)
    assert not remade(moved)


def test_environment_that_is_reached_through_a_link_is_the_same(project: Project, tmp_path: Path) -> None:
    project.lock(server=project.package("served"))
    ensure("server", root=project.root)
    link = tmp_path / "link"
    link.symlink_to(project.root)
    told: list[str] = []
    ensure("server", told.append, root=link)
    ensure("server", told.append, root=project.root)
    assert told == []


def test_processes_that_ask_at_once_make_it_once(project: Project) -> None:
    project.lock(server=project.package("served"))
    processes = [asking_process(project) for _ in range(3)]
    outputs = [process.communicate()[0].splitlines() for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert len({lines[-1] for lines in outputs}) == 1
    assert sum(line.startswith("making") for lines in outputs for line in lines) == 1
    assert run(Path(outputs[0][-1]), "import served; print(served.VERSION)") == "1.0"


def test_who_asks_later_is_told_of_the_wait(project: Project) -> None:
    project.lock(server=project.package("served"))
    go_on = project.root / "go-on"
    first = asking_process(project, f"import time\n    while not os.path.exists({str(go_on)!r}): time.sleep(0.01)")
    assert first.stdout is not None
    assert first.stdout.readline().startswith("making")
    second = asking_process(project)
    assert second.stdout is not None
    assert second.stdout.readline() == "waiting for another process that makes the server environment\n"
    go_on.touch()
    assert second.communicate()[0].splitlines() == first.communicate()[0].splitlines()[-1:]


def test_half_made_environment_of_a_killed_process_is_made_anew(project: Project) -> None:
    project.lock(server=project.package("served"))
    killed = asking_process(project, "if line.startswith('installing'): os.kill(os.getpid(), 9)")
    assert "installing" in killed.communicate()[0]
    assert project.made() == ["server"]
    interpreter = ensure("server", root=project.root)
    assert run(interpreter, "import served; print(served.VERSION)") == "1.0"


def test_interrupted_making_leaves_nothing(project: Project) -> None:
    project.lock(server=project.package("served"))

    def interrupt(line: str) -> None:
        if line.startswith("installing"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ensure("server", interrupt, root=project.root)
    assert project.made() == []


def test_package_of_another_content_is_refused(project: Project) -> None:
    package = project.package("served")
    package["served"]["hashes"] = ["sha256:" + "0" * 64]
    project.lock(server=package)
    with pytest.raises(EnvironmentFailure, match=r"^pip could not install the server packages .*; check .* again\.$"):
        ensure("server", root=project.root)
    assert project.made() == []


def test_folder_that_cannot_be_written_is_named(project: Project) -> None:
    project.lock(server=project.package("served"))
    (project.root / ".local").write_text("a file where the folder should be")
    with pytest.raises(EnvironmentFailure, match=r"The server environment could not be made in .*\.local/environments"):
        ensure("server", root=project.root)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "Pipfile.lock cannot be read as a lock"),
        ("{", "Pipfile.lock cannot be read as a lock"),
        ("[]", "Pipfile.lock cannot be read as a lock"),
        ('{"server": 3}', "Pipfile.lock cannot be read as a lock"),
        ('{"_meta": {}, "default": {}}', "has no category 'server'; choose one of default."),
        ('{"server": {"a": {"version": "==1"}}}', "a in category 'server' of Pipfile.lock has no exact version"),
        ('{"server": {"a": {"version": ">1", "hashes": ["sha256:0"]}}}', "has no exact version with hashes"),
        ('{"server": {"a": {"git": "somewhere"}}}', "has no exact version with hashes"),
    ],
)
def test_unusable_lock_is_explained(tmp_path: Path, content: str | None, message: str) -> None:
    if content is not None:
        (tmp_path / "Pipfile.lock").write_text(content)
    with pytest.raises(EnvironmentFailure) as failure:
        ensure("server", root=tmp_path)
    assert message in str(failure.value)
    assert "\n" not in str(failure.value)
    assert not (tmp_path / ".local").exists()


def test_requirements_carry_extras_markers_and_every_hash(tmp_path: Path) -> None:
    packages = {
        "b": {"version": "==2", "hashes": ["sha256:2"], "extras": ["x", "y"], "markers": "python_version >= '3.9'"},
        "a": {"version": "==1", "hashes": ["sha256:0", "sha256:1"]},
    }
    (tmp_path / "Pipfile.lock").write_text(json.dumps({"server": packages}))
    assert requirements("server", root=tmp_path) == (
        "a==1 \\\n    --hash=sha256:0 \\\n    --hash=sha256:1\n"
        "b[x,y]==2 ; python_version >= '3.9' \\\n    --hash=sha256:2\n"
    )
