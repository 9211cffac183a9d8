"""AWS::IAM::Role and ManagedPolicy, with what IAM refuses of them.

Refusals: CreateRole, PutRolePolicy, AttachRolePolicy, CreatePolicy and DeletePolicy in the IAM API reference; sizes and
counts: "IAM and AWS STS quotas" in the user guide. AWS managed policies are taken as given: their list is not here.
"""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from emulator import bridge, policy_documents
from emulator.checked import Checked
from emulator.handlers import Created, HandlerFailed, Properties, ResourceHandler

_INLINE, _TRUST, _MANAGED = 10_240, 2_048, 6_144
_ATTACHED = 10


def _refused(code: str, message: str, status: int = 400, handler_code: str = "InvalidRequest") -> HandlerFailed:
    return HandlerFailed(f"{message} (Service: Iam, Status Code: {status}, Error Code: {code})", handler_code)


def _malformed(refused: ValueError) -> HandlerFailed:
    return _refused("MalformedPolicyDocument", str(refused))


def _exceeded(quota: str, limit: int) -> HandlerFailed:
    return _refused("LimitExceeded", f"Cannot exceed quota for {quota}: {limit}", 409)


class RoleHandler(Checked):
    """Ref is the role's name."""

    def check(self, props: Properties, own_id: str) -> None:
        """Raise ValueError for a name that is taken, documents that are none, sizes and counts beyond the quotas, and
        principals and policies that do not exist.
        """
        name = str(props.get("RoleName") or "")
        if name and name != own_id and _exists("get_role", RoleName=name):
            text = f"Role with name {name} already exists."
            raise _refused("EntityAlreadyExists", text, 409, "AlreadyExists")
        trust = props.get("AssumeRolePolicyDocument")
        try:
            policy_documents.check_trust(trust)
            for principal in policy_documents.principals(trust):
                if not _principal_exists(principal):
                    raise policy_documents.invalid_principal(principal)
            for policy in props.get("Policies") or ():
                policy_documents.check_identity(policy.get("PolicyDocument"))
        except ValueError as refused:
            raise _malformed(refused) from refused
        if policy_documents.size(trust) > _TRUST:
            raise _exceeded("ACLSizePerRole", _TRUST)
        if sum(policy_documents.size(item["PolicyDocument"]) for item in props.get("Policies") or ()) > _INLINE:
            raise _refused("LimitExceeded", f"Maximum policy size of {_INLINE} bytes exceeded for role {name}", 409)
        boundary = str(props.get("PermissionsBoundary") or "")
        if boundary and not boundary.startswith("arn:aws:iam::aws:") and not _exists("get_policy", PolicyArn=boundary):
            text = f"Scope ARN: {boundary} does not exist or is not attachable."
            raise _refused("NoSuchEntity", text, 404, "NotFound")
        attached = props.get("ManagedPolicyArns") or []
        if len(attached) > _ATTACHED:
            raise _exceeded("PoliciesPerRole", _ATTACHED)
        for arn in attached:
            if not str(arn).startswith("arn:aws:iam::aws:") and not _exists("get_policy", PolicyArn=str(arn)):
                text = f"Policy {arn} does not exist or is not attachable."
                raise _refused("NoSuchEntity", text, 404, "NotFound")

    def create(self, logical_id: str, props: Properties, stack_name: str) -> Created:
        """Make the role and bound it. Raises ValueError where IAM refuses it."""
        made = super().create(logical_id, props, stack_name)
        _bound(made[0], props)
        return made

    def update(
        self, physical_id: str, old: Properties, new: Properties, stack_name: str, logical_id: str = ""
    ) -> Created:
        """Change the role and what bounds it. Raises ValueError where IAM refuses it."""
        made = super().update(physical_id, old, new, stack_name, logical_id)
        if (made[0], new.get("PermissionsBoundary")) != (physical_id, old.get("PermissionsBoundary")):
            _bound(made[0], new)
        return made


def _exists(operation: str, **given: str) -> bool:
    try:
        getattr(bridge.client("iam"), operation)(**given)
    except ClientError:
        return False
    return True


def _principal_exists(principal: str) -> bool:
    kind, _, name = principal.rpartition(":")[2].partition("/")
    if kind not in ("role", "user"):
        return True
    with bridge.scope(principal.split(":")[4], bridge.current_scope()[1]):
        return _exists(f"get_{kind}", **{f"{kind.title()}Name": name.rpartition("/")[2]})


def _bound(role: str, props: Properties) -> None:
    """Put the boundary on a role, or take it away: ministack's own handler knows none."""
    client = bridge.client("iam")
    if props.get("PermissionsBoundary"):
        client.put_role_permissions_boundary(RoleName=role, PermissionsBoundary=str(props["PermissionsBoundary"]))
    elif "PermissionsBoundary" in client.get_role(RoleName=role)["Role"]:
        client.delete_role_permissions_boundary(RoleName=role)


class ManagedPolicyHandler(Checked):
    """Ref is the policy's ARN."""

    def check(self, props: Properties, own_id: str) -> None:
        """Raise ValueError for a name that is taken, a document that is none and one beyond the quota."""
        document = props.get("PolicyDocument")
        try:
            policy_documents.check_identity(document)
        except ValueError as refused:
            raise _malformed(refused) from refused
        if policy_documents.size(document) > _MANAGED:
            raise _exceeded("PolicySize", _MANAGED)
        name, account = props.get("ManagedPolicyName"), bridge.current_scope()[0]
        arn = f"arn:aws:iam::{account}:policy{props.get('Path', '/')}{name}"
        if name and not own_id and _exists("get_policy", PolicyArn=arn):
            text = f"A policy called {name} already exists. Duplicate names are not allowed."
            raise _refused("EntityAlreadyExists", text, 409, "AlreadyExists")

    def delete(self, physical_id: str, props: Properties) -> None:
        """Remove the policy, detached from what the template attached it to. Raises ValueError while others have it."""
        try:
            found: Mapping[str, Any] = bridge.client("iam").list_entities_for_policy(PolicyArn=physical_id)
        except ClientError:
            found = {}
        for kind, key in (("Roles", "RoleName"), ("Users", "UserName"), ("Groups", "GroupName")):
            own = props.get(kind) or []
            if any(item[key] not in own for item in found.get(f"Policy{kind}", ())):
                text = "Cannot delete a policy attached to entities."
                raise _refused("DeleteConflict", text, 409, "ResourceConflict")
        super().delete(physical_id, props)


HANDLERS: Mapping[str, ResourceHandler] = {
    "AWS::IAM::ManagedPolicy": ManagedPolicyHandler("AWS::IAM::ManagedPolicy"),
    "AWS::IAM::Role": RoleHandler("AWS::IAM::Role"),
}
