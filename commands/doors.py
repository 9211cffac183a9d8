"""The commands for those who call a runtime, or launch one by another door than `deploy`."""

from __future__ import annotations

from commands.command import DONE, REFUSED, TARGET, Command
from deployer.session import Session


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
