"""The load balancer's token check: what passes and what does not."""

import json
import time
from collections.abc import Mapping
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from emulator.data_plane.tokens import Claim, TokenCheck, TokenRefused, TokenRule

ISSUER = "https://issuer.example.com"
URL = ISSUER + "/.well-known/jwks.json"
RULE = TokenRule(ISSUER, URL, (Claim("scope", "space-separated-values", ("tools/call",)),))
KEY = rsa.generate_private_key(65537, 2048)
OTHER_KEY = rsa.generate_private_key(65537, 2048)


def jwks(count: int = 1, padding: str = "") -> bytes:
    """Return a key set that holds KEY, ``count`` times under different ids."""
    shown = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key()))
    keys = [{**shown, "kid": f"key-{number}", "alg": "RS256", "use": "sig"} for number in range(count)]
    return json.dumps({"keys": keys, "padding": padding}).encode()


def token(key: Any = KEY, algorithm: str = "RS256", kid: str = "key-0", **changed: Any) -> str:
    """Return an Authorization header with a good token, but for ``changed`` claims (None removes one)."""
    now = int(time.time())
    claims: Mapping[str, Any] = {"iss": ISSUER, "exp": now + 60, "iat": now, "scope": "openid tools/call", **changed}
    kept = {name: value for name, value in claims.items() if value is not None}
    return "Bearer " + jwt.encode(kept, key, algorithm=algorithm, headers={"kid": kid})


def check(content: bytes | Exception | None = None) -> TokenCheck:
    """Return a check whose public keys are ``content``."""

    def fetch(url: str) -> bytes:
        assert url == URL
        if isinstance(content, Exception):
            raise content
        return jwks() if content is None else content

    return TokenCheck(fetch)


def test_a_good_token_passes() -> None:
    check().require(RULE, token())
    check().require(RULE, token().replace("Bearer", "bearer"))
    check().require(TokenRule(ISSUER, URL), token(scope=None, iat=None))


NOW = int(time.time())


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Basic YTpi",
        "Bearer",
        "Bearer nonsense",
        token(exp=NOW - 10),
        token(exp=None),
        token(iss="https://elsewhere.example.com"),
        token(iss=None),
        token(nbf=NOW + 300),
        token(iat=NOW + 300),
        token(scope="openid"),
        token(scope="tools/callmore"),
        token(scope=["tools/call"]),
        token(scope=None),
        token(OTHER_KEY),
        token(kid="unknown"),
        token("secret-of-thirty-two-bytes-or-more!", "HS256"),
        token(algorithm="RS512"),
        "Bearer " + jwt.encode({"iss": ISSUER, "exp": NOW + 60, "scope": "tools/call"}, "", algorithm="none"),
    ],
)
def test_a_bad_token_is_refused_with_401(authorization: str | None) -> None:
    with pytest.raises(TokenRefused) as refusal:
        check().require(RULE, authorization)
    assert refusal.value.status == 401


@pytest.mark.parametrize(
    "content", [OSError("connection refused"), b"not json", jwks(count=11), jwks(padding="x" * 150 * 1024)]
)
def test_without_usable_public_keys_nothing_is_forwarded(content: bytes | Exception) -> None:
    with pytest.raises(TokenRefused) as refusal:
        check(content).require(RULE, token())
    assert refusal.value.status == 503


def test_a_new_key_is_fetched_when_it_first_appears() -> None:
    contents = [jwks(1), jwks(2)]
    rotating = TokenCheck(lambda url: contents.pop(0))
    rotating.require(RULE, token(kid="key-0"))
    rotating.require(RULE, token(kid="key-1"))
    rotating.require(RULE, token(kid="key-0"))
    assert contents == []


@pytest.mark.parametrize(
    ("claim", "value", "accepted"),
    [
        (Claim("client_id", "single-string", ("a",)), "a", True),
        (Claim("client_id", "single-string", ("a",)), "b", False),
        (Claim("client_id", "single-string", ("a",)), "a b", False),
        (Claim("client_id", "single-string", ("a",)), ["a"], False),
        (Claim("groups", "string-array", ("a", "b")), ["b", "a", "c"], True),
        (Claim("groups", "string-array", ("a", "b")), ["a"], False),
        (Claim("groups", "string-array", ("a",)), "a", False),
        (Claim("scope", "space-separated-values", ("a", "b")), "b a c", True),
        (Claim("scope", "space-separated-values", ("a", "b")), "a", False),
        (Claim("scope", "space-separated-values", ("a",)), None, False),
        (Claim("scope", "unknown", ("a",)), "a", False),
    ],
)
def test_additional_claims_by_format(claim: Claim, value: object, accepted: bool) -> None:
    assert claim.accepts(value) is accepted


def test_a_rule_is_read_from_the_apis_spelling() -> None:
    config = {
        "Issuer": ISSUER,
        "JwksEndpoint": URL,
        "AdditionalClaims": [{"Format": "space-separated-values", "Name": "scope", "Values": ["tools/call"]}],
    }
    assert TokenRule.from_action(config) == RULE
