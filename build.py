"""The command line: `python build.py COMMAND [options]`; alone it lists the commands.

It parses, calls and renders. Exit status: 0 done; 1 AWS or a check said no; 2 the arguments, the configuration or the
credentials are wrong and nothing was changed; 3 something differs; 130 interrupted, safe to run again.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

if TYPE_CHECKING:
    from deployer.context import Context
    from deployer.diagnosis.evidence import Diagnosis
    from deployer.session import Session

T = TypeVar("T")
DONE, REFUSED, WRONG, DIFFERS, INTERRUPTED = 0, 1, 2, 3, 130
STOPPED = "Interrupted; running the same command again is safe."
Arguments = Sequence[tuple[tuple[str, ...], dict[str, Any]]]


@dataclass(frozen=True)
class Command:
    """One command: what it does in a line, its own arguments, and the function that runs it and returns its status."""

    name: str
    summary: str
    run: Callable[[Session], int]
    arguments: Arguments = ()


def generate(session: Session) -> int:
    """Writes `templates/`, the pages made of them and the tool contract; with --check only says whether it would."""
    from deployer import pages, tool_contract
    from deployer.generation import differences, write
    from generator.stacks import templates

    texts = templates()
    contract = tool_contract.contract(progress=session.say)
    made = pages.pages()
    if session.options.check:
        found = [*differences(texts), *pages.differences(made)]
    else:
        found = [*write(texts), *pages.write(made)]
        tool_contract.write(contract)
    found += [contract.difference] if contract.difference else []
    lines = [f"{difference.name} is {difference.kind}" for difference in found if difference is not contract.difference]
    lines += contract.lines()
    if session.options.check and found:
        lines.append("Run `python build.py generate` and commit what it writes.")
    session.show(
        {
            "differences": [vars(difference) for difference in found],
            "tools": {"hash": contract.catalogue.hash, "changes": contract.changes.as_data()},
        },
        lines or ["templates/, the pages made of them and tools.json are up to date"],
    )
    return DIFFERS if session.options.check and found else DONE


def lint(session: Session) -> int:
    """Lints every template as it is generated, for every Region that the targets lie in and the usual ones."""
    from deployer import tool_contract
    from deployer.linting import REGIONS, lint, prepare

    prepare()
    from generator.stacks import templates

    tool_contract.require_budget(tool_contract.listed(progress=session.say))
    regions = sorted({*REGIONS, *session.target_regions()})
    found = lint(templates(), regions)
    lines = [f"{item.template}:{item.line}: {item.severity} {item.rule} {item.message}" for item in found]
    summary = f"{len(found)} findings" if found else f"no findings in {', '.join(regions)}"
    session.show({"regions": regions, "findings": [vars(item) for item in found]}, [*lines, summary])
    return REFUSED if found else DONE


def package(session: Session) -> int:
    """Uploads the templates under their content's hash."""
    from deployer.deployment import package

    url, uploaded = session.run(package)
    session.show(
        {"template_url": url, "uploaded": list(uploaded.uploaded), "present": list(uploaded.present)},
        [url, f"{len(uploaded.uploaded)} uploaded, {len(uploaded.present)} there already"],
    )
    return DONE


def image(session: Session) -> int:
    """Builds the server's image where it is not there yet, and pushes it."""
    from deployer.deployment import provide_image

    found = session.run(provide_image)
    session.show(vars(found), [f"{found.repository}@{found.digest}"])
    return DONE


def plan(session: Session) -> int:
    """Shows what a deployment would change, and changes nothing."""
    from deployer.plan_tables import show_plan
    from deployer.planning import plan_deployment

    options = session.options
    found = session.run(lambda context: plan_deployment(context, options.target, options.change_sets))
    session.show(found.as_data(), lambda: show_plan(found))
    return DIFFERS if session.options.exit_code and found.differs else DONE


def cost(session: Session) -> int:
    """Shows what the configuration costs in a month; asks AWS nothing but its prices, and those only where told to."""
    from deployer.cost_tables import show_costs
    from deployer.costs import costs, refresh, traffic
    from deployer.what_if import supposed

    options = session.options
    assumed = traffic(vars(options))
    file = session.file()
    if options.config is None:
        session.say(f"Computed for {file.name}.")
    settings, wished = supposed(file, options.what_if, options.region)
    renewed = session.prices(lambda client: refresh(client, settings)) if options.refresh else None
    now = costs(settings, assumed, options.target)
    then = costs(wished, assumed, options.target) if options.what_if else None
    data = {"assumed": vars(assumed), **now.as_data(), "what_if": then.as_data() if then else None}
    data |= {"refreshed": renewed.as_data()} if renewed else {}
    session.show(data, lambda: show_costs(now, then, assumed, renewed.lines() if renewed else ()))
    return DONE


def diagram(session: Session) -> int:
    """Prints a diagram of the configuration's runtime, computed from the templates."""
    from deployer.diagram_page import diagram
    from deployer.settings import load

    file, options = session.file(), session.options
    if options.config is None:
        session.say(f"Drawn for {file.name}.")
    text = diagram(load(file), options.kind, options.target)
    session.show({"kind": options.kind, "text": text}, [text])
    return DONE


def preflight(session: Session) -> int:
    """Shows whether a deployment could succeed, and changes nothing."""
    from deployer.deployment import table_of
    from deployer.tables import show_preflight

    found = session.run(table_of)
    session.show({"preflight": found.as_data()}, lambda: show_preflight(found))
    return REFUSED if found.red else DONE


def deploy(session: Session) -> int:
    """Deploys every target and verifies it."""
    from deployer.deployment import deploy
    from deployer.tables import show_deployment

    result = explained(session, deploy)
    session.show(result.as_data(), lambda: show_deployment(result))
    return DONE if result.passed else REFUSED


def explained(session: Session, work: Callable[[Context], T]) -> T:
    """Runs work that may fail at targets; shows the diagnosis of each before it raises what failed."""
    from deployer.diagnosis.targets import ExplainedError, explaining

    try:
        return session.run(lambda context: explaining(context, work))
    except ExplainedError as error:
        show_diagnoses(session, error.diagnoses)
        raise


def show_diagnoses(session: Session, found: Sequence[Diagnosis]) -> None:
    """Shows diagnoses as the command's result."""
    from deployer.diagnosis.screen import draw
    from deployer.tables import console

    session.show({"diagnoses": [one.as_data() for one in found]}, lambda: draw(console(), found))


def diagnose(session: Session) -> int:
    """Shows why the last operation failed, at every target."""
    from deployer.diagnosis.targets import of_failed

    found = session.run(lambda context: of_failed(context, session.options.target))
    show_diagnoses(session, found)
    return REFUSED if any(one.found for one in found) else DONE


def recover(session: Session) -> int:
    """Frees what is stuck by the one call that is right, after asking."""
    from deployer.recovering import free, stuck

    found = session.run(lambda context: stuck(context, session.options.target))
    lines = [line for one in found for line in one.told()] or ["Nothing is stuck."]
    freeing = [one for one in found if one.call != "deploy"]
    if freeing and not session.options.yes:
        for line in lines:
            session.say(line)
    if freeing:
        session.confirm(f"Free {len(freeing)} of them?" if len(freeing) > 1 else "Free it?")
    for one in freeing:
        session.run(partial(free, one))
    freed = [
        f"freed; run `python build.py deploy` next: {one.subject} of {one.account} {one.region}" for one in freeing
    ]
    session.show({"stuck": [one.as_data() for one in found], "freed": len(freeing)}, [*lines, *freed])
    return REFUSED if len(freeing) < len(found) else DONE


def status(session: Session) -> int:
    """Shows how every target stands."""
    from deployer.status import Overview, overview
    from deployer.tables import show_status

    def look(context: Context) -> Overview:
        return overview(context, session.options.target)

    def show(found: Overview) -> None:
        session.show(found.as_data(), lambda: show_status(found))

    if session.options.watch:
        session.watch(look, show, session.options.watch)
    else:
        show(session.run(look))
    return DONE


def drift(session: Session) -> int:
    """Shows what somebody changed by hand in the targets' stacks."""
    from deployer.drift import detect
    from deployer.tables import show_drift

    found = session.run(lambda context: detect(context, session.options.target))
    session.show({"targets": [target.as_data() for target in found]}, lambda: show_drift(found))
    if any(target.status == "DRIFTED" for target in found):
        return DIFFERS
    return DONE if all(target.status == "IN_SYNC" for target in found) else REFUSED


def verify(session: Session) -> int:
    """Runs the layered truth test against every target that can be read."""
    from deployer.proving import all_passed, verify_deployed
    from deployer.tables import show_verification

    found = session.run(verify_deployed)
    session.show(
        {"verification": {name: [vars(row) for row in rows] for name, rows in found.items()}},
        lambda: show_verification(found),
    )
    return DONE if all_passed(found) else REFUSED


def invoke(session: Session) -> int:
    """Calls one tool through the gateway, as an agent would."""
    from deployer.invocation import arguments_of, invoke

    arguments = arguments_of(session.options.arguments)
    answer = session.run(lambda context: invoke(context, session.options.tool, arguments, session.options.target))
    session.show(answer.as_data(), [answer.text])
    return REFUSED if answer.is_error else DONE


def launch_url(session: Session) -> int:
    """Prints the console links that were tried, and names what keeps the others from working."""
    from deployer.launching import Wish, launch_links
    from deployer.role_links import role_links

    options = session.options
    wish = Wish(options.target, options.role_arn, options.stack_name)
    make = role_links if options.execution_roles else launch_links
    found = session.run(lambda context: make(context, wish))
    session.show(found.as_data(), list(found.lines(options.markdown)))
    for sentence in found.settled:
        session.say(sentence)
    for (account, region), reasons in found.refused.items():
        for reason in reasons:
            session.say(f"No link for {account} {region}: {reason}")
    return REFUSED if found.refused else DONE


def rotate_secret(session: Session) -> int:
    """Gives the gateway's token clients new secrets while calls go on."""
    from deployer.client_rotation import rotate

    options = session.options
    found = session.run(lambda context: rotate(context, options.target, options.keep_old))
    session.show(found.as_data(), found.lines())
    return REFUSED if found.failures else DONE


def destroy(session: Session) -> int:
    """Removes every target's runtime, after asking."""
    from deployer.teardown import Wish, destroy

    options = session.options
    wish = Wish(options.target, options.foundation, options.delete_data)
    what = f"the runtime of {wish.only}" if wish.only else "every runtime of the stack set"
    what += " and the foundation" if wish.foundation else ""
    session.confirm(f"Remove {what}{', with all their data' if wish.delete_data else ''}?")
    removal = explained(session, lambda context: destroy(context, wish))
    lines = [f"removed {name}" for name in removal.removed] or ["there was nothing to remove"]
    lines += [f"deleted with its data: {name}" for name in removal.deleted]
    lines += [f"kept, because it holds data: {name}" for name in removal.retained]
    session.show(vars(removal), [*lines, *removal.notes])
    return DONE


def local(session: Session) -> int:
    """Shows, stops or wipes the emulator of local mode."""
    from deployer import local

    state = local.state_folder()
    tasks = ""
    if session.options.action == "stop":
        said = "stopped; its state is kept" if local.stop(state) else "it was not running"
    elif session.options.action == "wipe":
        session.confirm("Forget everything that was deployed locally?")
        local.wipe(state)
        said = "stopped and forgotten"
    else:
        found = local.running(state)
        said = f"running at {found.url}" if found else "not running"
        tasks = local.tasks(found.url) if found else ""
    session.show(
        {"emulator": said, **({"tasks": tasks} if tasks else {})},
        [f"The emulator: {said}.", *([f"Tasks here: {tasks}."] if tasks else [])],
    )
    return DONE


def dev(session: Session) -> int:
    """Serves the tools of this tree behind a local gateway and reloads them, until interrupted."""
    from deployer.dev import INSPECTOR, ROOT, develop

    folder = ROOT / ".local" / "dev"

    def started(url: str, tools: list[str]) -> None:
        session.show(
            {"url": url, "tools": tools, "inspector": str(folder / "mcp.json")},
            [
                f"The gateway is at {url}",
                f"tools: {', '.join(tools)}",
                f"MCP Inspector: {INSPECTOR} --config {folder / 'mcp.json'} --server dev",
                "Calls show here; files of server/ are loaded again when they change; Ctrl-C ends it.",
            ],
        )
        sys.stdout.flush()

    develop(session.say, folder, started)
    return DONE


def new_tool(session: Session) -> int:
    """Writes a tool and its test from a template."""
    from deployer.dev import ROOT
    from deployer.new_tool import write

    name = session.options.name
    written = write(ROOT, name)
    session.show(
        {"written": written},
        [
            *(f"wrote {path}" for path in written),
            f"python -m pytest {written[1]}    tests it",
            "python build.py dev    serves it here, and again after each change",
            "python build.py generate    puts it into tools.json, the contract with agents",
        ],
    )
    return DONE


def quantity(text: str) -> float:
    """Returns a quantity from the command line, a number from 0 to a billion; argparse tells of anything else."""
    value = float(text)
    if not 0 <= value <= 1e9:
        raise ValueError(text)
    return value


def seconds(text: str) -> float:
    """Returns a number of seconds from the command line; argparse tells of anything else."""
    value = float(text)
    if not 1 <= value <= 3600:
        raise ValueError(text)
    return value


TARGET = (("--target",), {"metavar": "ACCOUNT/REGION", "default": "", "help": "which target, where there are several"})
COMMANDS = (
    Command(
        "generate",
        "write templates, the pages made of them, and the tool contract from the server",
        generate,
        [
            (
                ("--check",),
                {"action": "store_true", "help": "write nothing; exit 3 where what is checked in differs"},
            )
        ],
    ),
    Command("lint", "lint every template for every target Region and check the graph across stacks", lint),
    Command("package", "upload the templates under their content's hash and print the root's URL", package),
    Command("image", "build and push the server's image; done when every Region holds it", image),
    Command(
        "plan",
        "show what a deploy would change, down the nested stacks, and change nothing",
        plan,
        [
            (("--target",), {**TARGET[1], "help": "show this one alone"}),
            (("--exit-code",), {"action": "store_true", "help": "exit 3 where something would change"}),
            (
                ("--change-sets",),
                {
                    "action": "store_true",
                    "help": "ask CloudFormation too, by change sets that are deleted again; uploads the templates",
                },
            ),
        ],
    ),
    Command(
        "cost",
        "show what the configuration costs in a month, computed from the templates",
        cost,
        [
            (("--target",), {**TARGET[1], "help": "show this one alone"}),
            (
                ("--what-if",),
                {
                    "metavar": "SECTION.KEY=VALUE",
                    "action": "append",
                    "default": [],
                    "help": "suppose this setting for all targets and show what it changes; may be repeated",
                },
            ),
            *(
                ((f"--{name}",), {"metavar": unit, "type": quantity, "help": f"{what} (default: {default})"})
                for name, unit, what, default in (
                    ("requests-per-day", "N", "requests of a target at its gateway", "10000"),
                    ("seconds", "N", "how long a request takes at the server", "0.5"),
                    ("payload-bytes", "N", "bytes of a request and its answer", "20000"),
                    ("log-bytes", "N", "bytes that the server logs of a request", "2000"),
                    ("searches-per-day", "N", "searches for tools by meaning among the requests", "0"),
                )
            ),
            (
                ("--refresh",),
                {"action": "store_true", "help": "ask the AWS Price List first, and write the table anew"},
            ),
        ],
    ),
    Command(
        "diagram",
        "print a diagram of the configuration's runtime, as Mermaid or as SVG",
        diagram,
        [
            (
                ("kind",),
                {
                    "metavar": "KIND",
                    "choices": ["architecture", "svg", "call", "order", "layers"],
                    "nargs": "?",
                    "default": "architecture",
                    "help": "architecture, svg (the same with AWS's icons), call, order or layers",
                },
            ),
            (("--target",), {**TARGET[1], "help": "draw this one"}),
        ],
    ),
    Command("preflight", "look at all that a deploy depends on, and change nothing", preflight),
    Command("deploy", "bring every target to what the configuration says, and verify it", deploy),
    Command(
        "status",
        "show every target: stacks, rollout, health, gateway target",
        status,
        [
            TARGET,
            (
                ("--watch",),
                {
                    "metavar": "SECONDS",
                    "nargs": "?",
                    "type": seconds,
                    "const": 5.0,
                    "default": 0.0,
                    "help": "show it anew every so many seconds (default: 5) until interrupted",
                },
            ),
        ],
    ),
    Command("diagnose", "say why the last operation failed at a target, and what to do", diagnose, [TARGET]),
    Command("recover", "free what is stuck by the one call that is right, after asking", recover, [TARGET]),
    Command("drift", "show what was changed by hand, in every target and nested stack", drift, [TARGET]),
    Command("verify", "prove layer by layer that an agent reaches a tool and a stranger does not", verify),
    Command(
        "invoke",
        "call a tool through the gateway",
        invoke,
        [
            (("tool",), {"metavar": "TOOL", "help": "name of the tool, without the target's prefix"}),
            (("arguments",), {"metavar": "ARGS", "nargs": "*", "help": "name=value pairs, or one JSON object"}),
            TARGET,
        ],
    ),
    Command(
        "launch-url",
        "print console links that launch a runtime, each tried before it is printed",
        launch_url,
        [
            (("--target",), {**TARGET[1], "help": "the link of this one alone"}),
            (
                ("--role-arn",),
                {"metavar": "ARN", "default": "", "help": "try with the rights of this role of the target's account"},
            ),
            (
                ("--stack-name",),
                {"metavar": "NAME", "default": "", "help": "the stack's name (default: the runtime's)"},
            ),
            (("--markdown",), {"action": "store_true", "help": "as buttons for a README or a wiki"}),
            (
                ("--execution-roles",),
                {"action": "store_true", "help": "links that make the role which stack sets take in other accounts"},
            ),
        ],
    ),
    Command(
        "rotate-secret",
        "give the gateway's token client a new secret, in every target, while calls go on",
        rotate_secret,
        [
            (("--target",), {**TARGET[1], "help": "rotate this one's alone"}),
            (("--keep-old",), {"action": "store_true", "help": "leave the old secret valid until the next run"}),
        ],
    ),
    Command(
        "destroy",
        "remove the runtimes in the order that AWS accepts; name what is kept",
        destroy,
        [
            (("--target",), {**TARGET[1], "help": "remove this one alone, and keep the stack set"}),
            (("--foundation",), {"action": "store_true", "help": "remove the foundation's stacks too"}),
            (("--delete-data",), {"action": "store_true", "help": "empty and delete the buckets that would be kept"}),
        ],
    ),
    Command("dev", "serve the tools of this tree behind a local gateway, and again after each change", dev),
    Command(
        "new-tool",
        "write a tool and its test from a template",
        new_tool,
        [(("name",), {"metavar": "NAME", "help": "the tool's name: lower-case letters, digits and underscores"})],
    ),
    Command(
        "local",
        "show, stop or wipe the emulator of local mode",
        local,
        [(("action",), {"choices": ["status", "stop", "wipe"], "nargs": "?", "default": "status"})],
    ),
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
