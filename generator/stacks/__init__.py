"""How layers combine into the stacks that are launched."""

import copy
import functools
from typing import Any

from generator.rendering import ordered, to_yaml
from generator.stacks import catalog, deployer, foundation, runtime


def template_dicts() -> dict[str, dict[str, Any]]:
    """Returns every template as plain data, by the name of its file in `templates/`."""
    return copy.deepcopy(_made())


@functools.cache
def _made() -> dict[str, dict[str, Any]]:
    everything = runtime.nested() | runtime.flattened() | foundation.templates()
    everything |= deployer.templates() | catalog.templates()
    return {name: ordered(template) for name, template in everything.items()}


def templates() -> dict[str, str]:
    """Returns the text of every file in `templates/`, by name."""
    return {name: to_yaml(template) for name, template in _made().items()}
