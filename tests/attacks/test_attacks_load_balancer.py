"""Every attack with a token against the load balancer's stand-in, which checks what our own listener asks for."""

import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from emulator.data_plane.tokens import TokenCheck, TokenRefused, TokenRule
from generator.evaluation import Deployment
from generator.parameters import ALL
from generator.stacks import template_dicts
from tests.attacks.requests import Signer, Tokens
from tests.attacks.table import LOAD_BALANCER, SIGNATURE_ATTACKS, TOKEN_ATTACKS, Attack

TOKENS = Tokens(
    rsa.generate_private_key(65537, 2048), "key-1", "https://issuer.example.com", "mcp-runtime/invoke", "client"
)
VALUES = {"scope": TOKENS.scope, "client_id": TOKENS.client_id}
SIGNER = Signer("https://mcp-runtime.example.com/mcp", "AKIAIOSFODNN7EXAMPLE", "a-secret-access-key", "us-east-1")


def keys(url: str) -> bytes:
    """The issuer's key set, as its address gives it."""
    assert url == f"{TOKENS.issuer}/keys"
    shown = jwt.algorithms.RSAAlgorithm.to_jwk(TOKENS.key.public_key(), as_dict=True)
    return json.dumps({"keys": [{**shown, "kid": TOKENS.key_id, "use": "sig"}]}).encode()


def rules() -> list[TokenRule]:
    """What the listener's default action and its rule ask of a token where the stack makes the issuer; the issuer's
    address and the claims' values, which only AWS knows, are the test's.
    """
    runtime = Deployment(template_dicts(), "runtime-flat.yaml")
    defaults = {parameter.name: parameter.default or "" for parameter in ALL}
    runtime.given({**defaults, "ParentDomain": "example.com", "HostedZoneId": "Z0123456789ABCDEFGHIJ"})
    actions = (runtime.property("HttpsListener", "DefaultActions")[0], runtime.property("ForwardRule", "Actions")[0])
    return [TokenRule.from_action(_with_values(action["JwtValidationConfig"])) for action in actions]


def _with_values(config: dict[str, Any]) -> dict[str, Any]:
    claims = [{**claim, "Values": [VALUES[claim["Name"]]]} for claim in config["AdditionalClaims"]]
    return {"Issuer": TOKENS.issuer, "JwksEndpoint": f"{TOKENS.issuer}/keys", "AdditionalClaims": claims}


def test_who_should_be_let_in_is() -> None:
    for rule in rules():
        assert {claim.name for claim in rule.claims} == VALUES.keys()
        TokenCheck(keys).require(rule, f"Bearer {TOKENS.made()}")


@pytest.mark.parametrize("attack", [*TOKEN_ATTACKS, *SIGNATURE_ATTACKS], ids=lambda attack: attack.name)
def test_what_is_no_good_token_is_refused(attack: Attack) -> None:
    signatures = {name: sent.headers["Authorization"] for name, sent in SIGNER.by_name().items()}
    authorization = {**TOKENS.by_name(), **signatures}[attack.name]
    for rule in rules():
        with pytest.raises(TokenRefused) as refused:
            TokenCheck(keys).require(rule, authorization)
        assert refused.value.status == attack.cells[LOAD_BALANCER].status
        secret = (authorization or "").partition(" ")[2]
        assert not secret or secret not in str(refused.value)
