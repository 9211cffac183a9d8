"""The whole preflight: the configuration's own, and whether accounts, roles, quotas, templates and image are ready.

`survey` looks at all of it for the command `preflight`. `before_changes` is a deployment's share: where a target stands
already it has the quotas and the roles, and fifty accounts are not asked about each of hundreds of permissions anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

from deployer import preflight
from deployer.context import Context
from deployer.errors import UsageError
from deployer.events import Step
from deployer.foundation import Publisher, artifact_bucket
from deployer.image_supply import Supply
from deployer.images import Registries
from deployer.preflight import hosted_zones, permissions, quotas, service_roles
from deployer.preflight.artifacts import Published
from deployer.preflight.execution_roles import Roles
from deployer.preflight.rows import Row, Table, failed, passed, sentences, unchecked
from deployer.preflight.sites import Site
from deployer.target_checks import HOST_NAME_LENGTH
from generator import catalog_parameters as k
from generator import foundation_parameters as f
from generator import parameters as p
from generator.evaluation import Template
from generator.stacks import deployer as deployer_template
from generator.stacks import foundation

if TYPE_CHECKING:
    from deployer.verification import Evidence

CONNECTIONS: Final = 8
"""Accounts and Regions that are asked at once."""


@dataclass(frozen=True)
class Subject:
    """What is surveyed: the deployment's context, who publishes, the registries, and how its image is settled."""

    context: Context
    publisher: Publisher
    registries: Registries
    settle: Callable[[], Supply]


def survey(subject: Subject) -> Table:
    """Returns every row, for targets that stand too; raises RefusedError where AWS cannot be asked."""
    context = subject.context
    looked = preflight.look(context)
    return Table((*looked.rows, *_zones(context), *_names(context), *_ready(subject, _sites(context))))


def before_changes(subject: Subject, looked: preflight.Checked) -> Table:
    """Returns what was `looked` at and what a deployment depends on besides.

    Raises UsageError with a sentence for each thing for which it would certainly fail; forecasts are told as steps.
    """
    context = subject.context
    new = [site for site in _sites(context) if (site.account, site.region) not in context.standing]
    table = Table((*looked.rows, *_ready(subject, new)))
    certain = sentences([row for row in table.red if row.certain])
    if certain:
        raise UsageError(*certain)
    for sentence in sentences(table.red):
        context.reporter.emit(Step("Forecast", "failed", sentence))
    return table


def _sites(context: Context) -> list[Site]:
    settings = context.settings
    return [Site(target.account, target.region, settings.effective(target)) for target in settings.targets]


def _zones(context: Context) -> Iterator[Row]:
    """Yields whether a zone that the configuration leaves out is found."""
    for site in _sites(context):
        where = f"{site.account} {site.region}"
        if not site.value(p.PARENT_DOMAIN) or site.value(p.HOSTED_ZONE_ID) or site.value(p.CERTIFICATE_ARN):
            continue
        if context.local:
            yield passed("hosted zone", where, "local mode makes it where it is missing", "stand-in")
            continue
        try:
            found = hosted_zones.found_for(context, site)
        except UsageError as error:
            yield failed("hosted zone", where, "not found", str(error))
        else:
            yield passed("hosted zone", where, f"{found} is public and of {site.value(p.PARENT_DOMAIN)}")


def _names(context: Context) -> Iterator[Row]:
    """Yields how long the names are: longer ones were refused with the configuration."""
    for site in _sites(context):
        if site.host:
            detail = f"{site.host} has {len(site.host)} of {HOST_NAME_LENGTH} characters"
            yield passed("names", f"{site.account} {site.region}", detail, "cited")


def _ready(subject: Subject, sites: list[Site]) -> list[Row]:
    """Returns the rows of the accounts and Regions that `sites` need."""
    context = subject.context
    bucket = artifact_bucket(context.aws, context.account, context.settings.stack_set.home_region)
    published = Published(context, subject.publisher, subject.registries, bucket, subject.settle)
    work = _Survey(subject, sites, published, Roles(context, subject.publisher, bucket, _execution_templates()))
    accounts = sorted({site.account for site in sites})
    jobs: list[Callable[[], Iterable[Row]]] = [work.publisher]
    jobs += [lambda account=account: work.account(account) for account in accounts]  # type: ignore[misc]
    jobs += [lambda site=site: work.place(site) for site in sites]  # type: ignore[misc]
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        return [row for rows in pool.map(lambda job: list(job()), jobs) for row in rows]


@cache
def _execution_templates() -> Mapping[str, Template]:
    return foundation.templates()


@cache
def _deployer_templates() -> Mapping[str, Template]:
    return deployer_template.templates()


@dataclass(frozen=True)
class _Survey:
    subject: Subject
    sites: list[Site]
    published: Published
    roles: Roles

    @property
    def context(self) -> Context:
        """The deployment's context."""
        return self.subject.context

    def publisher(self) -> Iterator[Row]:
        """Yields what is asked once: the publisher's own permissions, the administration role, the image."""
        publisher = self.subject.publisher
        if self.sites:
            yield from self._permissions(publisher.account)
        if self.sites and not publisher.stack_set.service_managed:
            yield self.roles.administration()
        yield from self.published.image()

    def account(self, account: str) -> Iterator[Row]:
        """Yields what is asked of a target's account."""
        publisher, aws = self.subject.publisher, self.context.aws
        reached = aws.reaches(account)
        if account != publisher.account and reached:
            yield from self._permissions(account)
        yield self.published.readable(account)
        managed = publisher.stack_set.service_managed
        if not managed:
            yield from self.roles.rows(account)
        own = [site for site in self.sites if site.account == account]
        if reached:
            maker = "" if managed else self.roles.arn(account, self.roles.name)
            yield service_roles.row(self.context, account, own, maker)
        else:
            yield unchecked(service_roles.CHECK, f"account {account}", "these credentials do not read it")

    def place(self, site: Site) -> Iterator[Row]:
        """Yields what is asked of a target's Region."""
        where = f"{site.account} {site.region}"
        if (site.account, site.region) in self.context.standing:
            yield passed(quotas.CHECK, where, "the runtime stands already")
        elif self.context.aws.reaches(site.account):
            evidence: Evidence = "stand-in" if self.context.local else "observed"
            yield from quotas.rows(self.context.aws, site, evidence)
        else:
            yield unchecked(quotas.CHECK, where, "these credentials do not read it")

    def _permissions(self, account: str) -> Iterator[Row]:
        stack_set, settings = self.subject.publisher.stack_set, self.context.settings
        values = {parameter.name: parameter.default or "" for parameter in deployer_template.PARAMETERS}
        values |= {
            f.ADMINISTRATION_ROLE_NAME.name: stack_set.administration_role_name,
            f.EXECUTION_ROLE_NAME.name: stack_set.execution_role_name,
            f.REPOSITORY_NAME.name: settings.image.repository,
            k.LAUNCH_ROLE_NAME.name: settings.catalog.launch_role_name,
            deployer_template.ACCESS_ROLE.name: stack_set.access_role_name,
            p.PERMISSIONS_BOUNDARY.name: settings.security.permissions_boundary,
        }
        return permissions.rows(self.context, account, _deployer_templates(), values)
