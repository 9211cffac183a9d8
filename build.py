"""The command line: `python build.py COMMAND [options]`; alone it lists the commands.

It parses and tells of failures; what each command does is in `commands/`. Exit status: 0 done; 1 AWS or a check said
no; 2 the arguments, the configuration or the credentials are wrong and nothing was changed; 3 something differs; 130
interrupted, safe to run again.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from commands import artifacts, doors, operation, workbench
from commands.command import DONE, INTERRUPTED, REFUSED, WRONG

STOPPED = "Interrupted; running the same command again is safe."
COMMANDS = (
    artifacts.GENERATE,
    artifacts.LINT,
    artifacts.PACKAGE,
    artifacts.IMAGE,
    artifacts.PLAN,
    artifacts.COST,
    artifacts.DIAGRAM,
    operation.PREFLIGHT,
    operation.DEPLOY,
    operation.STATUS,
    operation.DIAGNOSE,
    operation.RECOVER,
    operation.DRIFT,
    operation.VERIFY,
    doors.INVOKE,
    doors.CONNECT,
    doors.PUBLISH,
    doors.LAUNCH_URL,
    doors.PORTAL,
    operation.ROTATE_SECRET,
    operation.DESTROY,
    workbench.DEV,
    workbench.NEW_TOOL,
    workbench.LOCAL,
)


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one sentence, as every other error of the command line is."""

    def error(self, message: str) -> NoReturn:
        """Ends the process with status 2."""
        self.exit(
            WRONG, f"Error: {message[0].upper()}{message[1:]}; `python {self.prog} --help` shows what there is.\n"
        )


def global_options(defaults: bool) -> Parser:
    """Returns the options that every command takes; without `defaults`, those not given are left as they are."""
    parser = Parser(add_help=False, allow_abbrev=False)
    options = parser.add_argument_group("global options, before or after the command")

    def add(*names: str, default: object, **settings: Any) -> None:
        options.add_argument(*names, default=default if defaults else argparse.SUPPRESS, **settings)

    add("--config", default=None, type=Path, metavar="FILE", help="configuration (default: deployment.toml)")
    add("--profile", default="", help="AWS profile")
    add("--region", default="", help="Region of the publishing account")
    add("--endpoint-url", default="", metavar="URL", help="any AWS-compatible endpoint")
    add("--local", default=False, action="store_true", help="use the AWS emulator of this machine")
    add("--output", default="text", choices=["text", "json"], help="json: one document on standard output")
    add(
        "--progress",
        default="auto",
        choices=["auto", "tree", "lines", "json"],
        help="how progress is shown on standard error; json: an event a line (default: a tree on a terminal)",
    )
    add("--yes", default=False, action="store_true", help="do not ask")
    add("--verbose", default=False, action="store_true", help="show where an error comes from")
    return parser


def parser() -> Parser:
    """Returns the whole command line."""
    main_parser = Parser(
        prog="build.py", description="MCP agent runtime on AWS.", parents=[global_options(True)], allow_abbrev=False
    )
    commands = main_parser.add_subparsers(dest="command", metavar="COMMAND")
    for command in COMMANDS:
        added = commands.add_parser(
            command.name,
            help=command.summary,
            description=command.summary[0].upper() + command.summary[1:] + ".",
            parents=[global_options(False)],
            allow_abbrev=False,
        )
        for names, settings in command.arguments:
            added.add_argument(*names, **settings)
    return main_parser


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """Returns the options; words of a tool's arguments may stand before, between and after them."""
    whole = parser()
    options, rest = whole.parse_known_args(arguments)
    if rest and options.command == "invoke" and not any(word.startswith("-") for word in rest):
        options.arguments += rest
    elif rest:
        whole.error(f"unrecognized arguments: {' '.join(rest)}")
    return options


def sentences(error: Exception) -> list[str]:
    """Returns what to tell of an error: its own sentences where it was foreseen, else its kind and where to look."""
    from deployer.errors import DeployerError

    if isinstance(error, DeployerError):
        return [str(error), *error.others]
    if isinstance(error, ModuleNotFoundError):
        return [f"The package {error.name} is not installed; run the README's first command, or `pipenv sync`."]
    told = " ".join(str(error).split())
    return [f"{type(error).__name__}: {told} (not foreseen; run the command again with --verbose to see where)"]


def tell(sentence: str, progress: str) -> None:
    """Prints the last word on standard error; among progress as JSON it is a line of JSON too."""
    from deployer.events import Failure

    if progress == "json":
        sentence = json.dumps(Failure(sentence.removeprefix("Error: "), time.time()).as_data())
    print(sentence, file=sys.stderr)


def main(arguments: Sequence[str]) -> int:
    """Runs one command and returns the exit status; every failure is a sentence on standard error.

    Where a look at the configuration finds several mistakes, each has a sentence and a line of its own.
    """
    try:
        options = parsed(arguments)
        return listed() if options.command is None else done(options)
    except KeyboardInterrupt:
        print(STOPPED, file=sys.stderr)
        return INTERRUPTED


def listed() -> int:
    """Prints the table of commands."""
    width = max(len(command.name) for command in COMMANDS)
    print("python build.py COMMAND [options]\n")
    for command in COMMANDS:
        print(f"  {command.name:<{width}}  {command.summary}")
    print("\nEvery command takes --help.")
    return DONE


def done(options: argparse.Namespace) -> int:
    """Runs the command that the options name and returns the exit status."""
    from deployer.errors import DeployerError
    from deployer.session import Session

    command = next(command for command in COMMANDS if command.name == options.command)
    try:
        return command.run(Session(options))
    except KeyboardInterrupt:
        tell(STOPPED, options.progress)
        return INTERRUPTED
    except Exception as error:
        if options.verbose:
            traceback.print_exc()
        for sentence in sentences(error):
            tell(f"Error: {sentence}", options.progress)
        return error.exit_status if isinstance(error, DeployerError) else REFUSED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
