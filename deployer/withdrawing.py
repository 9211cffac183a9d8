"""Taking the product back: the catalog's stacks go, and with them the product, its versions and its shares.

What was launched would stay without a product to update or end it by, so nothing goes while anything of this account is
launched. What other accounts launched cannot be seen from here (service model, `SearchProvisionedProducts`).
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
    places = [(context.account, region) for region in catalog_stack.regions(context.settings)]
    standing: list[Place] = step(context, "Launches", lambda: work.unused(places))
    # The Region that made the launch role goes last: the others' constraints name it.
    last = standing[:1]
    done = step(context, "Catalog", lambda: each(standing[1:], work.remove, work.pause))
    if not done.failures and last:
        done.failures.update(each(last, work.remove, work.pause).failures)
    if done.failures:
        raise RefusedError(" ".join([*done.told(), "Run the same command again."]))
    removed = [f"{CATALOG_STACK} in {region}" for _, region in standing]
    left = []
    for account in context.settings.catalog.share_accounts:
        if not context.aws.reaches(account):
            left.append(f"The launch role stays in account {account}, which the credentials do not reach.")
        elif work.remove_role(account, places[0][1]):
            removed.append(f"{RECIPIENT_STACK} in {account}")
    return Withdrawn(tuple(removed), tuple(left))


@dataclass(frozen=True)
class _Withdrawing:
    context: Context
    pause: Pause

    def unused(self, places: list[Place]) -> list[Place]:
        """Returns where the catalog stands; raises RefusedError where something of its product is launched."""
        found = []
        for account, region in places:
            stack = stacks.describe(self.context.aws.client("cloudformation", account, region), CATALOG_STACK)
            if stack is None:
                continue
            found.append((account, region))
            client = self.context.aws.client("servicecatalog", account, region)
            # A stack whose removal failed half-way may have lost its outputs with what they name.
            product = stacks.outputs_of(stack).get("ProductId")
            launches = Product(client, product).launches() if product else []
            if launches:
                raise RefusedError(
                    f"{', '.join(launches)} in {region} {'is' if len(launches) == 1 else 'are'} launched of the"
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
