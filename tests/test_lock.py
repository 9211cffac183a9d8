"""The lock holds what every environment installs, by hash, and nothing of the machine that made it."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from scripts import lock as lock_script

ROOT = Path(__file__).resolve().parents[1]
PIPFILE = tomllib.loads((ROOT / "Pipfile").read_text(encoding="utf-8"))
LOCK_TEXT = (ROOT / "Pipfile.lock").read_text(encoding="utf-8")
LOCK: dict[str, Any] = json.loads(LOCK_TEXT)

# How a category is called in Pipfile, and in Pipfile.lock.
CATEGORIES = {"packages": "default", "dev-packages": "develop"} | {
    name: name for name in ("server", "emulator", "clients", "scanners", "docs")
}


def canonical(name: str) -> str:
    """The one spelling of a distribution's name (Python packaging's rule for normalized names)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def test_lock_is_made_from_this_pipfile() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PIPENV_")}
    environment["VIRTUAL_ENV"] = sys.prefix
    verified = subprocess.run(
        [sys.executable, "-m", "pipenv", "verify"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_every_category_is_locked() -> None:
    assert set(LOCK) == {"_meta", *CATEGORIES.values()}
    assert LOCK["_meta"]["requires"] == {"python_version": "3.11"}
    for section, category in CATEGORIES.items():
        assert {canonical(name) for name in PIPFILE[section]} <= set(LOCK[category])


def test_no_registry_is_named() -> None:
    assert "source" not in PIPFILE
    assert LOCK["_meta"]["sources"] == []
    assert not [name for name, package in all_packages() if "index" in package]
    for file in ("Pipfile", "Pipfile.lock"):
        assert not re.findall(r"\w+://|\bwww\.|\b[\w-]+\.(?:org|com|net|io|dev)\b", (ROOT / file).read_text())


def all_packages() -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{category}/{name}", package)
        for category, packages in LOCK.items()
        if category != "_meta"
        for name, package in packages.items()
    ]


def test_every_package_is_one_version_with_hashes() -> None:
    loose = [
        name
        for name, package in all_packages()
        if not re.fullmatch(r"==\d[\w.!+-]*", package.get("version", ""))
        or not package.get("hashes")
        or not all(re.fullmatch(r"sha256:[0-9a-f]{64}", value) for value in package["hashes"])
        or not set(package) <= {"extras", "hashes", "markers", "version"}
    ]
    assert not loose


def test_categories_of_one_environment_agree() -> None:
    """The command line's and the developer's packages share an environment, but each category is locked by itself."""
    default, develop = LOCK["default"], LOCK["develop"]
    differing = {
        name for name in default.keys() & develop.keys() if default[name]["version"] != develop[name]["version"]
    }
    assert not differing


def test_two_botocore_versions_stand_in_one_lock() -> None:
    """The emulator pins its own; without `use_default_constraints = false` the command line would have to follow.

    When the two are equal one day, the setting and this test may go.
    """
    assert PIPFILE["pipenv"] == {"use_default_constraints": False}
    assert LOCK["default"]["botocore"]["version"] != LOCK["emulator"]["botocore"]["version"]


def test_server_is_tested_with_the_versions_it_ships() -> None:
    """The tests speak to it with FastMCP's client from the developer's packages."""
    assert LOCK["server"]["fastmcp-slim"]["version"] == LOCK["develop"]["fastmcp-slim"]["version"]


def test_readme_installs_the_pipenv_that_is_locked() -> None:
    """Another one would replace itself in the middle of its own work."""
    versions = re.findall(r"pip install pipenv(\S*)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert versions
    assert set(versions) == {LOCK["develop"]["pipenv"]["version"]}


def test_registries_are_stripped_and_nothing_else() -> None:
    package = {"version": "==1.0", "hashes": ["sha256:00"], "markers": "python_version >= '3.9'"}
    meta = {"hash": {"sha256": "ab"}, "pipfile-spec": 6}
    locked = {
        "_meta": {**meta, "sources": [{"name": "one"}]},
        "default": {"a": {**package, "index": "one"}},
        "server": {},
    }
    stripped = lock_script.without_registries(locked)
    assert stripped == {"_meta": {**meta, "sources": []}, "default": {"a": package}, "server": {}}


def test_lock_is_kept_when_pipenv_finds_no_solution(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "Pipfile").write_text("this is not a Pipfile")
    (tmp_path / "Pipfile.lock").write_text("as it was")
    monkeypatch.setattr(lock_script, "PROJECT_ROOT", tmp_path)
    assert lock_script.main() != 0
    assert (tmp_path / "Pipfile.lock").read_text() == "as it was"
    assert "Pipfile.lock is as it was" in capfd.readouterr().err
