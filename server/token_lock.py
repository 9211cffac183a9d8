"""The server's own token check, the second lock behind the load balancer's: OAuth 2.0 access tokens that are JWTs.

Statuses and challenges as in RFC 6750, section 3; claims as in RFC 9068 and as Amazon Cognito writes the access tokens
of client credentials: ``iss``, ``exp``, ``scope`` and ``client_id``, and no ``aud``. The load balancer forwards a valid
token as it is (Elastic Load Balancing user guide, listener-verify-jwt). Only asymmetric signatures are taken, each by
the one algorithm of its key, so that a public key is never used as a shared secret (RFC 8725, sections 3.1 and 3.2).
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jws import JWSRegistry
from joserfc.util import json_b64decode

from server.refusals import KEYS_UNAVAILABLE, TOKEN_REFUSED, RefusedRequest
from server.settings import TokenRules
from server.token_keys import ALGORITHMS, KeysUnavailableError, TokenKey, TokenKeys, UnknownKeyError

CLOCK_LEEWAY_SECONDS = 30
"""How far the issuer's clock may be off."""

_MOST_REMEMBERED = 64


class TokenLock:
    """Lets requests with a good token pass."""

    def __init__(self, rules: TokenRules, keys: TokenKeys) -> None:
        """Check tokens by `rules`, their signatures with `keys`."""
        self._rules = rules
        self._keys = keys
        self._verified: dict[str, tuple[TokenKey, Mapping[str, Any]]] = {}

    async def check(self, authorization: Sequence[str]) -> None:
        """Return when the Authorization headers are one bearer token that satisfies the rules.

        Raises RefusedRequest: 401 without a good token, 403 with one that lacks the scope, 503 without public keys.
        """
        if not authorization:
            raise RefusedRequest(
                401,
                TOKEN_REFUSED,
                "This server answers requests with an access token of its issuer only; send one as a bearer token.",
                "no token",
                {"www-authenticate": "Bearer"},
            )
        scheme, _, token = authorization[0].partition(" ")
        if len(authorization) > 1 or scheme.lower() != "bearer" or not token.strip():
            raise _invalid("no bearer token", "The Authorization header is not one bearer token")
        self._check_claims(await self._verified_claims(token.strip()))

    async def _verified_claims(self, token: str) -> Mapping[str, Any]:
        try:
            header = json_b64decode(token.encode().partition(b".")[0])
        except (ValueError, RecursionError):
            header = None
        if not isinstance(header, dict):
            raise _invalid("not a JWT", "The access token is not a JWT")
        if header.get("alg") not in ALGORITHMS:
            raise _invalid("algorithm not allowed", f"The access token is not signed with {' or '.join(ALGORITHMS)}")
        try:
            key = await self._keys.find(header.get("kid"))
        except UnknownKeyError:
            raise _invalid("unknown signing key", "The access token is not signed by the issuer") from None
        except KeysUnavailableError as error:
            raise RefusedRequest(
                503,
                KEYS_UNAVAILABLE,
                "This server cannot read its issuer's public keys and so lets nobody in; try again later.",
                f"public keys unavailable: {error}",
                {"retry-after": "5"},
            ) from None
        # The gateway sends one token with all calls of an hour. Its signature holds as long as the issuer's key does;
        # its claims are looked at each time.
        found = self._verified.get(token)
        if found is not None and found[0] is key:
            return found[1]
        try:
            registry = JWSRegistry(algorithms=[key.algorithm], strict_check_header=False)
            claims = jwt.decode(token, key.key, registry=registry).claims
        except (JoseError, ValueError, RecursionError) as error:
            raise _invalid(
                f"signature not valid ({type(error).__name__})", "The access token's signature is not valid"
            ) from None
        if len(self._verified) >= _MOST_REMEMBERED:
            self._verified.clear()
        self._verified[token] = (key, claims)
        return claims

    def _check_claims(self, claims: Mapping[str, Any]) -> None:
        now = time.time()
        if claims.get("iss") != self._rules.issuer:
            raise _invalid("wrong issuer", "The access token is of another issuer")
        expires = claims.get("exp")
        if not _is_number(expires) or expires <= now - CLOCK_LEEWAY_SECONDS:
            raise _invalid("expired", "The access token has expired")
        for name in ("nbf", "iat"):
            begins = claims.get(name, 0)
            if not _is_number(begins) or begins > now + CLOCK_LEEWAY_SECONDS:
                raise _invalid("not valid yet", "The access token is not valid yet")
        if self._rules.client_id and claims.get("client_id") != self._rules.client_id:
            raise _invalid("wrong client", "The access token was not issued to this server's client")
        granted = claims.get(self._rules.scope_claim)
        scopes = granted.split(" ") if isinstance(granted, str) else granted if isinstance(granted, list) else []
        if self._rules.scope not in scopes:
            raise RefusedRequest(
                403,
                TOKEN_REFUSED,
                f"The access token lacks the scope {self._rules.scope}; ask the issuer for it.",
                "wrong scope",
                {"www-authenticate": f'Bearer error="insufficient_scope", scope="{self._rules.scope}"'},
            )


def _invalid(reason: str, description: str) -> RefusedRequest:
    return RefusedRequest(
        401,
        TOKEN_REFUSED,
        f"{description}; get a new one from the issuer.",
        reason,
        {"www-authenticate": f'Bearer error="invalid_token", error_description="{description}"'},
    )


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
