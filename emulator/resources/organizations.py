"""Organizations: one organization with its members, trusted services and delegated administrators, over ministack's.

Refusals: the Organizations service model (errors of each operation, and the reasons of ConstraintViolationException).
Accounts join by CreateAccount; invitations are not there.
"""

import json
from collections.abc import Mapping
from typing import Any

from emulator import bridge, organization, stack_set_automation
from emulator import bridge_organizations as accounts
from emulator.bridge_data_plane import Record, current_scope, scope
from emulator.handlers import Api, Response
from emulator.json_api import ApiError, JsonApi, refusal

Given = dict[str, Any]
_MOST_ADMINISTRATORS = 5
_MEMBERSHIP = ("CreateAccount", "MoveAccount", "RemoveAccountFromOrganization")
_BY_PARENT = ("ListAccountsForParent", "ListOrganizationalUnitsForParent")
_READING = ("Describe", "List")


class Organizations:
    """The API: each operation runs for the management account of the caller's organization."""

    def __init__(self) -> None:
        self._own = JsonApi("organizations", _OPERATIONS)

    def __call__(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Response | None:
        """Answer a request (``emulator.handlers.Api``)."""
        name = headers.get("x-amz-target", "").rpartition(".")[2]
        given: Given = json.loads(body or b"{}")
        try:
            management = _acting(name, current_scope()[0])
            with scope(management, organization.HOME):
                if name in _BY_PARENT:
                    _check_parent(given.get("ParentId", ""))
                answer = self._own(method, path, headers, body)
                if answer is None:
                    answer = bridge.own_answer("organizations", method, path, headers, body)
        except ApiError as refused:
            return refusal(refused)
        status, sent, content = answer
        if status != 200:
            return answer
        made = json.loads(content or b"{}").get("CreateAccountStatus", {}).get("AccountId")
        if made:
            _add_access_role(management, made, given.get("RoleName", "OrganizationAccountAccessRole"))
        if name in _MEMBERSHIP:
            stack_set_automation.follow(management, made or given["AccountId"])
        return status, sent, _with_states(content)


def _acting(name: str, caller: str) -> str:
    """The account for which a caller's operation runs: members may read, and most only as delegated administrators."""
    management = accounts.management_of(caller)
    if name == "CreateOrganization":
        if management is not None:
            raise ApiError("AlreadyInOrganizationException", "The AWS account is already a member of an organization.")
        return caller
    if management is None:
        raise ApiError("AWSOrganizationsNotInUseException", "Your account is not a member of an organization.")
    delegated = name.startswith(_READING) and organization.is_delegated(management, caller)
    if caller != management and name != "DescribeOrganization" and not delegated:
        raise ApiError("AccessDeniedException", "You don't have permissions to access this resource.")
    return management


def _add_access_role(management: str, account: str, name: str) -> None:
    """Give a new account the role by which its management account administers it (``CreateAccount``, RoleName)."""
    principal = {"AWS": f"arn:aws:iam::{management}:root"}
    trust = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    with scope(account, organization.HOME):
        iam = bridge.client("iam")
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=_policy(trust))
        iam.put_role_policy(RoleName=name, PolicyName="AdministratorAccess", PolicyDocument=_policy(everything))


def _policy(statement: Given) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _check_parent(parent: str) -> None:
    if parent != accounts.root() and parent not in accounts.units():
        raise ApiError("ParentNotFoundException", f"You specified parent {parent}, which doesn't exist.")


def _with_states(content: bytes) -> bytes:
    """An answer with the State of accounts beside their Status, which it replaces (shape Account)."""
    document = json.loads(content or b"{}")
    for account in [*document.get("Accounts", []), *filter(None, [document.get("Account")])]:
        account["State"] = account["Status"]
    return json.dumps(document).encode() if document else content


def create_organization(given: Given) -> Given:
    """Make the caller's account the management account of an organization."""
    return {"Organization": accounts.create(given.get("FeatureSet", "ALL"))}


def remove_account(given: Given) -> Given:
    """Take a member out."""
    account = given["AccountId"]
    if account == current_scope()[0]:
        raise ApiError("MasterCannotLeaveOrganizationException", "The management account can't leave its organization.")
    _member(account)
    if organization.is_delegated(current_scope()[0], account):
        raise _constraint("CANNOT_REMOVE_DELEGATED_ADMINISTRATOR_FROM_ORG", "Deregister it first.")
    accounts.remove_account(account)
    return {}


def _member(account: str) -> Record:
    found = accounts.accounts().get(account)
    if found is None:
        text = "You specified an account that doesn't exist."
        raise ApiError("AccountNotFoundException", text)
    return found


def _constraint(reason: str, text: str) -> ApiError:
    return ApiError("ConstraintViolationException", f"{reason}: {text}")


def _principal(given: Given) -> str:
    principal = str(given["ServicePrincipal"])
    # stacksets.cloudformation.amazonaws.com is not the service's principal (pepperize/cdk-organizations#1718).
    if not principal.endswith(".amazonaws.com") or principal == "stacksets.cloudformation.amazonaws.com":
        raise ApiError("InvalidInputException", "You specified an unrecognized service principal.")
    return principal


def enable_service_access(given: Given) -> Given:
    """Let a service into the organization."""
    organization.trust(_principal(given))
    return {}


def disable_service_access(given: Given) -> Given:
    """Shut a service out of the organization."""
    organization.distrust(_principal(given))
    return {}


def list_service_access(given: Given) -> Given:
    """Return the services that the organization trusts."""
    names = ("ServicePrincipal", "DateEnabled")
    return {"EnabledServicePrincipals": [{name: item[name] for name in names} for item in organization.trusted()]}


def register_administrator(given: Given) -> Given:
    """Make a member a delegated administrator of a service."""
    account, principal = given["AccountId"], _principal(given)
    _member(account)
    if account == current_scope()[0]:
        text = "You attempted to register the management account as a delegated administrator."
        raise _constraint("CANNOT_REGISTER_MASTER_AS_DELEGATED_ADMINISTRATOR", text)
    if principal not in [item["ServicePrincipal"] for item in organization.trusted()]:
        text = "You attempted to register a delegated administrator before you enabled service access."
        raise _constraint("SERVICE_ACCESS_NOT_ENABLED", text)
    registered = [item["Account"] for item in organization.delegations() if item["Principal"] == principal]
    if account in registered:
        text = "The specified account is already a delegated administrator for this service."
        raise ApiError("AccountAlreadyRegisteredException", text)
    if len(registered) >= _MOST_ADMINISTRATORS:
        text = "You attempted to register more delegated administrators than allowed for the service principal."
        raise _constraint("MAX_DELEGATED_ADMINISTRATORS_FOR_SERVICE_LIMIT_EXCEEDED", text)
    organization.delegate(account, principal)
    return {}


def deregister_administrator(given: Given) -> Given:
    """Undo the registration of a delegated administrator."""
    _member(given["AccountId"])
    if not organization.undelegate(given["AccountId"], _principal(given)):
        text = "The specified account is not a delegated administrator for this service."
        raise ApiError("AccountNotRegisteredException", text)
    return {}


def list_administrators(given: Given) -> Given:
    """Return the delegated administrators, of one service or of all."""
    wanted = given.get("ServicePrincipal")
    since = {
        item["Account"]: item["Since"] for item in organization.delegations() if wanted in (None, item["Principal"])
    }
    names = ("Id", "Arn", "Email", "Name", "Status", "JoinedMethod", "JoinedTimestamp")
    found = []
    for account, registered in since.items():
        record = _member(account)
        described = {name: record[name] for name in names}
        found.append({**described, "State": record["Status"], "DelegationEnabledDate": registered})
    return {"DelegatedAdministrators": found}


def list_delegated_services(given: Given) -> Given:
    """Return the services that an account administers."""
    _member(given["AccountId"])
    found = [
        {"ServicePrincipal": item["Principal"], "DelegationEnabledDate": item["Since"]}
        for item in organization.delegations()
        if item["Account"] == given["AccountId"]
    ]
    if not found:
        text = "The specified account is not a delegated administrator."
        raise ApiError("AccountNotRegisteredException", text)
    return {"DelegatedServices": found}


_OPERATIONS = {
    "CreateOrganization": create_organization,
    "DeregisterDelegatedAdministrator": deregister_administrator,
    "DisableAWSServiceAccess": disable_service_access,
    "EnableAWSServiceAccess": enable_service_access,
    "ListAWSServiceAccessForOrganization": list_service_access,
    "ListDelegatedAdministrators": list_administrators,
    "ListDelegatedServicesForAccount": list_delegated_services,
    "RegisterDelegatedAdministrator": register_administrator,
    "RemoveAccountFromOrganization": remove_account,
}

APIS: Mapping[str, Api] = {"organizations": Organizations()}
