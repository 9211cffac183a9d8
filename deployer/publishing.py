"""Publishing to Service Catalog: the catalog in every Region, a new version of its product, old ones deprecated.

Nothing is offered that could not launch: before the catalog is touched, the templates lint, every Region holds the
image, and every account that the portfolio is shared with may read what a launch reads. Each step is safe to repeat.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from deployer import catalog_checks, catalog_stack, deployment, portfolio_shares, releases, stacks
from deployer.catalog_stack import CATALOG_STACK, RECIPIENT_STACK
from deployer.context import Context
from deployer.deployment import publisher_of, registries_of, step, tools_of
from deployer.each_target import each
from deployer.errors import RefusedError, UsageError
from deployer.image_platforms import architectures
from deployer.image_supply import OCI_ARCHITECTURES
from deployer.launching import store_of
from deployer.portfolio_shares import Portfolio
from deployer.product import Product
from deployer.product_versions import Edition, Steps, Version, name_of, named, newest, steps
from deployer.published import Offer, Published
from deployer.published_tools import NAMED, PublishedTools
from deployer.readable_objects import READ, Reader, bucket_policy, reached, unreadable
from deployer.releases import Release
from deployer.resource_policies import admits
from deployer.stack_set_plan import Target as Place
from generator import catalog_parameters as k
from generator.stacks import catalog as catalog_template
from generator.stacks.runtime import FLATTENED_FILE, PARENT_FILE
from generator.tool_catalogue import Catalogue
from generator.tool_changes import Changes, compare

ROOTS: Final = {"nested": PARENT_FILE, "flattened": FLATTENED_FILE}


@dataclass(frozen=True)
class Wish:
    """What the command line asks for: the release's name, and whether its tools may break what agents hold."""

    release: str
    allow_breaking: bool = False


@dataclass(frozen=True)
class _Region:
    """What stands in a Region before anything is changed."""

    parameters: Mapping[str, str]
    versions: tuple[Version, ...]
    steps: Steps


_NOTHING: Final = _Region({}, (), Steps(False, None, ()))


def publish(context: Context, wish: Wish) -> Published:
    """Offers this tree and configuration as a version of the product, in every Region of the catalog.

    Raises UsageError before anything is changed, RefusedError where a check or AWS said no.
    """
    settings = context.settings
    if not settings.catalog.provider:
        raise UsageError(
            f"{settings.file}: catalog.provider is not given; write under [catalog] the name of the team that offers"
            " the product."
        )
    name_of(wish.release, "")
    catalog_checks.check_publisher(settings, context.account)
    deployment.package(context)
    context = context.looked_around()
    release = dataclasses.replace(releases.standing(context), root=ROOTS[settings.catalog.template])
    work = _Publishing(context, release, wish)
    found = step(context, "Versions", work.looked_at)
    changes = step(context, "Readiness", lambda: work.checked(found))
    done = step(context, "Catalog", lambda: work.offered(found))
    left = step(context, "Recipients", lambda: (*work.received(done), *work.left_behind(found)))
    return Published(work.edition.name, release.url, done, changes, left)


class _Publishing:
    """One run: the context with what stands on the foundation, and the release."""

    def __init__(self, context: Context, release: Release, wish: Wish) -> None:
        self.context = context
        self.release = release
        self.wish = wish
        self.settings = context.settings
        self.catalog = context.settings.catalog
        self.regions = catalog_stack.regions(context.settings)
        home = self.settings.stack_set.home_region
        self.tools = PublishedTools(context.aws.client("s3", context.account, home), release.bucket, context.account)
        self.catalogue: Catalogue | None = None if self.settings.image.digest else tools_of(context)[0]
        key = next(one.key for one in release.package.artifacts if one.file == release.root)
        found = architectures(registries_of(context).of(home), release.image.digest)
        known = tuple(name for name, oci in sorted(OCI_ARCHITECTURES.items()) if oci in found)
        if not known:
            raise RefusedError(
                f"The image {release.image.digest} is for {' and '.join(sorted(found)) or 'no Linux'}, and the tasks"
                f" run {' or '.join(OCI_ARCHITECTURES.values())}; build it for one of these."
            )
        self.edition = Edition(
            name_of(wish.release, key), release.image.digest, known, self.catalogue.hash if self.catalogue else ""
        )

    def looked_at(self) -> dict[str, _Region]:
        """Returns what stands in each Region and what is to do there; raises RefusedError where that cannot be done."""
        home = self.context.account
        done = each([(home, region) for region in catalog_stack.looked_in(self.settings, self._further)], self._look)
        if done.failures:
            raise RefusedError(" ".join([*done.told(), "Nothing was published."]))
        found = {region: one for (_, region), one in sorted(done.results.items())}
        self.edition = named(self.edition, [one for region in found.values() for one in region.versions])
        return found

    def _look(self, place: Place) -> _Region:
        stack = stacks.settled(self._cloudformation(place[1]), CATALOG_STACK, self.context.poll)
        if stack is None:
            return _NOTHING
        if place[1] not in self.regions:
            return _Region(stacks.parameters_of(stack), (), Steps(False, None, ()))
        if "ProductId" not in stacks.outputs_of(stack):
            raise RefusedError(
                f"the stack {CATALOG_STACK} is in state {stack['StackStatus']} and has no product; remove it with"
                " `publish --withdraw` first."
            )
        constraint = stacks.parameters_of(stack)[k.CONSTRAINT.name]
        if constraint != self.catalog.constraint:
            raise RefusedError(
                f'the product launches by "{constraint}", and AWS lets no product change between that and'
                f' "{self.catalog.constraint}" in place; take it back with `publish --withdraw` first.'
            )
        product = Product(self._client(place[1]), stacks.outputs_of(stack)["ProductId"])
        versions = tuple(product.versions())
        todo = steps(versions, self.edition, self.catalog.current_versions, place[1])
        return _Region(stacks.parameters_of(stack), versions, todo)

    def checked(self, found: Mapping[str, _Region]) -> Changes | None:
        """Sees that a launch could succeed wherever it is offered; returns how the tools changed, if that is known.

        Raises RefusedError with every reason where it could not, or where agents would break and that is not allowed.
        """
        reasons = [*self._unreadable(), *self._unpullable()]
        if reasons:
            raise RefusedError(reasons[0], *reasons[1:])
        changes = None
        others = [one for region in found.values() for one in region.versions if one.name != self.edition.name]
        # A version of a pinned image names no tools; agents work with those of the one before it.
        last = newest([one for one in others if NAMED.search(one.description)])
        before = self.tools.read(last.description) if last and self.catalogue else None
        if before is not None and self.catalogue is not None and last is not None:
            changes = compare(before, self.catalogue)
            if changes.breaking and not self.wish.allow_breaking:
                raise RefusedError(
                    f"Agents that work with {last.name} may break: {changes.breaking[0].sentence} Publish with"
                    " --allow-breaking if they know, or keep the old contract. Nothing was published.",
                    *(one.sentence for one in changes.breaking[1:]),
                )
        if self.catalogue is not None:
            self.tools.keep(self.catalogue)
        return changes

    def _unreadable(self) -> list[str]:
        store = store_of(self.context, self.release.bucket)
        reader = Reader(store.bucket.s3, self.context.account, f"account {self.context.account}")
        found = unreadable(store, reader, reached(self.release.package, self.release.root, pinned=True))
        document = bucket_policy(store)
        organization = publisher_of(self.context).stack_set.organization_id
        return found + [
            f"The policy of the bucket {store.bucket.name} does not allow account {account} {READ}, so that nothing"
            " could launch there: run the same command again."
            for account in self.catalog.share_accounts
            if document is not None and not admits(document, account, organization, [READ])
        ]

    def _unpullable(self) -> Iterator[str]:
        wanted = OCI_ARCHITECTURES[self.edition.architectures[0]]
        accounts = dict.fromkeys([self.context.account, *self.catalog.share_accounts], wanted)
        regions = set(self.regions)
        if self.catalog.by_stack_set:
            accounts |= dict.fromkeys((target.account for target in self.settings.targets), wanted)
            regions |= set(self.settings.regions)
        for region in sorted(regions):
            yield from releases.image_findings(self.context, self.release.image, region, accounts)

    def offered(self, found: Mapping[str, _Region]) -> tuple[Offer, ...]:
        """Brings every Region to what the configuration says; raises RefusedError where one stays behind."""
        maker = catalog_stack.role_region(self.settings, {region: one.parameters for region, one in found.items()})
        # The Region that makes the launch role goes first: the others' constraints name it.
        first, *others = sorted(self._places, key=lambda place: place[1] != maker)
        done = each([first], lambda place: self._offer(place[1], found[place[1]], maker))
        if not done.failures:
            further = each(others, lambda place: self._offer(place[1], found[place[1]], maker))
            done.results.update(further.results)
            done.failures.update(further.failures)
        if done.failures:
            raise RefusedError(" ".join([*done.told(), "Run the same command again."]))
        return tuple(done.results[place] for place in self._places)

    def _offer(self, region: str, found: _Region, maker: str) -> Offer:
        first = catalog_stack.first_version(found.parameters, self.edition.name, self.release.url)
        values = catalog_stack.parameters(
            self.settings, region == maker, self.release.bucket, self.edition.architectures, first, found.parameters
        )
        url = self.release.package.urls[catalog_template.FILE]
        label = f"{CATALOG_STACK} {region}"
        made = stacks.ensure(
            self._cloudformation(region),
            CATALOG_STACK,
            url,
            values,
            self.context.reporter,
            self.context.poll,
            label,
        )
        product = Product(self._client(region), made.outputs["ProductId"])
        product.take(found.steps, self.edition, self.release.url)
        product.describe(self.edition)
        portfolio = Portfolio(product.client, made.outputs["PortfolioId"])
        shared = portfolio.share(self.catalog, self.context.poll)
        current = [one for one in product.versions() if one.current]
        return Offer(
            region=region,
            portfolio=portfolio.identity,
            product=product.identity,
            version=self.edition.name,
            changed=made.changed or shared or found.steps != Steps(False, None, ()),
            made=found.steps.make or not found.parameters,
            deprecated=tuple(one.name for one in found.steps.deprecate),
            current=tuple(one.name for one in sorted(current, key=lambda one: one.created, reverse=True)),
        )

    def received(self, offers: Sequence[Offer]) -> Iterator[str]:
        """Makes the launch role and imports the portfolios in the accounts that are shared with and can be reached.

        Yields for each other account what is left to do there.
        """
        for account in self.catalog.share_accounts:
            if not self.context.aws.reaches(account):
                ids = ", ".join(f"{one.portfolio} in {one.region}" for one in offers)
                url = self.release.package.urls[catalog_template.RECIPIENT_FILE]
                role = "" if self.catalog.by_stack_set else f" launch {url} once and"
                yield f"Account {account}, which the credentials do not reach, must{role} accept {ids}."
                continue
            if not self.catalog.by_stack_set:
                self._make_role(account)
            for one in offers:
                remote = self.context.aws.client("servicecatalog", account, one.region)
                portfolio_shares.accept(remote, one.portfolio)
                if self.catalog.share_principals:
                    portfolio_shares.admit(remote, one.portfolio, self.catalog.principal_patterns)

    def _make_role(self, account: str) -> None:
        stacks.ensure(
            self.context.aws.client("cloudformation", account, self.settings.stack_set.home_region),
            RECIPIENT_STACK,
            self.release.package.urls[catalog_template.RECIPIENT_FILE],
            catalog_stack.recipient_parameters(self.settings, self.release.bucket),
            self.context.reporter,
            self.context.poll,
            f"{RECIPIENT_STACK} {account}",
        )

    def left_behind(self, found: Mapping[str, _Region]) -> Iterator[str]:
        """Yields for each Region and account that is no longer in a list what is left to do there."""
        before = {account for one in found.values() for account in catalog_stack.shared_with(one.parameters)}
        for account in sorted(before.difference(self.catalog.share_accounts)):
            yield (
                f"Account {account} is shared with no more: once nothing that it launched is left, delete the stack"
                f" {RECIPIENT_STACK} there."
            )
        for region in sorted(region for region, one in found.items() if one.parameters and region not in self.regions):
            yield (
                f"The catalog in {region}, where the product is not offered any more, stands as it was: once nothing is"
                f" launched of it, delete the stack {CATALOG_STACK} there, or add the Region again."
            )

    @property
    def _further(self) -> set[str]:
        targets = self.context.standing | self.context.neighbours.targets
        return {*self.context.neighbours.products, *(region for _, region in targets)}

    @property
    def _places(self) -> list[Place]:
        return [(self.context.account, region) for region in self.regions]

    def _cloudformation(self, region: str) -> Any:
        return self.context.aws.client("cloudformation", self.context.account, region)

    def _client(self, region: str) -> Any:
        return self.context.aws.client("servicecatalog", self.context.account, region)
