"""A token of the runtime's issuer, by client credentials, as the gateway gets one (RFC 6749, section 4.4).

Neither the client's secret nor the token is ever part of a message or of an exception.
"""

import base64
import json
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from deployer.errors import RefusedError
from deployer.network import Network, Response, send

DISCOVERY_PATH = "/.well-known/openid-configuration"
BASIC = "client_secret_basic"


class ClientRefusedError(RefusedError):
    """The issuer does not take the client's id or secret (RFC 6749, section 5.2, invalid_client)."""


@dataclass(frozen=True)
class Issuer:
    """A token issuer and its one client.

    `client_id` is empty where the secret holds it, `discovery_url` where it is the issuer's own with the usual path.
    """

    url: str
    secret_arn: str
    scope: str
    client_id: str = ""
    discovery_url: str = ""


def client_token(network: Network, secrets: Any, issuer: Issuer) -> str:
    """Returns an access token. `secrets` is the Secrets Manager client of the runtime's account and Region.

    Raises RefusedError where the secret lacks the client or the issuer gives no token, Unreachable where the issuer
    does not answer; lets boto3's errors through.
    """
    text = secrets.get_secret_value(SecretId=issuer.secret_arn).get("SecretString", "")
    return token_by(network, issuer, *client_of(text, issuer))


def token_by(network: Network, issuer: Issuer, client_id: str, client_secret: str) -> str:
    """Returns an access token by the given id and secret.

    Raises ClientRefusedError where the issuer does not take these, else as `client_token` does.
    """
    metadata = _metadata(network, issuer)
    endpoint = str(metadata["token_endpoint"])
    form = {"grant_type": "client_credentials", "scope": issuer.scope}
    headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
    if BASIC in metadata.get("token_endpoint_auth_methods_supported", [BASIC]):
        pair = f"{urllib.parse.quote(client_id, safe='')}:{urllib.parse.quote(client_secret, safe='')}"
        headers["authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    else:
        form |= {"client_id": client_id, "client_secret": client_secret}
    answer = send(network, "POST", endpoint, headers, urllib.parse.urlencode(form).encode())
    document = _document(answer)
    token = document.get("access_token")
    if answer.status != HTTPStatus.OK or not isinstance(token, str):
        reason = document.get("error") or f"HTTP status {answer.status}"
        kind = ClientRefusedError if reason == "invalid_client" else RefusedError
        raise kind(f"The token endpoint {endpoint} gave no token for the scope {issuer.scope}: {reason}.")
    return token


def client_of(text: str, issuer: Issuer) -> tuple[str, str]:
    """Returns the client's id and secret from the secret's text; raises RefusedError where one is missing."""
    try:
        held = json.loads(text)
    except ValueError:
        held = None
    if not isinstance(held, dict):
        raise RefusedError(f"The secret {issuer.secret_arn} is no JSON object; put the client's secret in one.")
    client_id, client_secret = issuer.client_id or held.get("client_id"), held.get("client_secret")
    if not isinstance(client_secret, str) or not client_secret:
        raise RefusedError(f"The secret {issuer.secret_arn} has no key client_secret; put the client's secret there.")
    if not isinstance(client_id, str) or not client_id:
        raise RefusedError(f"The secret {issuer.secret_arn} has no key client_id; put the client's id there.")
    return client_id, client_secret


def _metadata(network: Network, issuer: Issuer) -> Mapping[str, Any]:
    url = issuer.discovery_url or issuer.url.rstrip("/") + DISCOVERY_PATH
    answer = send(network, "GET", url, {"accept": "application/json"})
    document = _document(answer)
    if answer.status != HTTPStatus.OK or not isinstance(document.get("token_endpoint"), str):
        raise RefusedError(f"The discovery document {url} names no token endpoint (HTTP status {answer.status}).")
    if document.get("issuer") != issuer.url:
        raise RefusedError(
            f"The discovery document {url} is of the issuer {document.get('issuer')}, but tokens are checked for"
            f" {issuer.url}; give the issuer as its discovery document spells it."
        )
    return document


def _document(answer: Response) -> Mapping[str, Any]:
    try:
        found = json.loads(answer.body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
