"""Tokens by client credentials, from an issuer over real HTTPS that checks the client."""

import pytest

from deployer.errors import RefusedError
from deployer.tokens import Issuer, client_token
from tests.deployer.loopback import ACCESS_KEY, CLIENT, ISSUER, ISSUER_HOST, REGION, SCOPE, TOKEN
from tests.deployer.outside import SECRET_ARN, Clients, Outside


def token(outside: Outside, clients: Clients, **changed: str) -> str:
    issuer = Issuer(**{"url": ISSUER, "secret_arn": SECRET_ARN, "scope": SCOPE, **changed})
    return client_token(outside.network, clients.client("secretsmanager", ACCESS_KEY, REGION), issuer)


def test_the_client_is_authenticated_by_header(outside: Outside, clients: Clients) -> None:
    assert token(outside, clients) == TOKEN
    assert outside.token_requests[0].headers["authorization"].startswith("Basic ")
    assert b"client_secret" not in outside.token_requests[0].body


def test_an_issuer_that_wants_it_in_the_body_gets_it_there(outside: Outside, clients: Clients) -> None:
    outside.methods = ("client_secret_post",)

    assert token(outside, clients) == TOKEN
    assert "authorization" not in outside.token_requests[0].headers


def test_an_existing_issuers_client_id_may_be_given(outside: Outside, clients: Clients) -> None:
    clients.secret = {"client_secret": CLIENT[1]}

    assert token(outside, clients, client_id=CLIENT[0]) == TOKEN


def test_a_discovery_document_elsewhere_must_be_of_the_issuer(outside: Outside, clients: Clients) -> None:
    url = f"https://{ISSUER_HOST}/elsewhere/.well-known/openid-configuration"

    assert token(outside, clients, discovery_url=url) == TOKEN
    with pytest.raises(RefusedError, match=f"is of the issuer {ISSUER}, but tokens are checked for https://other"):
        token(outside, clients, discovery_url=url, url="https://other.example.com")


@pytest.mark.parametrize(
    ("secret", "words"),
    [
        ("unmistakable", "is no JSON object"),
        ('["unmistakable"]', "is no JSON object"),
        ({"client_id": "unmistakable"}, "has no key client_secret"),
        ({"client_secret": "unmistakable"}, "has no key client_id"),
        ({"client_id": "client", "client_secret": "unmistakable"}, "gave no token .*: invalid_client"),
    ],
)
def test_a_secret_that_does_not_serve_is_told_without_showing_it(
    outside: Outside, clients: Clients, secret: object, words: str
) -> None:
    clients.secret = secret

    with pytest.raises(RefusedError, match=words) as refused:
        token(outside, clients)

    assert refused.value.__cause__ is None
    assert "unmistakable" not in repr(refused.value)


def test_a_scope_that_the_client_lacks_is_told(outside: Outside, clients: Clients) -> None:
    with pytest.raises(RefusedError, match="no token for the scope another/scope: invalid_scope"):
        token(outside, clients, scope="another/scope")


def test_an_issuer_without_a_discovery_document_is_told(outside: Outside, clients: Clients) -> None:
    with pytest.raises(RefusedError, match="names no token endpoint"):
        token(outside, clients, discovery_url=f"https://{ISSUER_HOST}/nowhere")
