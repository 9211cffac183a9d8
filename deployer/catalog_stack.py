"""The catalog's stack in one Region: the parameters that the configuration gives it."""

from collections.abc import Iterable, Mapping, Sequence

from deployer.errors import UsageError
from deployer.sections import parameter_text
from deployer.settings import Settings
from generator import catalog_parameters as k
from generator import foundation_parameters as f
from generator import parameters as p
from generator.parameters import RootParameter

CATALOG_STACK = "mcp-runtime-catalog"
RECIPIENT_STACK = "mcp-runtime-catalog-launch-role"


def regions(settings: Settings) -> list[str]:
    """Returns the Regions in which the product is offered, the one that makes the launch role first."""
    found = list(settings.catalog.regions or settings.regions)
    home = settings.stack_set.home_region
    return [home, *(one for one in found if one != home)] if home in found else found


def looked_in(settings: Settings, more: Iterable[str]) -> list[str]:
    """Returns the Regions in which a catalog may stand, those where it is offered first: also where the runtimes and
    the foundation are, and `more`, since the list of Regions may have been longer.
    """
    return list(dict.fromkeys([*regions(settings), settings.stack_set.home_region, *settings.regions, *sorted(more)]))


def shared_with(stack: Mapping[str, str]) -> tuple[str, ...]:
    """Returns the accounts with which a stack of these parameters shares its portfolio."""
    return tuple(filter(None, (stack.get(slot.name, "") for slot in k.SHARED_ACCOUNTS)))


def role_region(settings: Settings, stacks: Mapping[str, Mapping[str, str]]) -> str:
    """Returns the Region whose stack makes the launch role: the one that does, else the first of those offered in.

    `stacks` are the parameters of the stacks that stand, by Region. A role is of the account, so that a second stack
    which made it would be refused.
    """
    makers = (region for region, stack in stacks.items() if stack.get(k.CREATE_LAUNCH_ROLE.name) == "on")
    return next(makers, regions(settings)[0])


def first_version(stack: Mapping[str, str], name: str, url: str) -> dict[str, str]:
    """Returns the version that the product begins with: for good the one that it was made with.

    `stack` are the parameters of the stack that stands, empty where there is none.
    """
    made = {k.VERSION_NAME.name: name, k.TEMPLATE_URL.name: url}
    return {key: stack.get(key, value) for key, value in made.items()}


def parameters(
    settings: Settings,
    makes_role: bool,
    bucket: str,
    architectures: Sequence[str],
    first: Mapping[str, str],
    stack: Mapping[str, str],
) -> dict[str, str]:
    """Returns the stack's parameters in a Region, in which `stack` are those of the stack that stands.

    Raises UsageError where the configuration names no provider.
    """
    catalog = settings.catalog
    if not catalog.provider:
        raise UsageError(
            f"{settings.file}: catalog.provider is not given; write under [catalog] the name of the team that offers"
            " the product."
        )
    given = {
        k.PROVIDER: catalog.provider,
        k.PRODUCT_NAME: catalog.product,
        k.CONSTRAINT: catalog.constraint,
        k.CREATE_LAUNCH_ROLE: "on" if makes_role and not catalog.by_stack_set else "off",
        k.LAUNCH_ROLE_NAME: catalog.launch_role_name,
        k.DEVELOPMENT_SIZES: parameter_text(catalog.development_task_sizes),
        k.ARCHITECTURES: ",".join(architectures),
        k.TAG_KEY: catalog.tag_key,
        f.ADMINISTRATION_ROLE_NAME: settings.stack_set.administration_role_name,
        f.EXECUTION_ROLE_NAME: settings.stack_set.execution_role_name,
        f.ARTIFACT_BUCKET: bucket,
        p.PERMISSIONS_BOUNDARY: settings.security.permissions_boundary,
        k.STACK_SET_ACCOUNTS: "",
        k.STACK_SET_REGIONS: "",
    }
    if catalog.by_stack_set:
        given[k.STACK_SET_ACCOUNTS] = ",".join(sorted({target.account for target in settings.targets}))
        given[k.STACK_SET_REGIONS] = ",".join(settings.regions)
    slots = {
        **_slots(k.PRINCIPALS, catalog.principals, stack),
        **_slots(k.PRINCIPAL_PATTERNS, catalog.principal_patterns, stack),
        **_slots(k.SHARED_ACCOUNTS, catalog.share_accounts, stack),
        **_slots(k.TAG_VALUES, catalog.tag_values, stack),
    }
    return {parameter.name: value for parameter, value in given.items()} | slots | dict(first)


def recipient_parameters(settings: Settings, bucket: str) -> dict[str, str]:
    """Returns the parameters of the launch role's stack in an account that the portfolio is shared with."""
    return {
        k.LAUNCH_ROLE_NAME.name: settings.catalog.launch_role_name,
        f.ARTIFACT_BUCKET.name: bucket,
        p.PERMISSIONS_BOUNDARY.name: settings.security.permissions_boundary,
    }


def _slots(parameters: Sequence[RootParameter], values: Sequence[str], stack: Mapping[str, str]) -> dict[str, str]:
    """Returns the slots' values, each where it stands already.

    One that moved would be made by the slot that it comes to, which changes nothing since it is there (service model,
    `CreatePortfolioShare`), and then be ended by the slot that it left.
    """
    standing = {slot.name: stack.get(slot.name, "") for slot in parameters}
    kept = {name: value if value in values else "" for name, value in standing.items()}
    new = iter([value for value in values if value not in kept.values()])
    return {name: value or next(new, "") for name, value in kept.items()}
