"""A token issuer that is not Cognito: small, real, over TLS on loopback, with tokens as Microsoft Entra makes them.

It asks for a scope that ends in `/.default` and puts the client's application roles into the list `roles`.
"""

import base64
import json
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, unquote

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from emulator.data_plane.authority import Authority

CLIENT, SECRET = "agent-gateway", "the-client's secret+/=%"
SCOPE, ROLE = "api://mcp/.default", "Tools.Call"


class Issuer:
    """One issuer with one client; `url` is its `iss`."""

    def __init__(self, host: str, port: int) -> None:
        self.url = f"https://{host}:{port}/tenant/v2.0"
        self._key = rsa.generate_private_key(65537, 2048)
        self.asked: list[str] = []

    def token(self, **changed: Any) -> str:
        """A token as the client gets one, but for `changed` claims."""
        now = int(time.time())
        claims = {
            "iss": self.url,
            "exp": now + 300,
            "iat": now,
            "aud": "api://mcp",
            "roles": [ROLE, "Other"],
            **changed,
        }
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": "one"})

    def answer(self, path: str, authorization: str, form: dict[str, list[str]] | None) -> tuple[int, dict[str, Any]]:
        """The status and the document for a request; `form` is None for what is no POST."""
        if path.endswith("/.well-known/openid-configuration"):
            base = self.url
            return 200, {"issuer": base, "token_endpoint": f"{base}/token", "jwks_uri": f"{base}/keys"}
        if path.endswith("/keys"):
            shown = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key()))
            return 200, {"keys": [{**shown, "kid": "one", "use": "sig", "alg": "RS256"}]}
        if not path.endswith("/token") or form is None:
            return 404, {"error": "not_found"}
        client, _, secret = base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
        if (unquote(client), unquote(secret)) != (CLIENT, SECRET):
            return 401, {"error": "invalid_client"}
        self.asked += form["scope"]
        if form["scope"] != [SCOPE] or form["grant_type"] != ["client_credentials"]:
            return 400, {"error": "invalid_scope"}
        return 200, {"access_token": self.token(), "token_type": "Bearer", "expires_in": 300}


@contextmanager
def issuing(host: str, state: Path) -> Iterator[Issuer]:
    """Serves an issuer as `host` on a free port, with a certificate of the emulated AWS whose state is in a folder."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self, form: dict[str, list[str]] | None) -> None:
            status, document = issuer.answer(self.path, self.headers.get("authorization", ""), form)
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            self._answer(None)

        def do_POST(self) -> None:
            length = int(self.headers.get("content-length", "0"))
            self._answer(parse_qs(self.rfile.read(length).decode()))

        def log_message(self, format: str, *words: Any) -> None:  # noqa: A002  # the name of the base class
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    leaf = Authority(state).leaf([host])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(leaf.chain, leaf.key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    issuer = Issuer(host, server.server_address[1])
    serving = Thread(target=server.serve_forever)
    serving.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        serving.join()
        server.server_close()
