"""The commands that make and show what is deployed: templates, packages, images, plans, costs, diagrams."""

from __future__ import annotations

from commands.command import DIFFERS, DONE, REFUSED, TARGET, Command
from deployer.session import Session


def generate(session: Session) -> int:
    """Writes `templates/`, the pages made of them and the tool contract; with --check only says whether it would."""
    from deployer import pages, tool_contract
    from deployer.generation import differences, write
    from generator.stacks import templates

    texts = templates()
    contract = tool_contract.contract(progress=session.say)
    made = pages.pages() | _command_page()
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


def _command_page() -> dict[str, str]:
    """Returns the page of the commands, which the command line alone knows all of, by its path."""
    import build
    from commands import reference

    return {reference.PAGE: reference.page(build.COMMANDS, build.global_options(True))}


def lint(session: Session) -> int:
    """Lints every template as it is generated, for every Region that the targets lie in and the usual ones."""
    from deployer import tool_contract
    from deployer.linting import REGIONS, lint, prepare

    prepare()
    from deployer.lint_verdicts import found_clean
    from generator.stacks import templates

    tool_contract.require_budget(tool_contract.listed(progress=session.say))
    regions = sorted({*REGIONS, *session.target_regions()})
    texts = templates()
    found = lint(texts, regions)
    if not found:
        found_clean(texts, regions)
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


def quantity(text: str) -> float:
    """Returns a quantity from the command line, a number from 0 to a billion; argparse tells of anything else."""
    value = float(text)
    if not 0 <= value <= 1e9:
        raise ValueError(text)
    return value


GENERATE = Command(
    "generate",
    "write templates, the pages made of them, and the tool contract from the server",
    generate,
    [
        (
            ("--check",),
            {"action": "store_true", "help": "write nothing; exit 3 where what is checked in differs"},
        )
    ],
)
LINT = Command("lint", "lint every template for every target Region and check the graph across stacks", lint)
PACKAGE = Command("package", "upload the templates under their content's hash and print the root's URL", package)
IMAGE = Command("image", "build and push the server's image; done when every Region holds it", image)
PLAN = Command(
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
)
COST = Command(
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
)
DIAGRAM = Command(
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
)
