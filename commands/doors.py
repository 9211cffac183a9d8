"""The commands for those who call a runtime, or launch one by another door than `deploy`."""

from __future__ import annotations

from pathlib import Path

from commands.command import DONE, REFUSED, TARGET, Command
from deployer.errors import UsageError
from deployer.session import Session


def invoke(session: Session) -> int:
    """Calls one tool through the gateway, as an agent would."""
    from deployer.invocation import arguments_of, invoke

    arguments = arguments_of(session.options.arguments)
    answer = session.run(lambda context: invoke(context, session.options.tool, arguments, session.options.target))
    session.show(answer.as_data(), [answer.text])
    return REFUSED if answer.is_error else DONE


def connect(session: Session) -> int:
    """Prints what makes a client call the gateway, or writes it into the client's file of a project."""
    import os

    from deployer.connecting import Wish, connect, listed
    from deployer.tables import show

    options = session.options
    profile = options.profile or os.environ.get("AWS_PROFILE", "")
    wish = Wish(
        options.client,
        target=options.target,
        url=options.url,
        region=options.region,
        profile=options.client_profile or ("" if options.local else profile),
        name=options.server_name,
        folder=options.write,
        local=options.local,
        check=options.check,
    )
    if wish == Wish("", region=wish.region, profile=wish.profile, local=wish.local):
        data, rows = listed()
        session.show(data, lambda: show("", ("--client", "client", "file"), rows))
        return DONE
    found = connect(wish, session.run)
    session.show(found.as_data(), found.lines())
    return DONE


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


def publish(session: Session) -> int:
    """Offers the packaged templates as a version of the Service Catalog product, or takes the product back."""
    from deployer.publishing import Wish, publish
    from deployer.source_revision import described
    from deployer.withdrawing import withdraw

    options = session.options
    if options.withdraw and (options.release or options.allow_breaking):
        raise UsageError(
            "--withdraw takes the product back and publishes nothing; leave out --release and --allow-breaking."
        )
    if options.withdraw:
        session.confirm("Take the product back in every Region, with all its versions?")
        gone = session.run(withdraw)
        session.show(gone.as_data(), list(gone.lines()))
        return DONE
    wish = Wish(options.release or described(), options.allow_breaking)
    found = session.run(lambda context: publish(context, wish))
    session.show(found.as_data(), list(found.lines()))
    return DONE


def portal(session: Session) -> int:
    """Writes the page of a runtime; what cannot be had of AWS is said there and on standard error."""
    from datetime import UTC, datetime

    from deployer.portal.writing import Wish, write_portal

    options = session.options
    wish = Wish(options.file, options.target, options.offline, options.verify)
    found = write_portal(session, wish, datetime.now(UTC))
    session.show(found.as_data(), found.lines())
    return DONE


PUBLISH = Command(
    "publish",
    "offer a version of the Service Catalog product in every Region; deprecate old ones",
    publish,
    [
        (
            ("--release",),
            {"metavar": "NAME", "default": "", "help": "the release's name (default: as `git describe --tags` says)"},
        ),
        (("--allow-breaking",), {"action": "store_true", "help": "publish tools that may break agents all the same"}),
        (("--withdraw",), {"action": "store_true", "help": "remove the portfolio, the product and the launch roles"}),
    ],
)
INVOKE = Command(
    "invoke",
    "call a tool through the gateway",
    invoke,
    [
        (("tool",), {"metavar": "TOOL", "help": "name of the tool, without the target's prefix"}),
        (("arguments",), {"metavar": "ARGS", "nargs": "*", "help": "name=value pairs, or one JSON object"}),
        TARGET,
    ],
)
CONNECT = Command(
    "connect",
    "print what makes a client call the gateway, or write it; alone: which clients",
    connect,
    [
        (("--client",), {"metavar": "NAME", "default": "", "help": "which client"}),
        TARGET,
        (
            ("--url",),
            {
                "metavar": "URL",
                "default": "",
                "help": "the gateway's URL; AWS and the configuration are not asked then",
            },
        ),
        (
            ("--client-profile",),
            {"metavar": "NAME", "default": "", "help": "AWS profile that the client signs with (default: --profile)"},
        ),
        (
            ("--server-name",),
            {
                "metavar": "NAME",
                "default": "",
                "help": "what the client calls the gateway (default: the runtime's name)",
            },
        ),
        (
            ("--check",),
            {"action": "store_true", "help": "first list the gateway's tools as the client would: does it let it in?"},
        ),
        (
            ("--write",),
            {
                "metavar": "FOLDER",
                "nargs": "?",
                "const": Path(),
                "default": None,
                "type": Path,
                "help": "write it into the client's file of this project (default: the current folder)",
            },
        ),
    ],
)
LAUNCH_URL = Command(
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
)
PORTAL = Command(
    "portal",
    "write one static page: diagram, status, tools, clients, launch links, cost",
    portal,
    [
        (
            ("--file",),
            {
                "metavar": "PATH",
                "default": Path("portal.html"),
                "type": Path,
                "help": "where the page is written (default: portal.html)",
            },
        ),
        (("--target",), {**TARGET[1], "help": "show this one alone"}),
        (("--offline",), {"action": "store_true", "help": "ask AWS nothing; the page says what it lacks"}),
        (("--verify",), {"action": "store_true", "help": "run the truth test of `verify` too, and show its rows"}),
    ],
)
