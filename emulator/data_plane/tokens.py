"""The load balancer's token check, a stand-in of the jwt-validation action.

Facts: "Verify JWTs using an Application Load Balancer" (Elastic Load Balancing user guide, listener-verify-jwt) and the
shapes JwtValidationActionConfig and JwtValidationActionAdditionalClaim of the elasticloadbalancingv2 service model:
RS256 only; ``iss`` and ``exp`` are mandatory, ``nbf`` and ``iat`` are checked when present; a JWKS above 150 KB or with
more than 10 keys means that requests are not forwarded; a valid token is forwarded unchanged. The guide only says that
other requests are rejected; that the status is 401 is reported by users, and so is an assumption here.
"""

import json
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import jwt

_JWKS_BYTES = 150 * 1024
_JWKS_KEYS = 10
_JWKS_SECONDS = 300.0
_CLOCK_LEEWAY_SECONDS = 0


class TokenRefused(Exception):
    """The request is not forwarded; ``status`` is the HTTP status, the message is for the log, not for the client."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Fetch(Protocol):
    """Reads a URL as the load balancer would; raises an exception with the reason when it cannot."""

    def __call__(self, url: str) -> bytes:
        """Return what the URL holds."""


@dataclass(frozen=True)
class Claim:
    """One additional claim: ``style`` is single-string, string-array or space-separated-values."""

    name: str
    style: str
    values: tuple[str, ...]

    def accepts(self, value: object) -> bool:
        """Whether a token's claim carries what is asked. The documentation leaves open whether one of several values
        is enough: all are asked here, so nothing passes that AWS would refuse.
        """
        if self.style == "single-string":
            return isinstance(value, str) and value in self.values
        if self.style == "string-array":
            return isinstance(value, list) and set(self.values) <= {item for item in value if isinstance(item, str)}
        if self.style == "space-separated-values":
            return isinstance(value, str) and set(self.values) <= set(value.split(" "))
        return False


@dataclass(frozen=True)
class TokenRule:
    """The configuration of one jwt-validation action."""

    issuer: str
    jwks_endpoint: str
    claims: tuple[Claim, ...] = ()

    @staticmethod
    def from_action(config: Mapping[str, Any]) -> "TokenRule":
        """Read a JwtValidationConfig in the API's spelling."""
        return TokenRule(
            issuer=str(config.get("Issuer", "")),
            jwks_endpoint=str(config.get("JwksEndpoint", "")),
            claims=tuple(
                Claim(
                    str(claim.get("Name", "")),
                    str(claim.get("Format", "")),
                    tuple(str(value) for value in claim.get("Values", ())),
                )
                for claim in config.get("AdditionalClaims") or ()
            ),
        )


@dataclass(frozen=True)
class _KeySet:
    keys: Mapping[str, jwt.PyJWK]
    fetched: float


class TokenCheck:
    """Decides on Authorization headers; keeps each issuer's public keys for five minutes."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._key_sets: dict[str, _KeySet] = {}
        self._lock = threading.Lock()

    def require(self, rule: TokenRule, authorization: str | None) -> None:
        """Return when the bearer token satisfies ``rule``; raise TokenRefused otherwise."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise TokenRefused(401, "the request carries no bearer token")
        try:
            header = jwt.get_unverified_header(token)
        except jwt.InvalidTokenError as error:
            raise TokenRefused(401, f"the token is not a JWT: {error}") from error
        if header.get("alg") != "RS256":
            raise TokenRefused(401, f"the token is signed with {header.get('alg')}, only RS256 is supported")
        key = self._key(rule.jwks_endpoint, str(header.get("kid", "")))
        try:
            claims = jwt.decode(
                token,
                key.key,
                algorithms=["RS256"],
                issuer=rule.issuer,
                leeway=_CLOCK_LEEWAY_SECONDS,
                options={"require": ["iss", "exp"], "verify_aud": False, "verify_sub": False, "verify_jti": False},
            )
        except jwt.InvalidTokenError as error:
            raise TokenRefused(401, f"the token is not valid: {error}") from error
        for claim in rule.claims:
            if not claim.accepts(claims.get(claim.name)):
                raise TokenRefused(401, f"the token's claim {claim.name} does not carry {' '.join(claim.values)}")

    def _key(self, url: str, key_id: str) -> jwt.PyJWK:
        with self._lock:
            known = self._key_sets.get(url)
            if known is None or time.monotonic() - known.fetched > _JWKS_SECONDS or key_id not in known.keys:
                known = _KeySet(self._read(url), time.monotonic())
                self._key_sets[url] = known
        if key_id not in known.keys:
            raise TokenRefused(401, f"{url} has no key {key_id!r}")
        return known.keys[key_id]

    def _read(self, url: str) -> Mapping[str, jwt.PyJWK]:
        try:
            content = self._fetch(url)
            document = json.loads(content)
        except Exception as error:
            raise TokenRefused(503, f"the public keys could not be read: {error}") from error
        keys: Sequence[Mapping[str, Any]] = document.get("keys", ()) if isinstance(document, dict) else ()
        if len(content) > _JWKS_BYTES or len(keys) > _JWKS_KEYS:
            raise TokenRefused(503, f"{url} exceeds 150 KB or 10 keys")
        usable = [dict(key) for key in keys if key.get("kty") == "RSA" and key.get("kid")]
        return {key["kid"]: jwt.PyJWK.from_dict(key, algorithm="RS256") for key in usable}
