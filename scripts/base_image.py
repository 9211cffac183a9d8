"""Makes a stand-in for the base image of the Dockerfile out of Debian packages, where no image registry can be reached.

Run it as ``python -m scripts.base_image``; it needs root, mmdebstrap and podman. The official image of Python is Debian
with Python on top; so is this one: the same Debian release and the same Python minor version, but Debian's build of it
and Debian's pip. It is imported under the base image's own name, so that the Dockerfile builds as it is. An image that
has the name already is left alone: the real one is always the better one.

Like the official image it holds no bytecode: that one's build removes every ``.pyc`` of the standard library
(docker-library/python, ``Dockerfile-linux.template`` and issue 615), which a start on a read-only file system then
compiles again. It trusts the authorities that this machine trusts, so that a build reaches what the machine reaches.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parents[1]
CACHE = PROJECT_ROOT / ".local" / "container"
PACKAGES = ("ca-certificates", "python-is-python3", "python3", "python3-pip")
WITHOUT_BYTECODE = 'find "$1/usr/lib" -name "*.pyc" -delete'
"""A hook of mmdebstrap: the shell gets the folder of the new system as its first argument."""
AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")

_DEFAULT_BASE = re.compile(r"^ARG PYTHON_IMAGE=(\S+:(\d+\.\d+)-slim-([a-z]+))$", re.MULTILINE)


class BaseImageFailure(Exception):
    """There is no stand-in to be had here; the message is one sentence that says why."""


@dataclass(frozen=True)
class Base:
    """The base image that a Dockerfile names, with what the name promises."""

    name: str
    python: str
    release: str


def base_of(dockerfile: str) -> Base:
    """Return the base image of a Dockerfile's text. Raises BaseImageFailure where it is not a slim image of Python."""
    found = _DEFAULT_BASE.search(dockerfile)
    if found is None:
        raise BaseImageFailure(
            "The Dockerfile has no PYTHON_IMAGE of the form NAME:X.Y-slim-RELEASE; correct one of both."
        )
    return Base(found[1], found[2], found[3])


def provide(base: Base, podman: Sequence[str], cache: Path = CACHE) -> bool:
    """Make `base` known to `podman` (the command with its global options); return whether a stand-in was made.

    The archive of the Debian packages is kept in `cache`. Raises BaseImageFailure where a tool, a permission or the
    packages are not there, or where the release's Python is another than the name says.
    """
    if _run([*podman, "image", "exists", base.name]).returncode == 0:
        return False
    archive = _archive(base, cache)
    done = _run([*podman, "import", "--change", 'CMD ["python3"]', str(archive), base.name])
    if done.returncode:
        raise BaseImageFailure(f"podman could not import the stand-in for {base.name}: {_last_line(done.stderr)}")
    return True


def _archive(base: Base, cache: Path) -> Path:
    for tool in ("mmdebstrap", "tar"):
        if shutil.which(tool) is None:
            raise BaseImageFailure(f"{tool} is not installed; it makes the stand-in for {base.name}.")
    trusted = [f"--customize-hook=copy-in {AUTHORITIES} {AUTHORITIES.parent}"] if AUTHORITIES.exists() else []
    recipe = hashlib.sha256("\n".join((base.release, *PACKAGES, WITHOUT_BYTECODE, *trusted)).encode()).hexdigest()[:12]
    archive = cache / f"base-{base.release}-{recipe}.tar"
    if not archive.exists():
        cache.mkdir(parents=True, exist_ok=True)
        partial = archive.with_suffix(f".{os.getpid()}.tar")
        command = ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(PACKAGES)}"]
        done = _run([*command, f"--customize-hook={WITHOUT_BYTECODE}", *trusted, base.release, str(partial)])
        if done.returncode:
            partial.unlink(missing_ok=True)
            raise BaseImageFailure(f"mmdebstrap could not install Debian {base.release}: {_last_line(done.stderr)}")
        partial.replace(archive)
    if f"./usr/bin/python{base.python}" not in _run(["tar", "--list", "--file", str(archive)]).stdout.splitlines():
        raise BaseImageFailure(f"Debian {base.release} has no Python {base.python}, which {base.name} promises.")
    return archive


def _run(command: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    except OSError as error:
        raise BaseImageFailure(f"{command[0]} cannot be started: {error.strerror}.") from error


def _last_line(output: str) -> str:
    return (output.strip().splitlines() or ["it gave no reason"])[-1]


def main() -> int:
    """Make the stand-in in podman's own storage and return the exit status: 0, or 1 where there is none to be had."""
    try:
        base = base_of((PROJECT_ROOT / "Dockerfile").read_text(encoding="utf-8"))
        made = provide(base, ["podman"])
    except BaseImageFailure as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{base.name}: {'a stand-in of Debian packages' if made else 'was there already'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
