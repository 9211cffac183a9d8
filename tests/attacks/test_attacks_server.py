"""Every attack against the real server, as if gateway and load balancer were not there."""

import json
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.attacks.key_server import KeyServer, key_server
from tests.attacks.page import PAGE, rendered
from tests.attacks.requests import CALL, HEADERS, LIST, Sent, Signer, Tokens, requests_by_name, rpc
from tests.attacks.table import ATTACKS, REQUEST_ATTACKS, SERVER, SIGNATURE_ATTACKS, TOKEN_ATTACKS, Attack
from tests.server.server_process import EXAMPLE_TOOLS, Answer, ServerProcess

HOST = "mcp-runtime.example.com"
ISSUER = "https://issuer.example.com/pool"
KEY = rsa.generate_private_key(65537, 2048)
TOKENS = Tokens(KEY, "key-1", ISSUER, "mcp-runtime/invoke", "gateway-client")
SIGNER = Signer(f"https://{HOST}/mcp", "AKIAIOSFODNN7EXAMPLE", "the-secret-access-key-of-a-caller", "us-east-1")
CONCURRENCY = 2


@dataclass(frozen=True)
class Locked:
    """A server that asks for tokens, and its issuer's keys."""

    server: ServerProcess
    keys: KeyServer

    def send(self, sent: Sent) -> Answer:
        """Send a request under the server's own host name, unless it says another."""
        return self.server.request("POST", "/mcp", sent.body, {"host": HOST, **sent.headers})

    def send_with_token(self, sent: Sent) -> Answer:
        """Send a request with a good token."""
        return self.send(Sent({**sent.headers, "authorization": f"Bearer {TOKENS.made()}"}, sent.body))

    def refusal(self, answer: Answer) -> dict[str, object]:
        """Return the log line that says why this answer is a refusal."""
        while (line := self.server.wait_for_log("request refused"))["request_id"] != answer.headers["x-request-id"]:
            """The refusals before this one."""
        return line


def _settings(keys: KeyServer) -> dict[str, str]:
    return {
        **EXAMPLE_TOOLS,
        "ALLOWED_HOSTS": HOST,
        "REQUIRE_TOKEN": "on",
        "TOKEN_ISSUER": ISSUER,
        "TOKEN_KEYS_URL": keys.url,
        "TOKEN_SCOPE": TOKENS.scope,
        "TOKEN_CLIENT_ID": TOKENS.client_id,
        "MAX_CONCURRENCY": str(CONCURRENCY),
        "MAX_QUEUE": "0",
        "REQUEST_SECONDS": "1",
        "LOG_LEVEL": "DEBUG",
    }


@pytest.fixture(scope="module")
def locked(server_python: Path) -> Iterator[Locked]:
    with key_server() as keys:
        keys.keys["key-1"] = KEY
        with ServerProcess(server_python, _settings(keys)) as server:
            found = Locked(server.wait_until_listening(), keys)
            server.wait_for_log("the issuer's public keys were read")
            yield found


def _check(locked: Locked, attack: Attack, answer: Answer) -> None:
    cell = attack.cells[SERVER]
    assert answer.status == cell.status, answer
    if cell.code is not None:
        assert answer.json()["error"]["code"] == cell.code
    if attack.reason is not None:
        line = locked.refusal(answer)
        assert (line["reason"], line["status"]) == (attack.reason, cell.status)
        assert answer.json()["error"]["message"].endswith(".")


def test_who_should_be_let_in_is(locked: Locked) -> None:
    answer = locked.send_with_token(Sent(HEADERS, CALL))
    assert answer.status == 200 and answer.json()["result"]["isError"] is False


def test_every_attack_is_in_the_table_and_the_page_is_up_to_date() -> None:
    assert list(TOKENS.by_name()) == [attack.name for attack in TOKEN_ATTACKS]
    assert list(SIGNER.by_name()) == [attack.name for attack in SIGNATURE_ATTACKS]
    assert list(requests_by_name()) == [attack.name for attack in REQUEST_ATTACKS[:-1]]
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS)
    assert PAGE.read_text(encoding="utf-8") == rendered(), "run python -m tests.attacks.page"


@pytest.mark.parametrize("attack", TOKEN_ATTACKS, ids=lambda attack: attack.name)
def test_a_token_that_is_not_good_opens_nothing(locked: Locked, attack: Attack) -> None:
    authorization = TOKENS.by_name()[attack.name]
    answer = locked.send(Sent({**HEADERS, **({"authorization": authorization} if authorization else {})}, LIST))
    _check(locked, attack, answer)
    challenge = answer.headers["www-authenticate"]
    if authorization is None:
        assert challenge == "Bearer"
    else:
        assert re.match('Bearer error="(insufficient_scope|invalid_token)"', challenge)
        assert authorization.partition(" ")[2] not in answer.body.decode() + challenge


@pytest.mark.parametrize("attack", SIGNATURE_ATTACKS, ids=lambda attack: attack.name)
def test_a_request_for_the_gateway_opens_nothing(locked: Locked, attack: Attack) -> None:
    _check(locked, attack, locked.send(SIGNER.by_name()[attack.name]))


@pytest.mark.parametrize("attack", REQUEST_ATTACKS[:-1], ids=lambda attack: attack.name)
def test_a_request_beyond_the_bounds_is_refused(locked: Locked, attack: Attack) -> None:
    sent = requests_by_name()[attack.name]
    answer = _slowly(locked) if sent.slow else locked.send_with_token(sent)
    _check(locked, attack, answer)
    if attack.cells[SERVER].status == 200:
        document = answer.json()
        assert "error" in document or document["result"]["isError"] is True
        assert "root:" not in answer.body.decode()


def _slowly(locked: Locked) -> Answer:
    head = {**HEADERS, "host": HOST, "authorization": f"Bearer {TOKENS.made()}", "content-length": str(len(LIST))}
    connection = locked.server.connect()
    connection.putrequest("POST", "/mcp", skip_host=True)
    for name, value in head.items():
        connection.putheader(name, value)
    connection.endheaders(LIST[:10])
    response = connection.getresponse()
    answer = Answer(response.status, response.headers, response.read())
    assert response.headers["connection"] == "close"
    connection.close()
    return answer


def test_headers_that_never_end_are_cut_off(locked: Locked) -> None:
    with socket.create_connection(("127.0.0.1", locked.server.port), 30) as connection:
        connection.sendall(b"POST /mcp HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        assert connection.recv(1000) == b""
    assert locked.server.wait_for_log("connection closed")["reason"] == "request too slow"


def test_a_chunked_body_is_bounded_too(locked: Locked) -> None:
    connection = locked.server.connect()
    head = {**HEADERS, "host": HOST, "authorization": f"Bearer {TOKENS.made()}"}
    connection.request("POST", "/mcp", iter([b"x" * 2**20] * 5), head, encode_chunked=True)
    assert connection.getresponse().status == 413
    connection.close()


def test_nothing_of_a_body_is_read_before_its_token(locked: Locked) -> None:
    connection = locked.server.connect()
    connection.putrequest("POST", "/mcp", skip_host=True)
    for name, value in {**HEADERS, "host": HOST, "content-length": "1000000", "expect": "100-continue"}.items():
        connection.putheader(name, value)
    connection.endheaders()
    assert connection.getresponse().status == 401
    connection.close()


def test_the_logs_hold_no_token_no_signature_and_no_secret(locked: Locked) -> None:
    secrets = {SIGNER.secret, TOKENS.made()}
    secrets |= {str(header).partition(" ")[2] for header in TOKENS.by_name().values() if header}
    # Made anew each time, so only the claims' and signatures' recognisable parts are looked for.
    written = "\n".join(json.dumps(entry) for entry in locked.server.log())
    assert "request refused" in written
    assert not re.search(r"eyJ[A-Za-z0-9_-]{10}|Signature=|AKIA", written)
    assert not any(secret in written for secret in secrets)


def test_a_new_key_is_found_but_strangers_cannot_make_the_server_ask_again_and_again(locked: Locked) -> None:
    other = rsa.generate_private_key(65537, 2048)
    locked.keys.keys["key-2"] = other
    asked = locked.keys.asked
    rotated = Tokens(other, "key-2", ISSUER, TOKENS.scope, TOKENS.client_id).made()
    assert locked.send(Sent({**HEADERS, "authorization": f"Bearer {rotated}"}, LIST)).status == 200
    for number in range(5):
        unknown = Tokens(other, f"unknown-{number}", ISSUER, TOKENS.scope, TOKENS.client_id).made()
        answer = locked.send(Sent({**HEADERS, "authorization": f"Bearer {unknown}"}, LIST))
        assert (answer.status, locked.refusal(answer)["reason"]) == (401, "unknown signing key")
    assert locked.keys.asked == asked + 1


def test_without_public_keys_nobody_is_let_in_and_the_server_is_not_ready(server_python: Path) -> None:
    with key_server() as keys, ServerProcess(server_python, _settings(keys)) as server:
        found = Locked(server.wait_until_listening(), keys)
        server.wait_for_log("the issuer's public keys cannot be read")
        answer = found.send_with_token(Sent(HEADERS, LIST))
        assert answer.status == 503
        assert str(found.refusal(answer)["reason"]).startswith("public keys unavailable: HTTPError")
        assert (server.request("GET", "/health").status, server.request("GET", "/ready").status) == (200, 503)


def test_calls_beyond_the_bound_are_refused_and_health_checks_never(locked: Locked) -> None:
    """The last one of this file: the server works on at calls whose clients have left."""
    attack = REQUEST_ATTACKS[-1]
    wait = Sent(HEADERS, rpc("tools/call", {"name": "wait", "arguments": {"seconds": 30}}))
    token = {"authorization": f"Bearer {TOKENS.made()}", "host": HOST}
    running = [locked.server.connect() for _ in range(CONCURRENCY)]
    try:
        for connection in running:
            connection.request("POST", "/mcp", wait.body, {**wait.headers, **token})
        while (answer := locked.send_with_token(Sent(HEADERS, LIST))).status == 200:
            """The calls are on their way."""
        _check(locked, attack, answer)
        assert answer.headers["retry-after"] == "1"
        for path in ("/health", "/ready"):
            assert locked.server.request("GET", path).status == 200
    finally:
        for connection in running:
            connection.close()
