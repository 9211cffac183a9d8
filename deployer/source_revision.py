"""What the source tree is called by its tags."""

import subprocess
from pathlib import Path

from deployer.environments import PROJECT_ROOT
from deployer.errors import UsageError


def described(root: Path = PROJECT_ROOT) -> str:
    """Returns the tree's name by its last tag, as `git describe` makes it, such as v1.2.0 or v1.2.0-4-gabcdef0-dirty.

    Raises UsageError where there is no git, no repository or no commit.
    """
    try:
        done = subprocess.run(
            ["git", "describe", "--tags", "--always", "--dirty"], cwd=root, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise UsageError(
            "Git does not name a release of this tree; give one with --release, such as --release v1.2.0."
        ) from error
    return done.stdout.strip()
