"""AWS::Cognito::UserPool, UserPoolDomain and UserPoolClient, with what Amazon Cognito refuses of them.

Refusals: DeleteUserPool, CreateUserPoolDomain and CreateUserPoolClient in the Cognito user pools API reference.
"""

import re
from collections.abc import Mapping

from botocore.exceptions import ClientError

from emulator import bridge, client_secrets
from emulator.checked import Checked
from emulator.handlers import HandlerFailed, Properties, ResourceHandler
from emulator.json_api import JsonApi

_PREFIX = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_RESERVED = ("aws", "amazon", "cognito")
_STANDARD = frozenset({"aws.cognito.signin.user.admin", "email", "openid", "phone", "profile"})


class UserPoolHandler(Checked):
    """Ref is the pool's id."""

    def delete(self, physical_id: str, props: Properties) -> None:
        """Remove the pool. Raises ValueError while it is protected."""
        try:
            pool = bridge.client("cognito-idp").describe_user_pool(UserPoolId=physical_id)["UserPool"]
        except ClientError:
            pool = {}
        if pool.get("DeletionProtection") == "ACTIVE":
            text = "The user pool cannot be deleted because deletion protection is activated."
            raise HandlerFailed(f"{text} Deletion protection must be inactivated first.", "InvalidRequest")
        super().delete(physical_id, props)


class DomainHandler(Checked):
    """A prefix of the Region's own domain: a label without the words that Cognito keeps for itself."""

    def check(self, props: Properties, own_id: str) -> None:
        """Raise ValueError for a prefix that is none."""
        if "CustomDomainConfig" in props:
            return
        prefix = str(props.get("Domain", ""))
        if not _PREFIX.fullmatch(prefix):
            text = f"Value '{prefix}' at 'domain' failed to satisfy constraint: Member must satisfy regular expression"
            raise HandlerFailed(f"1 validation error detected: {text} pattern: {_PREFIX.pattern}", "InvalidRequest")
        reserved = [word for word in _RESERVED if word in prefix]
        if reserved:
            raise HandlerFailed(f"Domain cannot contain reserved word: {reserved[0]}", "InvalidRequest")


class ClientHandler(Checked):
    """Ref is the client's id."""

    def check(self, props: Properties, own_id: str) -> None:
        """Raise ValueError for scopes that do not exist and flows that go with neither each other nor the client."""
        flows = [str(flow) for flow in props.get("AllowedOAuthFlows") or ()]
        scopes = [str(scope) for scope in props.get("AllowedOAuthScopes") or ()]
        if _true(props, "AllowedOAuthFlowsUserPoolClient") and not (flows and scopes):
            text = "AllowedOAuthFlows and AllowedOAuthScopes are required if user pool client is allowed to use OAuth"
            raise HandlerFailed(f"{text} flows.", "InvalidRequest")
        if "client_credentials" in flows:
            if len(flows) > 1:
                text = "client_credentials flow can not be selected along with code flow or implicit flow."
                raise HandlerFailed(text, "InvalidRequest")
            if not _true(props, "GenerateSecret"):
                text = "client_credentials flow can not be selected if client does not have a client secret."
                raise HandlerFailed(text, "InvalidRequest")
            wrong = [scope for scope in scopes if scope in _STANDARD]
            if wrong:
                text = f"{', '.join(wrong)} are not supported with client_credentials flow."
                raise HandlerFailed(text, "InvalidRequest")
        missing = [scope for scope in scopes if scope not in _STANDARD and not _exists(str(props["UserPoolId"]), scope)]
        if missing:
            raise HandlerFailed(f"Invalid scope requested: {', '.join(missing)}", "NotFound")


def _true(props: Properties, name: str) -> bool:
    return str(props.get(name, False)).lower() == "true"


def _exists(pool: str, scope: str) -> bool:
    server, _, name = scope.rpartition("/")
    try:
        found = bridge.client("cognito-idp").describe_resource_server(UserPoolId=pool, Identifier=server)
    except ClientError:
        return False
    return any(item["ScopeName"] == name for item in found["ResourceServer"].get("Scopes") or ())


HANDLERS: Mapping[str, ResourceHandler] = {
    "AWS::Cognito::UserPool": UserPoolHandler("AWS::Cognito::UserPool"),
    "AWS::Cognito::UserPoolClient": ClientHandler("AWS::Cognito::UserPoolClient"),
    "AWS::Cognito::UserPoolDomain": DomainHandler("AWS::Cognito::UserPoolDomain"),
}
APIS = {
    "cognito-idp": JsonApi(
        "cognito-idp",
        {
            "AddUserPoolClientSecret": client_secrets.add,
            "DeleteUserPoolClientSecret": client_secrets.delete,
            "ListUserPoolClientSecrets": client_secrets.listed,
        },
    )
}
