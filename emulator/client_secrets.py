"""The secrets of user pool clients, of which two may be active, and the API for them that ministack lacks.

Refusals: AddUserPoolClientSecret, ListUserPoolClientSecrets and DeleteUserPoolClientSecret in the cognito-idp service
model: two active secrets at most, the last one stays, values are told once and only where Cognito made them.
"""

import secrets
import time
from typing import Any

import botocore.session

from emulator import bridge_cognito, model_constraints
from emulator.json_api import ApiError
from emulator.records import Record, Table

MOST = 2
_secrets = Table("client-secrets")
_model = botocore.session.Session().get_service_model("cognito-idp")


def add(parameters: dict[str, Any]) -> dict[str, Any]:
    """Add a secret to a client that has one: the given one, or a new one that the answer tells."""
    client, active = _active("AddUserPoolClientSecret", parameters)
    if len(active) >= MOST:
        raise ApiError("LimitExceededException", f"A user pool client can have at most {MOST} active secrets.")
    given = parameters.get("ClientSecret")
    added = _secret(client["ClientId"], given or secrets.token_hex(26), time.time())
    if any(one["id"] == added["id"] for one in active):
        added = _secret(client["ClientId"], added["value"], added["created"] + 1)
    _secrets.put(_key(parameters), {"active": [*active, added]})
    told = {} if given else {"ClientSecretValue": added["value"]}
    return {"ClientSecretDescriptor": {**_described(added), **told}}


def listed(parameters: dict[str, Any]) -> dict[str, Any]:
    """Return a client's secrets without their values."""
    _, active = _active("ListUserPoolClientSecrets", parameters)
    return {"ClientSecrets": [_described(one) for one in active]}


def delete(parameters: dict[str, Any]) -> dict[str, Any]:
    """Delete one of two secrets."""
    client, active = _active("DeleteUserPoolClientSecret", parameters)
    kept = [one for one in active if one["id"] != parameters["ClientSecretId"]]
    if len(kept) == len(active):
        raise ApiError("ResourceNotFoundException", "The client secret does not exist.")
    if not kept:
        raise ApiError("InvalidParameterException", "The last secret of a user pool client cannot be deleted.")
    _secrets.put(_key(parameters), {"active": kept})
    client["ClientSecret"] = kept[0]["value"]
    return {}


def accepted_as(pool_id: str, client_id: str, given: str) -> str:
    """Return the secret by which ministack knows a client when ``given`` is one of its active secrets, else ``given``.

    Whatever the account and Region: the token endpoint is told neither.
    """
    client = bridge_cognito.client_anywhere(pool_id, client_id)
    for (_, _, key), record in _secrets.every():
        if client and key == f"{pool_id}/{client_id}" and any(one["value"] == given for one in record["active"]):
            return str(client["ClientSecret"])
    return given


def _active(operation: str, parameters: dict[str, Any]) -> tuple[Record, list[Record]]:
    """Return a client and its active secrets, the oldest first; raise ApiError for one that has none."""
    shape = _model.operation_model(operation).input_shape
    refused = model_constraints.refusal(shape, {**parameters, **_unshown(parameters)}) if shape else ""
    if refused:
        raise ApiError("InvalidParameterException", refused)
    client = bridge_cognito.client(str(parameters["UserPoolId"]), str(parameters["ClientId"]))
    if client is None:
        raise ApiError("ResourceNotFoundException", f"User pool client {parameters['ClientId']} does not exist.")
    if not client.get("ClientSecret"):
        raise ApiError("InvalidParameterException", "The user pool client has no client secret.")
    known = _secrets.get(_key(parameters))
    first = _secret(client["ClientId"], str(client["ClientSecret"]), float(client["CreationDate"]))
    return client, list(known["active"]) if known else [first]


def _unshown(parameters: dict[str, Any]) -> dict[str, str]:
    # A refusal repeats the value that it refuses, but no secret.
    given = str(parameters.get("ClientSecret") or "")
    return {"ClientSecret": "".join("a" if one.isalnum() else one for one in given)} if given else {}


def _key(parameters: dict[str, Any]) -> str:
    return f"{parameters['UserPoolId']}/{parameters['ClientId']}"


def _secret(client_id: str, value: str, created: float) -> Record:
    return {"id": f"{client_id}--{int(created)}", "value": value, "created": created}


def _described(secret: Record) -> dict[str, Any]:
    return {"ClientSecretId": secret["id"], "ClientSecretCreateDate": secret["created"]}
