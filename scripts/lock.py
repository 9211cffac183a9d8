"""Write ``Pipfile.lock`` anew: the newest versions that ``Pipfile`` allows, with nothing of this machine in it.

Run it as ``python scripts/lock.py`` in the project's environment. pipenv records in a lock which registry it asked, and
for each package by which of them it was found. Neither belongs to the project: where packages come from is pip's
configuration on the machine that installs, and the hashes say what they must be. So both are left out. So is what
packages ask for that are opened for the files in them and never imported.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

PROJECT_ROOT = Path(__file__).resolve().parents[1]

UNIMPORTED: Final = {
    "scanners": frozenset(
        {
            "aws-cdk-lib",
            "aws-cdk.asset-awscli-v1",
            "aws-cdk.asset-node-proxy-agent-v6",
            "aws-cdk.cloud-assembly-schema",
            "cattrs",
            "constructs",
            "jsii",
            "publication",
            "typeguard",
        }
    )
}
"""By category, what only packages need that are never imported: the AWS CDK, 280 MB, below the scanners' rules."""


def without_registries(lock: dict[str, Any]) -> dict[str, Any]:
    """Return pipenv's lock with an empty list of sources, no package that names one, and none of `UNIMPORTED`."""
    stripped: dict[str, Any] = {"_meta": {**lock["_meta"], "sources": []}}
    for category, packages in lock.items():
        if category != "_meta":
            stripped[category] = {
                name: {key: value for key, value in package.items() if key != "index"}
                for name, package in packages.items()
                if name not in UNIMPORTED.get(category, ())
            }
    return stripped


def resolve(pipfile: Path) -> dict[str, Any]:
    """Return what pipenv locks for a Pipfile, all categories. Raises CalledProcessError when it finds no solution."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(pipfile, folder)
        # VIRTUAL_ENV makes pipenv resolve for the interpreter that runs this, instead of making an environment.
        environment = {**os.environ, "VIRTUAL_ENV": sys.prefix, "PIPENV_VERBOSITY": "-1"}
        subprocess.run([sys.executable, "-m", "pipenv", "lock"], cwd=folder, env=environment, check=True)
        lock: dict[str, Any] = json.loads(Path(folder, "Pipfile.lock").read_text(encoding="utf-8"))
    return lock


def main() -> int:
    """Lock the project and return the exit status: 0, or pipenv's own when it refused."""
    try:
        lock = without_registries(resolve(PROJECT_ROOT / "Pipfile"))
    except subprocess.CalledProcessError as error:
        print("Pipfile could not be locked; Pipfile.lock is as it was. pipenv says why above.", file=sys.stderr)
        return error.returncode
    new = PROJECT_ROOT / "Pipfile.lock.new"
    new.write_text(json.dumps(lock, indent=4, sort_keys=True) + "\n", encoding="utf-8")
    new.replace(PROJECT_ROOT / "Pipfile.lock")
    return 0


if __name__ == "__main__":
    sys.exit(main())
