"""Taking the product back: the catalog's stacks go, and with them the product, its versions and its shares.

What was launched would stay without a product to update or end it by, so nothing goes while anything is launched by
this account or one that the portfolio is shared with. Only an account itself sees what it launched (service model,
`SearchProvisionedProducts`), so that those which the credentials do not reach are named as left.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from deployer import catalog_stack, stacks
from deployer.catalog_stack import CATALOG_STACK, RECIPIENT_STACK
from deployer.context import Context
from deployer.deployment import step
from deployer.each_target import Pause, each
from deployer.errors import RefusedError
from deployer.portfolio_shares import Portfolio
from deployer.product import Product
from deployer.stack_set_plan import Target as Place
from generator import catalog_parameters as k


@dataclass(frozen=True)
class Withdrawn:
    """The stacks that were removed, and what is left to do."""

    removed: tuple[str, ...]
    left: tuple[str, ...]

    def as_data(self) -> dict[str, Any]:
        """Returns it as plain data."""
        return {"removed": list(self.removed), "left_to_do": list(self.left)}

    def lines(self) -> Iterator[str]:
        """Yields it as people read it."""
        yield from (f"removed {name}" for name in self.removed)
        if not self.removed:
            yield "there was nothing to remove"
        yield from self.left


def withdraw(context: Context) -> Withdrawn:
    """Removes the catalog from every Region, and the launch roles that this made in accounts that can be reached.

    Raises RefusedError where something of the product is launched still, or where AWS refuses.
    """
    work = _Withdrawing(context, Pause())
    home = context.settings.stack_set.home_region
    around = context.looked_around()
    further = {*around.neighbours.products, *(region for _, region in around.standing | around.neighbours.targets)}
    places = [(context.account, region) for region in catalog_stack.looked_in(context.settings, further)]
    standing: dict[Place, bool] = step(context, "Launches", lambda: work.unused(places))
    # The Region that made the launch role goes last: the others' constraints name it.
    last = [place for place, makes_role in standing.items() if makes_role]
    done = step(context, "Catalog", lambda: each([one for one in standing if one not in last], work.remove, work.pause))
    if not done.failures:
        done.failures.update(each(last, work.remove, work.pause).failures)
    if done.failures:
        raise RefusedError(" ".join([*done.told(), "Run the same command again."]))
    removed = [f"{CATALOG_STACK} in {region}" for _, region in standing]
    left = []
    for account in context.settings.catalog.share_accounts:
        if not context.aws.reaches(account):
            left.append(
                f"The launch role stays in account {account}, which the credentials do not reach, and what it launched."
            )
        elif work.remove_role(account, home):
            removed.append(f"{RECIPIENT_STACK} in {account}")
    return Withdrawn(tuple(removed), tuple(left))


@dataclass(frozen=True)
class _Withdrawing:
    context: Context
    pause: Pause

    def unused(self, places: list[Place]) -> dict[Place, bool]:
        """Returns where the catalog stands, and whether it makes the launch role there.

        Raises RefusedError where something of its product is launched by an account that can be reached.
        """
        found = {}
        for account, region in places:
            stack = stacks.describe(self.context.aws.client("cloudformation", account, region), CATALOG_STACK)
            if stack is None:
                continue
            found[(account, region)] = stacks.parameters_of(stack).get(k.CREATE_LAUNCH_ROLE.name) == "on"
            # A stack whose removal failed half-way may have lost its outputs with what they name.
            product = stacks.outputs_of(stack).get("ProductId")
            for owner in (account, *self.context.settings.catalog.share_accounts) if product else ():
                if owner != account and not self.context.aws.reaches(owner):
                    continue
                client = self.context.aws.client("servicecatalog", owner, region)
                launches = Product(client, str(product)).launches()
                where = region if owner == account else f"{owner} {region}"
                if launches:
                    raise RefusedError(
                        f"{', '.join(launches)} in {where} {'is' if len(launches) == 1 else 'are'} launched of the"
                        " product; terminate that first. Nothing was removed."
                    )
        return found

    def remove(self, place: Place) -> None:
        """Removes the catalog of a Region."""
        account, region = place
        client = self.context.aws.client("cloudformation", account, region)
        stack = stacks.describe(client, CATALOG_STACK)
        if stack is None:
            return
        portfolio = stacks.outputs_of(stack).get("PortfolioId")
        if portfolio:
            shares = Portfolio(self.context.aws.client("servicecatalog", account, region), portfolio)
            shares.unshare(self.context.poll)
        self._delete(client, f"{CATALOG_STACK} {region}", stack["StackId"])

    def remove_role(self, account: str, region: str) -> bool:
        """Removes the launch role's stack of an account; returns whether there was one."""
        client = self.context.aws.client("cloudformation", account, region)
        stack = stacks.describe(client, RECIPIENT_STACK)
        if stack is not None:
            self._delete(client, f"{RECIPIENT_STACK} {account}", stack["StackId"])
        return stack is not None

    def _delete(self, client: Any, name: str, stack_id: str) -> None:
        stacks.remove(client, name, stack_id, self.context.reporter, lambda: self.pause(self.context.poll))
