"""The runtime's outside on loopback: an authority, real HTTPS under AWS's host names, and the names' resolver.

Behind the HTTPS stand the project's real MCP server, a token check, a signature check written from AWS's description of
Signature Version 4, and a token issuer. What they admit is theirs to decide, so that the deployer's clients are tested
against something that says no.
"""

import datetime
import hashlib
import hmac
import ipaddress
import json
import ssl
import threading
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

REGION = "us-east-1"
HOST = "mcp-runtime.example.com"
GATEWAY_HOST = f"runtime-0123456789.gateway.bedrock-agentcore.{REGION}.amazonaws.com"
ISSUER_HOST = f"cognito-idp.{REGION}.amazonaws.com"
ISSUER = f"https://{ISSUER_HOST}/{REGION}_pool"
TOKEN_HOST = f"mcp-tests.auth.{REGION}.amazoncognito.com"
TARGET = "mcp"
TOKEN = "a-valid-token"
CLIENT = ("client", "s3cr:t/+")
SCOPE = "mcp-runtime/invoke"
ACCESS_KEY = "111111111111"
SECRET_KEY = "right-secret-key"


@dataclass(frozen=True)
class Reply:
    """An HTTP answer."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    """An HTTP request as it arrived."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


Answer = Callable[[Request], Reply]


class Authority:
    """A certificate authority whose own certificate lies at `path`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Loopback authority")])
        own = self._signed(self._name, self._key.public_key(), None)
        self.path = folder / "authority.pem"
        self.path.write_bytes(own.public_bytes(serialization.Encoding.PEM))

    def context(self, *hosts: str) -> ssl.SSLContext:
        """Returns a server's context with a certificate for `hosts`."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0][:64])])
        names = x509.SubjectAlternativeName([_general(host) for host in hosts])
        certificate = self._signed(subject, key.public_key(), names)
        file = self._folder / f"{hosts[0]}.pem"
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    def _signed(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, names: x509.SubjectAlternativeName | None
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        issuer_key = self._key.public_key()
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=names is None, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False)
        )
        if names is not None:
            builder = builder.add_extension(names, critical=False)
        return builder.sign(self._key, hashes.SHA256())


def _general(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


class HttpServer:
    """One HTTP or HTTPS server on a free port of 127.0.0.1; a context manager that leaves no thread behind."""

    def __init__(self, answer: Answer, context: ssl.SSLContext | None = None) -> None:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", "0")))
                headers = {name.lower(): value for name, value in self.headers.items()}
                reply = answer(Request(self.command, self.path, headers, body))
                self.send_response(reply.status)
                for name, value in {**reply.headers, "content-length": str(len(reply.body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(reply.body)

            do_GET = do_POST = do_DELETE = handle_any  # noqa: N815  # the names that http.server calls

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # as http.server names it
                pass

        self._server = _Quiet(("127.0.0.1", 0), Handler)
        if context is not None:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Says nothing of clients that refuse the certificate: tests make them."""


class Names:
    """Answers the resolver's question for the names that lead to `ports`; the others do not exist."""

    def __init__(self, ports: Mapping[str, int]) -> None:
        self.ports = dict(ports)

    def __call__(self, request: Request) -> Reply:
        """Answers GET /_emulator/resolve?name=HOST."""
        split = urllib.parse.urlsplit(request.path)
        host = urllib.parse.parse_qs(split.query)["name"][0]
        if split.path != "/_emulator/resolve" or host not in self.ports:
            return json_reply(404, {"message": f"no record is named {host}"})
        return json_reply(
            200,
            {
                "name": host,
                "address": "127.0.0.1",
                "port": self.ports[host],
                "http_port": None,
                "chain": [f"{host} A alias → loopback"],
            },
        )


def json_reply(status: int, document: object) -> Reply:
    """Returns a JSON answer."""
    return Reply(status, json.dumps(document).encode(), {"content-type": "application/json"})


def signature_is_valid(request: Request, secret_key: str) -> bool:
    """Returns whether a request bears the Signature Version 4 of `secret_key`.

    Source: IAM user guide, "Create a signed AWS API request", with its canonical request and string to sign.
    """
    scheme, _, rest = request.headers.get("authorization", "").partition(" ")
    if scheme != "AWS4-HMAC-SHA256":
        return False
    parts = dict(part.strip().split("=", 1) for part in rest.split(","))
    _, date, region, service, end = parts["Credential"].split("/")
    signed = parts["SignedHeaders"].split(";")
    split = urllib.parse.urlsplit(request.path)
    canonical = "\n".join(
        [
            request.method,
            split.path,
            split.query,
            *(f"{name}:{' '.join(request.headers[name].split())}" for name in signed),
            "",
            ";".join(signed),
            hashlib.sha256(request.body).hexdigest(),
        ]
    )
    if "host" not in signed or (region, service, end) != (REGION, "bedrock-agentcore", "aws4_request"):
        return False
    scope = f"{date}/{region}/{service}/{end}"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{request.headers['x-amz-date']}\n{scope}\n{digest}"
    key = f"AWS4{secret_key}".encode()
    for piece in (date, region, service, end):
        key = hmac.new(key, piece.encode(), hashlib.sha256).digest()
    return hmac.compare_digest(hmac.new(key, text.encode(), hashlib.sha256).hexdigest(), parts["Signature"])
