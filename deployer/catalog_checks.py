"""What [catalog] may say together: as many entries as the catalog's template has slots, and a set that can be one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deployer.errors import UsageError
from generator import catalog_parameters as k

if TYPE_CHECKING:
    from deployer.settings import Settings


def check(settings: Settings, file: str) -> None:
    """Raises UsageError for more entries than there are slots, one that is given twice, half a tag, and targets that
    no stack set constraint can name: it takes a list of accounts and a list of Regions (service model,
    `CreateConstraint`).
    """
    catalog = settings.catalog
    for key, slots in (
        ("principals", k.PRINCIPALS),
        ("principal_patterns", k.PRINCIPAL_PATTERNS),
        ("share_accounts", k.SHARED_ACCOUNTS),
        ("tag_values", k.TAG_VALUES),
    ):
        if len(getattr(catalog, key)) > len(slots):
            raise UsageError(
                f"{file}: catalog.{key} has {len(getattr(catalog, key))} entries, and the catalog's template has"
                f" {len(slots)} slots; leave some out."
            )
    for key in ("principals", "principal_patterns", "share_accounts", "tag_values"):
        given = getattr(catalog, key)
        twice = next((one for one in given if given.count(one) > 1), None)
        if twice is not None:
            raise UsageError(f"{file}: catalog.{key} names {twice} twice; leave one out.")
    if bool(catalog.tag_key) != bool(catalog.tag_values):
        raise UsageError(f"{file}: catalog.tag_key and catalog.tag_values go together; give both or neither.")
    if catalog.share_organization and not settings.stack_set.organization_id:
        raise UsageError(
            f"{file}: catalog.share_organization needs stack_set.organization_id, so that the organization's accounts"
            " may read the templates and pull the image."
        )
    if catalog.by_stack_set and not settings.stack_set.service_managed:
        targets = {(target.account, target.region) for target in settings.targets}
        accounts, regions = ({target[index] for target in targets} for index in (0, 1))
        if len(targets) != len(accounts) * len(regions):
            raise UsageError(
                f'{file}: catalog.constraint = "stack-set" launches to every target account in every target Region,'
                " and the targets are not all of these; add the missing ones, or take role."
            )
    if catalog.by_stack_set and settings.stack_set.service_managed:
        raise UsageError(
            f'{file}: catalog.constraint = "stack-set" acts with the roles of a self-managed stack set; take role, or'
            " another stack_set.permission_model."
        )


def check_publisher(settings: Settings, account: str) -> None:
    """Raises UsageError for a share with the publishing account itself, and for principals of another account."""
    catalog = settings.catalog
    if account in catalog.share_accounts:
        raise UsageError(
            f"{settings.file}: catalog.share_accounts names {account}, which publishes and has the product anyway;"
            " leave it out."
        )
    stranger = next((one for one in catalog.principals if one.split(":")[4] != account), None)
    if stranger is not None:
        raise UsageError(
            f"{settings.file}: catalog.principals names {stranger}, but the product is published by account {account};"
            " give principals of that account, or a pattern."
        )
