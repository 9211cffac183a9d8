"""Links with which a person launches a runtime from the console, each tried before it is told.

A link that would fail is not told: with the launcher's own rights every template that the launch reads is fetched, the
image must be in the target's Region for its architecture and may be pulled from its account, and nothing may stand
there already under the stack's or the host's name.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from botocore.exceptions import ClientError

from deployer import console_links, preflight, releases
from deployer.artifact_bucket import ArtifactBucket
from deployer.aws import Aws, partition_of
from deployer.context import Context
from deployer.deployment import publisher_of, step, with_members
from deployer.each_target import Done, each
from deployer.errors import UsageError
from deployer.image_supply import OCI_ARCHITECTURES
from deployer.preflight import hosted_zones, quotas
from deployer.preflight.sites import DENIED, Site
from deployer.readable_objects import Reader, Store, reached, unreadable
from deployer.releases import Release
from deployer.stack_set_plan import Target as Place
from deployer.stacks import describe
from deployer.target_checks import host_name
from deployer.targets import Target
from deployer.verification import Evidence
from generator import parameters as p

ROLE: Final = r"arn:[a-z-]+:iam::([0-9]{12}):role/.+"
STACK_NAME: Final = "[a-zA-Z][-a-zA-Z0-9]{0,127}"
"""CloudFormation user guide, "Create quick-create links for stacks"."""


@dataclass(frozen=True)
class Wish:
    """What the command line asks for: one target or all (empty), the launcher's role and the stack's name, if given."""

    only: str = ""
    role_arn: str = ""
    stack_name: str = ""


@dataclass(frozen=True)
class Link:
    """A link, by whom it was tried and what was found; `host` is empty where it makes no endpoint."""

    account: str
    region: str
    host: str
    url: str
    launcher: str
    said: str
    evidence: Evidence = "called"

    @property
    def markdown(self) -> str:
        """The link as a button."""
        return console_links.button(self.url, f"Launch in {self.account} {self.region}")

    def as_data(self) -> dict[str, Any]:
        """Returns it as plain data, with what the link says."""
        _, template_url, stack_name, parameters = console_links.read(self.url)
        return {
            **vars(self),
            "template_url": template_url,
            "stack_name": stack_name,
            "parameters": parameters,
            "markdown": self.markdown,
        }


@dataclass(frozen=True)
class Links:
    """The links, and for each target that gets none the sentences that say why."""

    template_url: str
    links: tuple[Link, ...]
    refused: Mapping[Place, tuple[str, ...]]
    settled: tuple[str, ...] = ()
    """Sentences on places that need no link."""

    def as_data(self) -> dict[str, Any]:
        """Returns it as plain data."""
        return {
            "template_url": self.template_url,
            "links": [link.as_data() for link in self.links],
            "refused": [
                {"account": account, "region": region, "reasons": list(reasons)}
                for (account, region), reasons in self.refused.items()
            ],
            "settled": list(self.settled),
        }

    def lines(self, markdown: bool) -> Iterator[str]:
        """Yields it as people read it; as Markdown nothing but the buttons of links that were found good."""
        for link in self.links:
            if markdown:
                yield link.markdown
                continue
            yield f"{link.account} {link.region} {link.host}".rstrip()
            yield f"  {link.url}"
            yield f"  {link.said}"


def launch_links(context: Context, wish: Wish) -> Links:
    """Returns the links of the targets, or of the one that is wished for, and why others get none.

    Raises UsageError for a target, a role or a name that cannot be, and RefusedError where nothing is packaged.
    """
    check(wish)
    context = replace(context, settings=with_members(context)[0]).looked_around()
    targets = _chosen(context.settings.targets, wish)
    release = step(context, "Release", lambda: releases.standing(context))
    looked = replace(context, settings=replace(context.settings, targets=targets))
    step(context, "Preflight", lambda: preflight.check(looked))
    zones = hosted_zones.looked_up(looked)
    launcher = context.aws.as_role(wish.role_arn) if wish.role_arn else context.aws
    work = _Links(context, release, wish, launcher, {(one.account, one.region): one for one in targets}, zones)
    done = step(context, "Links", lambda: each(work.targets, work.made))
    return gathered(release.url, done)


def gathered(template_url: str, done: Done[Link | tuple[str, ...]]) -> Links:
    """Returns what came of making links: a link, or the sentences for which there is none."""
    refused: dict[Place, tuple[str, ...]] = {place: (sentence,) for place, sentence in done.failures.items()}
    refused |= {place: found for place, found in done.results.items() if isinstance(found, tuple)}
    links = tuple(found for _, found in sorted(done.results.items()) if isinstance(found, Link))
    return Links(template_url, links, dict(sorted(refused.items())))


def check(wish: Wish) -> None:
    """Raises UsageError for a role or a name that cannot be."""
    if wish.role_arn and not re.fullmatch(ROLE, wish.role_arn):
        raise UsageError(
            f"--role-arn {wish.role_arn} is no role; give an ARN such as arn:aws:iam::111122223333:role/launcher."
        )
    if wish.stack_name and not re.fullmatch(STACK_NAME, wish.stack_name):
        raise UsageError(
            f"--stack-name {wish.stack_name} is no name of a stack; give up to 128 letters, digits and hyphens, a"
            " letter first."
        )


def _chosen(targets: Sequence[Target], wish: Wish) -> tuple[Target, ...]:
    names = [f"{target.account}/{target.region}" for target in targets]
    if wish.only and wish.only not in names:
        raise UsageError(f"{wish.only} is no target; the targets are {', '.join(names)}.")
    found = tuple(target for target, name in zip(targets, names, strict=True) if wish.only in ("", name))
    if not wish.role_arn:
        return found
    account = wish.role_arn.split(":")[4]
    own = tuple(target for target in found if target.account == account)
    if not own:
        raise UsageError(
            f"--role-arn names a role of account {account}, in which no target lies that a link is wanted for; give a"
            " role of a target's account."
        )
    return own


def store_of(context: Context, bucket: str) -> Store:
    """Returns the artifact bucket as the publisher reaches it."""
    home = context.settings.stack_set.home_region
    owned = ArtifactBucket(context.aws.client("s3", context.account, home), bucket, context.account)
    return Store(owned, home, publisher_of(context).stack_set.organization_id)


def reader_of(launcher: Aws, context: Context, account: str) -> Reader:
    """Returns who would launch in an account, with a client of S3 that has its rights."""
    home = context.settings.stack_set.home_region
    caller = launcher.client("sts", account, home).get_caller_identity()["Arn"]
    return Reader(launcher.client("s3", account, home), account, str(caller))


@dataclass(frozen=True)
class _Links:
    context: Context
    release: Release
    wish: Wish
    launcher: Aws
    targets: Mapping[Place, Target]
    zones: Mapping[Place, Mapping[str, str]]

    def made(self, place: Place) -> Link | tuple[str, ...]:
        """Returns a target's link, or the sentences for which it would fail."""
        account, region = place
        target = self.targets[place]
        values = {**self.context.settings.effective(target), **self.zones.get(place, {})}
        host, name = host_name(values, account, region), self.wish.stack_name or values[p.RUNTIME_NAME.name]
        objects = reached(self.release.package, self.release.root, values[p.TOOL_LISTING.name] == "pinned")
        reader = reader_of(self.launcher, self.context, account)
        findings = [
            *unreadable(store_of(self.context, self.release.bucket), reader, objects),
            *self._image(place, values),
            *self._standing(place, host, name),
            *self._quotas(place, values),
        ]
        if findings:
            return tuple(findings)
        parameters = self._parameters(values)
        try:
            url = console_links.quick_create(partition_of(region), region, self.release.url, name, parameters)
        except KeyError as error:
            return (f"The console of the partition {error.args[0]} is not known; use `deploy` for {region}.",)
        if len(url) > console_links.LENGTH:
            longest = max(parameters, key=lambda one: len(parameters[one]))
            told = (
                f"The link of {account} {region} would have {len(url)} characters, more than the"
                f" {console_links.LENGTH} that pass everywhere; the longest value is of {longest}: use `deploy`, or"
                " Service Catalog."
            )
            return (told,)
        said = f"{len(objects)} templates fetched as {reader.name}; the image is there."
        return Link(account, region, host, url, reader.name, said)

    def _image(self, place: Place, values: Mapping[str, str]) -> list[str]:
        account, region = place
        wanted = {account: OCI_ARCHITECTURES[values[p.CPU_ARCHITECTURE.name]]}
        return releases.image_findings(self.context, self.release.image, region, wanted)

    def _quotas(self, place: Place, values: Mapping[str, str]) -> list[str]:
        account, region = place
        aws = self.context.aws if self.context.aws.reaches(account) else self.launcher
        rows = list(quotas.rows(aws, Site(account, region, values), "observed"))
        return [row.remedy for row in rows if row.passed is False and row.certain]

    def _standing(self, place: Place, host: str, name: str) -> Iterator[str]:
        """Yields a sentence where the launch would meet what stands: the stack set's runtime, a stack of its name."""
        account, region = place
        if host and place in self.context.standing:
            yield (
                f"The stack set {self.context.settings.stack_set.name} has a runtime in {account} {region} already,"
                f" which answers to {host}: update that one with `deploy`, or remove it with `destroy --target"
                f" {account}/{region}`."
            )
        try:
            found = describe(self.launcher.client("cloudformation", account, region), name)
        except ClientError as error:
            if error.response["Error"]["Code"] not in DENIED:
                raise
            return
        if found is not None:
            yield (
                f"Account {account} has a stack named {name} in {region} already ({found['StackStatus']}): update it in"
                f" the console by replacing its template with {self.release.url}, or give another --stack-name."
            )

    def _parameters(self, values: Mapping[str, str]) -> dict[str, str]:
        """Returns what the form must be given: the values that are not the packaged template's own defaults."""
        defaults = {parameter.name: parameter.default for parameter in p.ALL}
        return {name: value for name, value in values.items() if value != defaults[name]}
