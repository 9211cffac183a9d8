"""Virtual environments for the parts of the project whose packages cannot stand beside the command line's own.

The emulator pins another botocore than the command line, and the server runs with nothing but what its container has.
Each is a category of ``Pipfile.lock`` and gets an environment of its own below ``.local/environments``, made on first
use from the lock's hashes. Only the standard library is used here.
"""

import fcntl
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

PROJECT_ROOT = Path(__file__).resolve().parents[1]

_MARKER = "complete.json"

Progress = Callable[[str], None]


class EnvironmentFailure(Exception):
    """An environment could not be made; the message is one sentence that says what, where and what to do."""


def ensure(category: str, progress: Progress | None = None, *, root: Path = PROJECT_ROOT) -> Path:
    """Return the interpreter of the environment that holds exactly one category of the lock, making it if needed.

    Takes the category's name in ``Pipfile.lock`` (``server``, ``emulator``) and, optionally, a function that is told
    in one short line what is being waited for. Returns the absolute path of the environment's ``python``. Calling it
    again is cheap; an environment that is half-made, damaged or was moved is made anew; processes that ask at the
    same time wait for one of them to make it. Raises EnvironmentFailure, after which no half-made environment stays.
    """
    listing = requirements(category, root=root)
    directory = root / ".local" / "environments" / f"{category}-{_fingerprint(listing)}"
    interpreter = _interpreter(directory)
    if _is_whole(directory):
        return interpreter
    report = progress or _silent
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        with _locked(directory.with_suffix(".lock"), category, report):
            if not _is_whole(directory):
                _make(directory, category, listing, report)
    except OSError as error:
        raise EnvironmentFailure(
            f"The {category} environment could not be made in {directory}: {error.strerror or error}; "
            "free the space or the permission it needs and run the command again."
        ) from error
    return interpreter


def requirements(category: str, *, root: Path = PROJECT_ROOT) -> str:
    """Return one category of ``Pipfile.lock`` as a pip requirements file with hashes and environment markers.

    Raises EnvironmentFailure when the lock is missing, unreadable, lacks the category, or holds a package that is not
    pinned to one version with hashes.
    """
    lines = []
    for name, package in sorted(_locked_packages(category, root).items()):
        version, hashes = package.get("version", ""), package.get("hashes", ())
        if not version.startswith("==") or not hashes:
            raise EnvironmentFailure(
                f"{name} in category {category!r} of Pipfile.lock has no exact version with hashes; lock again."
            )
        extras = f"[{','.join(package['extras'])}]" if package.get("extras") else ""
        marker = f" ; {package['markers']}" if package.get("markers") else ""
        lines.append(" \\\n    ".join([f"{name}{extras}{version}{marker}", *(f"--hash={value}" for value in hashes)]))
    return "\n".join(lines) + "\n"


def locked_version(category: str, package: str, *, root: Path = PROJECT_ROOT) -> str:
    """Return the version of one package of a category of ``Pipfile.lock``, such as ``1.7.0``.

    Raises EnvironmentFailure when the lock cannot be read or does not pin the package.
    """
    version = str(_locked_packages(category, root).get(package, {}).get("version", ""))
    if not version.startswith("=="):
        raise EnvironmentFailure(
            f"{package} has no exact version in category {category!r} of Pipfile.lock; lock again."
        )
    return version.removeprefix("==")


def _silent(_: str) -> None:
    """Tell nobody."""


def _locked_packages(category: str, root: Path) -> dict[str, Mapping[str, Any]]:
    lock = root / "Pipfile.lock"
    try:
        content = json.loads(lock.read_text(encoding="utf-8"))
        categories = {name: dict(packages) for name, packages in content.items() if name != "_meta"}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise EnvironmentFailure(
            f"{lock} cannot be read as a lock ({error}); restore it from version control."
        ) from error
    if category not in categories:
        raise EnvironmentFailure(f"{lock} has no category {category!r}; choose one of {', '.join(sorted(categories))}.")
    return categories[category]


def _fingerprint(listing: str) -> str:
    made_for = [platform.python_implementation(), platform.python_version(), platform.machine(), listing]
    return hashlib.sha256("\n".join(made_for).encode()).hexdigest()[:16]


def _interpreter(directory: Path) -> Path:
    return directory / "bin" / "python"


def _distributions(directory: Path) -> list[str]:
    return sorted(path.parent.name for path in directory.glob("lib/python*/site-packages/*.dist-info/RECORD"))


def _contents(directory: Path) -> dict[str, object]:
    # The path is part of it because an environment's scripts name their interpreter absolutely: a moved one is broken.
    # Through a symbolic link it is the same environment, which must not be made anew under whoever is using it.
    return {"directory": str(directory.resolve()), "distributions": _distributions(directory)}


def _is_whole(directory: Path) -> bool:
    try:
        recorded = json.loads((directory / _MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return bool(recorded == _contents(directory)) and os.access(_interpreter(directory), os.X_OK)


@contextmanager
def _locked(path: Path, category: str, report: Progress) -> Iterator[None]:
    with path.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report(f"waiting for another process that makes the {category} environment")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _make(directory: Path, category: str, listing: str, report: Progress) -> None:
    _remove(directory)
    try:
        report(f"making the {category} environment")
        _create(directory, category)
        report(f"installing the packages of the {category} environment")
        (directory / "requirements.txt").write_text(listing, encoding="utf-8")
        _install(directory, category)
        (directory / _MARKER).write_text(json.dumps(_contents(directory)), encoding="utf-8")
    except BaseException:
        _remove(directory)
        raise


def _remove(directory: Path) -> None:
    # The marker goes first: whoever looks meanwhile must not take the environment for whole.
    (directory / _MARKER).unlink(missing_ok=True)
    if directory.exists():
        shutil.rmtree(directory)


def _create(directory: Path, category: str) -> None:
    try:
        venv.EnvBuilder(with_pip=not _has_pip(), symlinks=True).create(directory)
    except subprocess.CalledProcessError as error:
        raise EnvironmentFailure(
            f"Python {platform.python_version()} could not make the {category} environment in {directory} because its "
            "venv and ensurepip modules are not complete; install them (on Debian and Ubuntu the package python3-venv) "
            "and run the command again."
        ) from error


def _has_pip() -> bool:
    """Whether this interpreter's pip can install into another environment, which then needs none of its own.

    pip takes `--python` since 22.3 (pip's news); putting pip into an environment takes most of the time of making one.
    """
    try:
        major, minor = metadata.version("pip").split(".")[:2]
    except metadata.PackageNotFoundError:
        return False
    return (int(major), int(minor)) >= (22, 3)


def _install(directory: Path, category: str) -> None:
    interpreter = str(_interpreter(directory))
    pip = (
        [sys.executable, "-I", "-m", "pip", "--python", interpreter] if _has_pip() else [interpreter, "-I", "-m", "pip"]
    )
    command = [*pip, "install", "--disable-pip-version-check", "--no-input"]
    command += ["--quiet", "--require-hashes", "--no-deps", "--requirement", str(directory / "requirements.txt")]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if result.returncode:
        raise EnvironmentFailure(
            f"pip could not install the {category} packages of Pipfile.lock into {directory}: {_cause(result.stderr)}; "
            "check that the package index that pip is configured with can be reached, and run the command again."
        )


def _cause(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR:").strip() for line in lines if line.startswith("ERROR:")]
    return (errors or lines or ["it gave no reason"])[-1].rstrip(".")
