"""[[access]] of the configuration: who may call which tool, held against the server's tools.

What it says becomes statements for the gateway's policy engine, which travel as values of the template's few access
parameters: what does not fit into these is a mistake of the configuration.
"""

import bisect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from deployer.errors import UsageError
from generator import parameters as p
from generator import serving, tool_access
from generator.tool_access import Grant, UnfitGrantError
from generator.tool_catalogue import FILE, Catalogue

KEYS: Final = ("principal", "tools")
CHECKED_IN: Final = Path(__file__).resolve().parents[1] / FILE


def grants(found: object, file: str) -> tuple[Grant, ...]:
    """Returns the [[access]] tables of a configuration file; raises UsageError naming `file` and the key."""
    if not isinstance(found, list):
        raise UsageError(f"{file}: access must be tables headed [[access]], with the keys {' and '.join(KEYS)}.")
    made: list[Grant] = []
    for number, table in enumerate(found, 1):
        made.append(_grant(table, f"{file}: access[{number}]"))
        first = next(at for at, one in enumerate(made, 1) if one.principal == made[-1].principal)
        if first < number:
            raise UsageError(
                f"{file}: access[{number}] repeats the principal of access[{first}]; give one of them all its tools."
            )
    return tuple(made)


def _grant(table: object, where: str) -> Grant:
    if not isinstance(table, Mapping):
        raise UsageError(f"{where} must be a table with the keys {' and '.join(KEYS)}.")
    if strangers := sorted(set(table) - set(KEYS)):
        raise UsageError(f"{where}.{strangers[0]} is not a setting; the keys here are {' and '.join(KEYS)}.")
    principal, tools = table.get("principal"), table.get("tools")
    if not isinstance(principal, str):
        raise UsageError(f'{where}.principal must be the ARN of who may call, in quotes, or "*".')
    if not isinstance(tools, list) or not tools or not all(isinstance(tool, str) for tool in tools):
        raise UsageError(f'{where}.tools must be a list of tool names such as ["echo"], or ["*"].')
    if twice := next((tool for tool in tools if tools.count(tool) > 1), None):
        raise UsageError(f"{where}.tools names {_shown(twice)} twice; remove one of the two.")
    try:
        tool_access.callers(principal)
    except UnfitGrantError as error:
        raise UsageError(f"{where}.principal = {_shown(principal)} {error}.") from error
    return Grant(principal, tuple(tools))


def statements(given: Sequence[Grant], catalogue: Catalogue | None, file: str) -> tuple[str, ...]:
    """Returns the statements that the grants make, one for each access parameter at most.

    `catalogue` are the server's tools; where it is None, those that are checked in. Raises UsageError for a tool that
    the server does not have, and where the statements are too many, saying how many tables fit.
    """
    if not given:
        return ()
    known = catalogue or checked_in()
    for number, grant in enumerate(given, 1):
        for tool in grant.tools:
            try:
                tool_access.granted([tool], known)
            except UnfitGrantError as error:
                raise UsageError(f"{file}: access[{number}].tools = {_shown(tool)} {error}.") from error
    room = len(p.ACCESS_STATEMENTS)
    made = tool_access.statements(given, known, serving.TARGET_NAME)
    if len(made) > room:
        fitting = (
            bisect.bisect_right(
                range(len(given)),
                room,
                key=lambda count: len(tool_access.statements(given[:count], known, serving.TARGET_NAME)),
            )
            - 1
        )
        raise UsageError(
            f"{file}: [[access]] takes {len(made)} statements of at most {tool_access.STATEMENT_BYTES} bytes, and the"
            f" templates carry {room}: its first {fitting} tables fit. Let principals have the same tools, so that they"
            " share a statement, or name them together with a *."
        )
    return made


def checked_in() -> Catalogue:
    """Returns the catalogue of the server's tools that is checked in; raises UsageError where it cannot be read."""
    try:
        return Catalogue.parse(CHECKED_IN.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{FILE} cannot be read ({error.strerror}); run `python build.py generate`.") from error
    except ValueError as error:
        raise UsageError(str(error)) from error


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:79]}…"
