"""cfn-lint with its rules loaded, for the processes that `deployer.linting` starts; importing it takes half a second.

Garbage collection is off from here on: what cfn-lint loads stays in use until the process ends, so that collecting it
takes a fifth of the time and frees nothing.
"""

import gc
from collections.abc import Sequence
from typing import Any, Final

gc.disable()

from cfnlint.config import ConfigMixIn, ManualArgs  # noqa: E402  # loaded without collection
from cfnlint.exceptions import InvalidRegionException  # noqa: E402  # as above
from cfnlint.runner import Runner  # noqa: E402  # as above
from cfnlint.runner.template import run_template_by_file_paths  # noqa: E402  # as above

RULES: Final[Any] = Runner(ConfigMixIn([])).rules
"""Loaded once and shared by all templates, as cfn-lint's own command does."""


def matches(path: str, regions: Sequence[str], ignored: Sequence[str]) -> list[Any]:
    """Returns cfn-lint's matches in a file, informational ones among them, without the `ignored` checks.

    Raises `ValueError` where cfn-lint does not know a Region.
    """
    arguments = ManualArgs(include_checks=["I"], ignore_checks=list(ignored), regions=list(regions))
    try:
        return list(run_template_by_file_paths(ConfigMixIn(["--template", path], **arguments), RULES))
    except InvalidRegionException as error:
        message = f"cfn-lint does not know one of the Regions {', '.join(regions)}: correct the targets."
        raise ValueError(message) from error
