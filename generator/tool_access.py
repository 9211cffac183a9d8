"""Who may call which tool: grants of the configuration, compiled to statements for the gateway's policy engine.

An engine that enforces refuses what no statement permits (AgentCore developer guide, "Policy in AgentCore": default
deny), so every statement is a permission, and whatever is not granted needs none. A tool that is annotated destructive
is granted by its name alone: `*` leaves it out.
"""

import bisect
import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from generator import cedar
from generator.tool_catalogue import SEPARATOR, Catalogue

EVERYTHING: Final = "*"
"""As a principal: every IAM identity; as a tool: every tool that is not annotated destructive."""
STATEMENT_BYTES: Final = 4096
"""A statement travels as a template's parameter, which holds no more (CloudFormation user guide, quotas)."""

_NAME = r"[A-Za-z0-9_+=,.@*-]+"
_ACCOUNT = r"(?:[0-9]{12}|\*)"
_ROLE: Final = re.compile(rf"arn:(aws[a-z-]*):iam::({_ACCOUNT}):role/((?:{_NAME}/)*)({_NAME})")
_USER: Final = re.compile(rf"arn:aws[a-z-]*:iam::{_ACCOUNT}:user/(?:{_NAME}/)*{_NAME}")
_ASSUMED: Final = re.compile(rf"arn:aws[a-z-]*:sts::{_ACCOUNT}:assumed-role/{_NAME}")
_SESSION: Final = re.compile(rf"arn:aws[a-z-]*:sts::{_ACCOUNT}:assumed-role/{_NAME}/.+")
_ROOT: Final = re.compile(r"arn:(aws[a-z-]*):iam::([0-9]{12}):root")
PRINCIPAL_LENGTH: Final = 1024
"""Longer than any ARN of IAM: a path has up to 512 characters and a name up to 64 (IAM API reference)."""


class UnfitGrantError(ValueError):
    """A grant cannot be meant; the message is the rest of a sentence whose subject is the value."""


@dataclass(frozen=True)
class Grant:
    """One `[[access]]` table: `tools` by name, and `*`, that a `principal`'s callers may call."""

    principal: str
    tools: tuple[str, ...]


def callers(principal: str) -> str:
    """Returns the id, or the pattern of ids, under which a policy engine sees the callers of an IAM principal.

    A role's callers are `arn:aws:sts::<account>:assumed-role/<name>`, without path and session; a user's id is the
    user's ARN (AgentCore developer guide, "IAM-based authorization examples"). Raises UnfitGrantError.
    """
    if principal == EVERYTHING:
        return EVERYTHING
    if len(principal) > PRINCIPAL_LENGTH:
        raise UnfitGrantError("is longer than any ARN of IAM")
    if role := _ROLE.fullmatch(principal):
        partition, account, path, name = role.groups()
        if cedar.ANYTHING in path or (path and cedar.ANYTHING in name):
            raise UnfitGrantError(
                "cannot be told by its path, which a policy engine does not see; give the role's name"
            )
        return f"arn:{partition}:sts::{account}:assumed-role/{name}"
    if root := _ROOT.fullmatch(principal):
        return f"arn:{root[1]}:*::{root[2]}:*"
    if _USER.fullmatch(principal) or _ASSUMED.fullmatch(principal):
        return principal
    if _SESSION.fullmatch(principal):
        raise UnfitGrantError("names a session, which a policy engine does not see; leave its name out")
    raise UnfitGrantError(
        "must be the ARN of an IAM role, user or account root, such as arn:aws:iam::111122223333:role/agent, in which"
        ' * stands for anything, or "*" for every caller'
    )


def granted(tools: Sequence[str], catalogue: Catalogue) -> tuple[str, ...]:
    """Returns the names of the catalogue that a grant's `tools` stand for, sorted.

    Raises UnfitGrantError for a tool that is not there, with the names that are most like it.
    """
    names: set[str] = set()
    for tool in tools:
        if tool == EVERYTHING:
            names.update(one.name for one in catalogue.tools if not one.annotated_destructive)
        elif catalogue.find(tool) is None:
            near = difflib.get_close_matches(tool, catalogue.names, n=3, cutoff=0.4) or catalogue.names
            raise UnfitGrantError(f"names no tool of the server; nearest {_listed(near)}")
        else:
            names.add(tool)
    return tuple(sorted(names))


def _listed(names: Sequence[str]) -> str:
    return f"are {', '.join(names)}" if len(names) > 1 else f"is {names[0]}" if names else "is none: it has no tool"


def statements(grants: Sequence[Grant], catalogue: Catalogue, target: str) -> tuple[str, ...]:
    """Returns the statements that permit what `grants` say of the tools behind the gateway's `target`, and no more.

    Grants of the same tools share a statement, in the order of their first. Each statement fits `STATEMENT_BYTES`, for
    which a long one is parted; in each `cedar.GATEWAY` stands for the gateway. Raises UnfitGrantError.
    """
    shared: dict[tuple[str, ...], list[str]] = {}
    for grant in grants:
        if tools := granted(grant.tools, catalogue):
            shared.setdefault(tools, []).append(callers(grant.principal))
    found: list[str] = []
    for tools, ids in shared.items():
        actions = [f"{target}{SEPARATOR}{tool}" for tool in tools]
        everyone = EVERYTHING in ids
        found.extend(_permits(actions, [] if everyone else list(dict.fromkeys(ids))))
    return tuple(found)


def _permits(actions: Sequence[str], ids: Sequence[str]) -> Iterator[str]:
    statement = cedar.permit(actions, cedar.is_one_of(ids))
    if len(statement.encode()) <= STATEMENT_BYTES:
        yield statement
    elif len(ids) > 1:
        fitting = _fitting(actions, ids)
        yield from _permits(actions, ids[:fitting])
        yield from _permits(actions, ids[fitting:])
    elif len(actions) > 1:
        half = len(actions) // 2
        yield from _permits(actions[:half], ids)
        yield from _permits(actions[half:], ids)
    else:
        raise UnfitGrantError(f"makes a statement of more than {STATEMENT_BYTES} bytes")


def _fitting(actions: Sequence[str], ids: Sequence[str]) -> int:
    """Returns how many of the ids, at least one, fit into one statement with the actions."""
    return max(
        1,
        bisect.bisect_right(
            range(len(ids)),
            STATEMENT_BYTES,
            key=lambda count: len(cedar.permit(actions, cedar.is_one_of(ids[:count])).encode()),
        )
        - 1,
    )
