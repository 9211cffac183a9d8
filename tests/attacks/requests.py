"""The attacks as requests: what each sends, to whichever lock it is sent."""

import base64
import datetime
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch

import jwt
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

VERSION = "2025-11-25"
SERVICE = "bedrock-agentcore"
OLD_SECONDS = 6 * 60
HEADER_BYTES = 10_000
LARGE_BODY = 5 * 2**20
DEPTH = 100
FOREIGN_HOST = "rebound.attacker.example"

HEADERS = {
    "content-type": "application/json",
    "accept": "application/json, text/event-stream",
    "mcp-protocol-version": VERSION,
}


@dataclass(frozen=True)
class Sent:
    """One request to an MCP endpoint; `slow` sends half of the body and waits."""

    headers: Mapping[str, str]
    body: bytes
    slow: bool = False


def rpc(method: str, params: Mapping[str, Any] | None = None) -> bytes:
    """Return the body of one JSON-RPC request."""
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": dict(params or {})}).encode()


LIST = rpc("tools/list")
CALL = rpc("tools/call", {"name": "echo", "arguments": {"message": "hello"}})


@dataclass(frozen=True)
class Tokens:
    """Makes tokens as the issuer would, and as somebody else would."""

    key: RSAPrivateKey
    key_id: str
    issuer: str
    scope: str
    client_id: str

    def made(self, *, key: Any = None, algorithm: str = "RS256", **changed: object) -> str:
        """Return a good token but for what is changed."""
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "exp": now + 300,
            "iat": now,
            "scope": self.scope,
            "client_id": self.client_id,
            "token_use": "access",
            **changed,
        }
        return jwt.encode(claims, self.key if key is None else key, algorithm, headers={"kid": self.key_id})

    def hs256(self) -> str:
        """Return a token whose shared secret is the issuer's public key, written by hand: libraries refuse to."""
        public = self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        header = {"alg": "HS256", "typ": "JWT", "kid": self.key_id}
        signed = b".".join([_encoded(json.dumps(header).encode()), self.made().encode().split(b".")[1]])
        return (signed + b"." + _encoded(hmac.digest(public, signed, hashlib.sha256))).decode()

    def altered(self) -> str:
        """Return a good token whose claims were changed afterwards."""
        header, _, signature = self.made(scope="other").split(".")
        return f"{header}.{self.made().split('.')[1]}.{signature}"

    def by_name(self) -> dict[str, str | None]:
        """Return the Authorization header of every attack with a token."""
        now = int(time.time())
        tokens = {
            "an expired token": self.made(exp=now - 3600),
            "a token of another issuer": self.made(iss="https://issuer.attacker.example"),
            "a token without the scope": self.made(scope="mcp-runtime/other"),
            "a token of another client": self.made(client_id="another-client"),
            "a token with the algorithm none": self.made(key="", algorithm="none"),
            "a token signed with the public key as HS256": self.hs256(),
            "a token whose claims were changed": self.altered(),
        }
        return {"no token": None, **{name: f"Bearer {token}" for name, token in tokens.items()}}


def _encoded(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


@dataclass(frozen=True)
class Signer:
    """Signs requests to one gateway with Signature Version 4."""

    url: str
    access_key: str
    secret: str
    region: str

    def signed(
        self,
        body: bytes,
        headers: Mapping[str, str] | None = None,
        *,
        service: str = SERVICE,
        region: str = "",
        seconds_ago: int = 0,
    ) -> Sent:
        """Return the request, signed as asked."""
        request = AWSRequest("POST", self.url, data=body, headers={**HEADERS, **(headers or {})})
        moment = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=seconds_ago)
        with patch("botocore.auth.get_current_datetime", return_value=moment.replace(tzinfo=None)):
            SigV4Auth(Credentials(self.access_key, self.secret), service, region or self.region).add_auth(request)
        return Sent(dict(request.headers), body)

    def by_name(self) -> dict[str, Sent]:
        """Return every attack with a signature."""
        return {
            "a signed body that was changed": replace(self.signed(LIST), body=CALL),
            "a signature of six minutes ago": self.signed(LIST, seconds_ago=OLD_SECONDS),
            "a signature for another service": self.signed(LIST, service="execute-api"),
            "a signature for another Region": self.signed(LIST, region="eu-west-3"),
            "an x-amz header that was not signed": _with_header(self.signed(LIST), "x-amz-unsigned", "1"),
        }


def _with_header(sent: Sent, name: str, value: str) -> Sent:
    return replace(sent, headers={**sent.headers, name: value})


def requests_by_name() -> dict[str, Sent]:
    """Return every attack with good credentials, which whoever sends it adds."""
    deep: Any = "x"
    for _ in range(DEPTH):
        deep = [deep]
    traversal = "file:///srv/notes/..%2F..%2F..%2Fetc%2Fpasswd"
    return {
        "a foreign host name": Sent({**HEADERS, "host": FOREIGN_HOST}, LIST),
        "a body of 5 MiB": Sent(
            HEADERS, rpc("tools/call", {"name": "echo", "arguments": {"message": "x" * LARGE_BODY}})
        ),
        "arguments nested 100 deep": Sent(HEADERS, rpc("tools/call", {"name": "echo", "arguments": {"message": deep}})),
        "10,000 bytes of headers": Sent({**HEADERS, "x-padding": "x" * HEADER_BYTES}, LIST),
        "a body that does not arrive": Sent(HEADERS, LIST, slow=True),
        "a body that is not UTF-8": Sent(HEADERS, CALL.replace(b"hello", b"\xff\xfe")),
        "a batch": Sent(HEADERS, b"[" + LIST + b"," + CALL + b"]"),
        "an unknown method": Sent(HEADERS, rpc("tools/destroy")),
        "a resource address that climbs up": Sent(HEADERS, rpc("resources/read", {"uri": traversal})),
        "a tool under a wrong target": Sent(
            HEADERS, rpc("tools/call", {"name": "other___echo", "arguments": {"message": "x"}})
        ),
    }
