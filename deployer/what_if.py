"""A configuration in which some settings are other than in its file, for questions that change nothing."""

import copy
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from deployer.errors import UsageError
from deployer.sections import VARIABLE
from deployer.settings import Settings, in_home_region, load, parse

OPTION: Final = "--what-if"


def supposed(file: Path, wishes: Sequence[str], home_region: str = "") -> tuple[Settings, Settings]:
    """Returns the configuration of a file, and the same with the `section.key=value` of every wish for all targets.

    `home_region` takes the place of the file's where it is given. Raises UsageError where the file is wrong, where a
    wish names no setting of a runtime, or where the whole does not fit together.
    """
    settings = _at_home(load(file), home_region)
    if not wishes:
        return settings, settings
    document = copy.deepcopy(tomllib.loads(file.read_text(encoding="utf-8-sig")))
    for wish in wishes:
        _apply(document, wish)
    return settings, _at_home(parse(document, OPTION), home_region)


def _at_home(settings: Settings, region: str) -> Settings:
    return in_home_region(settings, region) if region else settings


def _apply(document: dict[str, Any], wish: str) -> None:
    name, equals, text = wish.partition("=")
    section, dot, key = name.strip().partition(".")
    if not equals or not dot or section not in VARIABLE:
        raise UsageError(
            f"{OPTION} {wish!r} is not section.key=value; the sections are {', '.join(VARIABLE)}, for example"
            " compute.min_tasks=3."
        )
    document.setdefault(section, {})[key] = _value(text.strip())
    for target in document.get("targets", ()):
        overrides = target.get("overrides", {}).get(section) if isinstance(target, Mapping) else None
        if overrides:
            overrides.pop(key, None)


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
