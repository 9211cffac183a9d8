"""`docs/reference/commands.md`: every command with its arguments, and the exit statuses, from the tables here."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Final

from commands.command import DIFFERS, DONE, INTERRUPTED, REFUSED, WRONG, Command
from deployer.reference.markdown import code, table

PAGE: Final = "docs/reference/commands.md"
STATUSES: Final[Mapping[int, tuple[str, str]]] = {
    DONE: ("done", "nothing"),
    REFUSED: ("AWS or a check said no", "read the sentence on standard error, or run `diagnose`"),
    WRONG: (
        "the arguments, the configuration or the credentials are wrong; nothing was changed",
        "correct what the sentence names",
    ),
    DIFFERS: ("something differs: `generate --check`, `plan --exit-code`, `drift`", "decide whether it should"),
    INTERRUPTED: ("interrupted", "run the same command again: it goes on from where it stopped"),
}
HEAD: Final = """# Commands

`python build.py COMMAND [options]`; alone it lists the commands, and each takes `--help`. What a command tells goes to
standard output, progress and errors to standard error; an error is one sentence that says what is wrong, where, and
what to do.

`python build.py generate` makes this page from the tables in `commands/`.
"""


def page(commands: Sequence[Command], globals_: argparse.ArgumentParser) -> str:
    """Returns the page's text: `commands` in their order, and the options that `globals_` takes for all of them."""
    statuses = [[code(str(status)), means, then] for status, (means, then) in STATUSES.items()]
    parts = [
        HEAD,
        table(["command", "does"], ([f"[`{one.name}`](#{one.name})", one.summary] for one in commands)),
        "",
        "## Exit status\n",
        table(["status", "means", "what to do"], statuses),
        "",
        "## Global options\n",
        "They stand before or after the command.\n",
        table(["option", "means"], (_row(action) for action in _actions(globals_))),
        "",
        *(_section(command) for command in commands),
    ]
    return "\n".join(parts)


def _section(command: Command) -> str:
    parser = argparse.ArgumentParser(prog="build.py", add_help=False)
    for names, settings in command.arguments:
        parser.add_argument(*names, **settings)
    actions = _actions(parser)
    words = " ".join(["python build.py", command.name, *map(_usage, actions)])
    parts = [f"## {command.name}\n", f"{command.summary[0].upper()}{command.summary[1:]}.\n", f"{code(words)}\n"]
    if actions:
        parts.append(table(["argument", "means"], (_row(action) for action in actions)) + "\n")
    return "\n".join(parts)


def _actions(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    return list(parser._actions)


def _row(action: argparse.Action) -> list[str]:
    choices = [str(choice) for choice in action.choices or ()]
    told = [action.help or ""]
    if choices and not all(choice in told[0] for choice in choices):
        told.append(f"one of {', '.join(map(code, choices))}")
    if choices and action.default and "default" not in (action.help or ""):
        told.append(f"default {code(str(action.default))}")
    return [code(_written(action)), "; ".join(part for part in told if part)]


def _written(action: argparse.Action) -> str:
    name = action.option_strings[0] if action.option_strings else str(action.metavar or action.dest).upper()
    if not action.option_strings or action.nargs == 0:
        return name
    value = str(action.metavar or action.dest.upper())
    return f"{name} [{value}]" if action.nargs == "?" else f"{name} {value}"


def _usage(action: argparse.Action) -> str:
    written = _written(action)
    more = " …" if action.nargs == "*" or isinstance(action, argparse._AppendAction) else ""
    return f"[{written}{more}]" if not action.required else f"{written}{more}"
