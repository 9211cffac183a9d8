"""The gateway's outbound credential: an access token for a custom OAuth2 provider, by client credentials.

Facts: the service model (shape CustomOauth2ProviderConfigInput), OpenID Connect Discovery for the token endpoint, RFC
6749 section 4.4 for the grant and 2.3.1 for the two ways to authenticate the client.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from emulator.data_plane.outbound import Outbound, OutboundError


class CredentialError(Exception):
    """No token could be had; the message says why and never holds the secret."""


def fetch_token(
    configuration: Mapping[str, Any],
    client_secret: str,
    scopes: Sequence[str],
    parameters: Mapping[str, str],
    *,
    outbound: Outbound,
) -> str:
    """Return an access token. ``configuration`` is the provider's customOauth2ProviderConfig in the API's spelling,
    ``parameters`` the target's custom parameters. Raises CredentialError.
    """
    endpoint = _token_endpoint(configuration.get("oauthDiscovery") or {}, outbound)
    client_id = str(configuration.get("clientId") or "")
    form = {"grant_type": "client_credentials", "scope": " ".join(scopes), **parameters}
    headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
    method = configuration.get("clientAuthenticationMethod") or "CLIENT_SECRET_BASIC"
    if method == "CLIENT_SECRET_POST":
        form |= {"client_id": client_id, "client_secret": client_secret}
    elif method == "CLIENT_SECRET_BASIC":
        pair = f"{quote(client_id, safe='')}:{quote(client_secret, safe='')}"
        headers["authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    else:
        raise CredentialError(f"the client authentication method {method} is not emulated")
    try:
        response = outbound.request("POST", endpoint, headers=headers, content=urlencode(form).encode())
    except OutboundError as error:
        raise CredentialError(f"the token endpoint cannot be reached: {error}") from error
    document = _document(response.content)
    token = document.get("access_token")
    if response.status_code != 200 or not isinstance(token, str):
        reason = document.get("error") or f"HTTP status {response.status_code}"
        raise CredentialError(f"{endpoint} gave no token: {reason}")
    return token


def _token_endpoint(discovery: Mapping[str, Any], outbound: Outbound) -> str:
    metadata = discovery.get("authorizationServerMetadata") or {}
    if metadata.get("tokenEndpoint"):
        return str(metadata["tokenEndpoint"])
    url = str(discovery.get("discoveryUrl") or "")
    try:
        response = outbound.request("GET", url, headers={"accept": "application/json"})
    except OutboundError as error:
        raise CredentialError(f"the discovery document cannot be read: {error}") from error
    endpoint = _document(response.content).get("token_endpoint")
    if response.status_code != 200 or not isinstance(endpoint, str):
        raise CredentialError(f"{url} is no discovery document (HTTP status {response.status_code})")
    return endpoint


def _document(content: bytes) -> dict[str, Any]:
    try:
        document = json.loads(content)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
