"""Cognito under its own host names: ministack answers, addressed as AWS is.

``cognito-idp.<region>.amazonaws.com/<pool>/.well-known/*`` and
``<domain>.auth.<region>.amazoncognito.com/oauth2/token`` ("Token endpoint", Amazon Cognito developer guide).
As on AWS the discovery document names the endpoints of the pool's domain, and a domain gives tokens to the clients of
its own pool only.
"""

import base64
import json
import re
from urllib.parse import parse_qs, quote, unquote, urlencode

import httpx

from emulator import bridge_data_plane as bridge
from emulator import client_secrets
from emulator.data_plane.exchange import Reply, Request

_ISSUER_HOST = re.compile(r"cognito-idp\.([a-z0-9-]+)\.amazonaws\.com")
_DOMAIN_HOST = re.compile(r"([a-z0-9-]+)\.auth\.([a-z0-9-]+)\.amazoncognito\.com")
_WELL_KNOWN = re.compile(r"/([a-z0-9-]+_[A-Za-z0-9]+)/\.well-known/(jwks\.json|openid-configuration)")
_PASSED = ("content-type", "authorization", "accept")


def is_served(name: str) -> bool:
    """Whether a host name is Cognito's: an issuer of any Region, or a domain that some user pool has."""
    domain = _DOMAIN_HOST.fullmatch(name)
    if domain:
        return (domain[1], domain[2]) in bridge.cognito_domains()
    return _ISSUER_HOST.fullmatch(name) is not None


class CognitoHosts:
    """Passes requests on to ministack at ``endpoint``."""

    def __init__(self, endpoint: str) -> None:
        self._client = httpx.Client(base_url=endpoint, trust_env=False, timeout=10.0)

    def close(self) -> None:
        """Close every connection."""
        self._client.close()

    def answer(self, request: Request) -> Reply | None:
        """Answer a request to one of Cognito's host names, None for any other host."""
        issuer = _ISSUER_HOST.fullmatch(request.host)
        domain = _DOMAIN_HOST.fullmatch(request.host)
        if issuer:
            return self._well_known(request, issuer[1])
        if domain:
            return self._token(request, domain[1], domain[2])
        return None

    def _well_known(self, request: Request, region: str) -> Reply:
        path = _WELL_KNOWN.fullmatch(request.path)
        if path is None or not path[1].startswith(f"{region}_") or request.method != "GET":
            return _json(404, {"message": "Not Found"})
        answer = self._client.get(request.path)
        if answer.status_code != 200 or path[2] == "jwks.json":
            return Reply(answer.status_code, answer.content, {"content-type": "application/json"})
        document = answer.json()
        document["jwks_uri"] = f"https://{request.host}/{path[1]}/.well-known/jwks.json"
        base = _domain_of(path[1], region)
        for name, end in _DOMAIN_ENDPOINTS.items():
            document.pop(name, None)
            if base:
                document[name] = f"{base}{end}"
        return _json(200, document)

    def _token(self, request: Request, domain: str, region: str) -> Reply:
        pool = bridge.cognito_domains().get((domain, region))
        if pool is None or request.path != "/oauth2/token" or request.method != "POST":
            return _json(404, {"message": "Not Found"})
        client_id, secret = _client(request)
        if client_id not in bridge.cognito_clients(pool):
            return _json(400, {"error": "invalid_client"})
        passed = {name: request.headers[name] for name in _PASSED if name in request.headers}
        form = parse_qs(request.body.decode("utf-8", "replace"))
        known = client_secrets.accepted_as(pool, client_id, secret)
        if "authorization" in passed:
            passed["authorization"] = (
                "Basic " + base64.b64encode(f"{quote(client_id, safe='')}:{quote(known, safe='')}".encode()).decode()
            )
        else:
            form["client_secret"] = [known]
        answer = self._client.post("/oauth2/token", content=urlencode(form, doseq=True), headers=passed)
        return Reply(answer.status_code, answer.content, {"content-type": "application/json"})


_DOMAIN_ENDPOINTS = {
    "authorization_endpoint": "/oauth2/authorize",
    "token_endpoint": "/oauth2/token",
    "userinfo_endpoint": "/oauth2/userInfo",
    "revocation_endpoint": "/oauth2/revoke",
    "end_session_endpoint": "/logout",
}


def _domain_of(pool: str, region: str) -> str:
    for (domain, owner_region), owner in bridge.cognito_domains().items():
        if owner == pool and owner_region == region:
            return f"https://{domain}.auth.{region}.amazoncognito.com"
    return ""


def _client(request: Request) -> tuple[str, str]:
    """The client's id and secret, by either way of authentication (RFC 6749, section 2.3.1)."""
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            client_id, _, secret = base64.b64decode(credentials).decode().partition(":")
        except ValueError:
            return "", ""
        return unquote(client_id), unquote(secret)
    form = parse_qs(request.body.decode("utf-8", "replace"))
    return (form.get("client_id") or [""])[0], (form.get("client_secret") or [""])[0]


def _json(status: int, document: object) -> Reply:
    return Reply(status, json.dumps(document).encode(), {"content-type": "application/json"})
