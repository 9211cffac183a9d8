"""The catalog's stack in one Region: the parameters that the configuration gives it."""

from collections.abc import Mapping, Sequence

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


def first_version(stack: Mapping[str, str], name: str, url: str) -> dict[str, str]:
    """Returns the version that the product begins with: for good the one that it was made with.

    `stack` are the parameters of the stack that stands, empty where there is none.
    """
    made = {k.VERSION_NAME.name: name, k.TEMPLATE_URL.name: url}
    return {key: stack.get(key, value) for key, value in made.items()}


def parameters(
    settings: Settings, region: str, bucket: str, architectures: Sequence[str], first: Mapping[str, str]
) -> dict[str, str]:
    """Returns the stack's parameters in a Region; raises UsageError where the configuration names no provider."""
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
        k.CREATE_LAUNCH_ROLE: "on" if region == regions(settings)[0] and not catalog.by_stack_set else "off",
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
        **_slots(k.PRINCIPALS, catalog.principals),
        **_slots(k.PRINCIPAL_PATTERNS, catalog.principal_patterns),
        **_slots(k.SHARED_ACCOUNTS, catalog.share_accounts),
        **_slots(k.TAG_VALUES, catalog.tag_values),
    }
    return {parameter.name: value for parameter, value in given.items()} | slots | dict(first)


def recipient_parameters(settings: Settings, bucket: str) -> dict[str, str]:
    """Returns the parameters of the launch role's stack in an account that the portfolio is shared with."""
    return {
        k.LAUNCH_ROLE_NAME.name: settings.catalog.launch_role_name,
        f.ARTIFACT_BUCKET.name: bucket,
        p.PERMISSIONS_BOUNDARY.name: settings.security.permissions_boundary,
    }


def _slots(parameters: Sequence[RootParameter], values: Sequence[str]) -> dict[str, str]:
    padded = [*values, *[""] * (len(parameters) - len(values))]
    return {slot.name: value for slot, value in zip(parameters, padded, strict=True)}
