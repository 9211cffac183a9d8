"""Who may work on stack sets in an organization, and whether stack sets may: CallAs and trusted access.

``CallAs`` and the access operations (CloudFormation service model); "Activate trusted access" and "Register a delegated
administrator" (user guide). The words of the refusals: hashicorp/terraform-provider-aws#32536, #37069 and
pepperize/cdk-organizations#1718.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from emulator import bridge_stacks, organization
from emulator import stack_set_records as records
from emulator.bridge_data_plane import Record, current_scope, scope
from emulator.json_api import ApiError
from emulator.stack_set_records import SERVICE_MANAGED

Given = Mapping[str, Any]
_DELEGATED = "DELEGATED_ADMIN"
_LONGEST_BODY = 51_200
_caller: ContextVar[str] = ContextVar("account that calls the API of stack sets")


@contextmanager
def acting(given: Given) -> Iterator[None]:
    """Act, within a block, for the account that keeps the sets: a delegated administrator's are kept by the management
    account. Raises ApiError when the caller is not one.
    """
    account, region = current_scope()
    keeper = account
    if given.get("CallAs", "SELF") == _DELEGATED:
        found = organization.of(account)
        if found is None or not organization.is_delegated(found.management, account, organization.STACK_SETS):
            raise ApiError("ValidationError", "Account used is not a delegated administrator")
        keeper = found.management
    token = _caller.set(account)
    try:
        with scope(keeper, region):
            yield
    finally:
        _caller.reset(token)


def template(given: Given) -> tuple[str, Record]:
    """Return a request's template, as text and parsed, that the caller's own credentials can read. Raises Refused, and
    ApiError for a body that only a URL may give.
    """
    if len(str(given.get("TemplateBody", "")).encode()) > _LONGEST_BODY:
        text = "Value at 'templateBody' failed to satisfy constraint: Member must have length less than or equal to"
        raise ApiError("ValidationError", f"1 validation error detected: {text} {_LONGEST_BODY}")
    with scope(_caller.get(), current_scope()[1]):
        return bridge_stacks.template(given)


def visible(record: Record, given: Given) -> bool:
    """Whether the caller sees a set: delegated administrators see those with service-managed permissions."""
    return bool(given.get("CallAs", "SELF") != _DELEGATED or record["PermissionModel"] == SERVICE_MANAGED)


def check_visible(given: Given) -> None:
    """Raise ApiError when the caller does not see the set that a request names."""
    if not visible(records.find(given["StackSetName"]), given):
        raise ApiError("StackSetNotFoundException", f"StackSet {given['StackSetName']} not found", 404)


def check_access(model: str) -> None:
    """Raise ApiError unless stack sets of a permission model may be worked on from the current account."""
    if model != SERVICE_MANAGED:
        return
    account, _ = current_scope()
    found = organization.of(account)
    if found is None or found.management != account:
        text = "You must be the management account or delegated admin account of an organization"
        raise ApiError("ValidationError", f"{text} before operating a SERVICE_MANAGED stack set")
    if not organization.stack_sets_may_act(account):
        text = "You must enable organizations access to operate a service managed stack set"
        raise ApiError("ValidationError", text)


def activate_organizations_access(given: Given) -> Given:
    """Let stack sets act in the organization of the calling management account."""
    _management()
    with scope(current_scope()[0], organization.HOME):
        organization.trust(organization.STACK_SETS, activated=True)
    return {}


def deactivate_organizations_access(given: Given) -> Given:
    """Undo the activation; delegated administrators are deregistered first ("Activate trusted access")."""
    _management()
    with scope(current_scope()[0], organization.HOME):
        if any(item["Principal"] == organization.STACK_SETS for item in organization.delegations()):
            text = "Deregister the delegated administrators of StackSets before deactivating trusted access"
            raise ApiError("InvalidOperationException", text)
        organization.distrust(organization.STACK_SETS)
    return {}


def _management() -> None:
    account, _ = current_scope()
    found = organization.of(account)
    if found is None or found.management != account or not organization.all_features(account):
        text = "Trusted access is activated by the management account of an organization with all features"
        raise ApiError("InvalidOperationException", text)


def describe_organizations_access(given: Given) -> Given:
    """Return whether stack sets may act in the organization, to its management account or delegated administrator."""
    account, _ = current_scope()
    found = organization.of(account)
    if found is None or found.management != account:
        text = "The account is neither the management account of an organization nor a delegated administrator"
        raise ApiError("InvalidOperationException", text)
    return {"Status": "ENABLED" if organization.stack_sets_may_act(account) else "DISABLED"}
