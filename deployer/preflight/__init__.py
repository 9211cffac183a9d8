"""What only AWS knows of a configuration, looked at before anything is changed: calls that read, and no others.

Each finding is one sentence that names the target, the key and what to do. A target whose account cannot be read, and
a question that the credentials may not ask, are said to be unchecked: it is the stack set's execution role, not the
caller, that must be able to read there.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from deployer.aws import Aws
from deployer.context import Context
from deployer.errors import UsageError
from deployer.preflight import (
    certificates,
    encryption,
    exposure,
    hosted_zones,
    names,
    networks,
    policies,
    regions,
    secrets,
)
from deployer.preflight.rows import Row, sentences, unchecked
from deployer.preflight.sites import Answers, Site
from generator import parameters as p
from generator.parameters import RootParameter

CONNECTIONS: Final = 8
CHECKS: Final[Sequence[tuple[str, Callable[[Aws, Site], Iterable[str]], Sequence[RootParameter], str]]] = (
    ("network", networks.findings, (), "zones, ranges and subnets fit"),
    ("certificate", certificates.findings, (p.CERTIFICATE_ARN,), "issued, in the target's Region, for the host name"),
    ("secrets", secrets.findings, (p.CONTAINER_SECRET_ARN, p.CLIENT_SECRET_ARN), "there, and readable by the runtime"),
    ("encryption key", encryption.findings, (p.KMS_KEY,), "enabled, and its policy admits the services"),
    ("policies", policies.findings, (p.TASK_POLICIES, p.PERMISSIONS_BOUNDARY), "there"),
)
"""What is asked in the target's own Region: its name, the check, the settings without any of which there is nothing to
ask, and what is told where all is well."""


@dataclass(frozen=True)
class Checked:
    """How many targets were looked at, what was not, and all of it as rows."""

    targets: int
    unchecked: tuple[str, ...]
    rows: tuple[Row, ...] = ()

    def told(self) -> str:
        """Returns it as people read it."""
        count = f"{self.targets} target{'s' if self.targets != 1 else ''} looked at"
        return f"{count}; not checked: {', '.join(self.unchecked)}" if self.unchecked else count


def check(context: Context) -> Checked:
    """Looks at every target that can be read.

    Raises UsageError with all findings where there are any, RefusedError where AWS cannot be asked.
    """
    found = look(context)
    remedies = sentences(found.rows)
    if remedies:
        raise UsageError(*remedies)
    return found


def look(context: Context) -> Checked:
    """Looks at every target that can be read; raises RefusedError where AWS cannot be asked."""
    settings, aws = context.settings, context.aws
    sites = [Site(target.account, target.region, settings.effective(target)) for target in settings.targets]
    accounts = sorted({site.account for site in sites})
    read = [account for account in accounts if aws.reaches(account)]
    answers = Answers()
    answers.ask("the stack set", settings.stack_set.name, lambda: _kept(context, sites), "keeps its runtimes' names")
    closed = regions.closed(aws, read, context.account, settings, answers)
    hosted_zones.ask(aws, [site for site in sites if site.account in read], answers)
    open_sites = [site for site in sites if site.account in read and (site.account, site.region) not in closed]
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        for found in pool.map(lambda site: _asked(aws, site), open_sites):
            answers.add(found)
        for found in pool.map(lambda site: _resolved(context, site), sites):
            answers.add(found)
    unread = [account for account in accounts if account not in read]
    rows = [unchecked("the account's settings", f"account {one}", "these credentials do not read it") for one in unread]
    said = (*(f"account {account}" for account in unread), *answers.unchecked)
    return Checked(len(open_sites), said, (*answers.rows, *rows))


def _kept(context: Context, sites: Sequence[Site]) -> Iterator[str]:
    found = context.stack_sets.describe()
    yield from names.renamed(context, found)
    yield from exposure.protected(context, found, sites)


def _asked(aws: Aws, site: Site) -> Answers:
    answers = Answers()
    for name, check_site, settings, detail in CHECKS:
        if not settings or any(map(site.value, settings)):
            answers.ask(name, f"{site.account} {site.region}", lambda ask=check_site: ask(aws, site), detail)  # type: ignore[misc]
    return answers


def _resolved(context: Context, site: Site) -> Answers:
    answers = Answers()
    if names.is_kept_elsewhere(site):
        where = f"{site.account} {site.region}"
        answers.ask("host name", where, lambda: names.unresolved(context.network, site), "leads somewhere")
    return answers
