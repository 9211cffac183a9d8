"""The commands that bring targets to what the configuration says, and tell how they stand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from commands.command import DIFFERS, DONE, REFUSED, TARGET, Command
from deployer.session import Session

if TYPE_CHECKING:
    from deployer.context import Context
    from deployer.diagnosis.evidence import Diagnosis

T = TypeVar("T")


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


def seconds(text: str) -> float:
    """Returns a number of seconds from the command line; argparse tells of anything else."""
    value = float(text)
    if not 1 <= value <= 3600:
        raise ValueError(text)
    return value


PREFLIGHT = Command("preflight", "look at all that a deploy depends on, and change nothing", preflight)
DEPLOY = Command("deploy", "bring every target to what the configuration says, and verify it", deploy)
STATUS = Command(
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
)
DIAGNOSE = Command("diagnose", "say why the last operation failed at a target, and what to do", diagnose, [TARGET])
RECOVER = Command("recover", "free what is stuck by the one call that is right, after asking", recover, [TARGET])
DRIFT = Command("drift", "show what was changed by hand, in every target and nested stack", drift, [TARGET])
VERIFY = Command("verify", "prove layer by layer that an agent reaches a tool and a stranger does not", verify)
ROTATE_SECRET = Command(
    "rotate-secret",
    "give the gateway's token client a new secret, in every target, while calls go on",
    rotate_secret,
    [
        (("--target",), {**TARGET[1], "help": "rotate this one's alone"}),
        (("--keep-old",), {"action": "store_true", "help": "leave the old secret valid until the next run"}),
    ],
)
DESTROY = Command(
    "destroy",
    "remove the runtimes in the order that AWS accepts; name what is kept",
    destroy,
    [
        (("--target",), {**TARGET[1], "help": "remove this one alone, and keep the stack set"}),
        (("--foundation",), {"action": "store_true", "help": "remove the foundation's stacks too"}),
        (("--delete-data",), {"action": "store_true", "help": "empty and delete the buckets that would be kept"}),
    ],
)
