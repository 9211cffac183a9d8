"""How clients reach host names: the system's resolver and trust, or those of the emulated AWS of this machine.

Nothing else differs between the two: the connection, the TLS handshake with the real name and the Host header are the
same, so that what is tested here is what happens on AWS.
"""

import functools
import socket
import ssl
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import httpx2

from deployer.errors import RefusedError

TIMEOUT_SECONDS = 30.0
HTTPS_PORT = 443


class Unreachable(RefusedError):
    """A host could not be resolved, connected to or trusted; the message says which."""


class NotStarted(Unreachable):
    """The name leads to a load balancer whose data plane does not run on this machine; only one target's does."""


@dataclass(frozen=True)
class Resolution:
    """Where a host name leads: IP address, port for HTTPS, and the records that led there, as people read them.

    `inside` says that only the VPC of the address reaches it; nothing is sent there.
    """

    host: str
    address: str
    port: int
    chain: tuple[str, ...]
    inside: bool = False


@dataclass(frozen=True)
class Certificate:
    """What a server's trusted certificate says of itself; `expires` is the text of its notAfter field."""

    names: tuple[str, ...]
    issuer: str
    expires: str


@dataclass(frozen=True)
class Response:
    """An HTTP answer; header names are lower-case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Network(Protocol):
    """A resolver and the authorities that clients trust."""

    def resolve(self, host: str) -> Resolution:
        """Returns where `host` leads; raises Unreachable where the name has no address."""

    def ssl_context(self) -> ssl.SSLContext:
        """Returns a context that verifies names and certificates."""


class PublicNetwork:
    """The internet: the system's resolver, and the authorities that the system trusts."""

    def resolve(self, host: str) -> Resolution:
        """Returns the first address that the system's resolver gives; raises Unreachable where it gives none."""
        try:
            found = socket.getaddrinfo(host, HTTPS_PORT, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise Unreachable(
                f"The name {host} has no address; check that its DNS record exists and that its zone is delegated to."
            ) from error
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        return Resolution(host, addresses[0], HTTPS_PORT, (f"{host} → {', '.join(addresses)}",))

    def ssl_context(self) -> ssl.SSLContext:
        """Returns a context that trusts what the system trusts."""
        return httpx2.create_ssl_context()


@functools.cache
def _loopback() -> httpx2.Client:
    """Returns a client for plain HTTP on this machine: without what a system trusts, which takes long to load."""
    return httpx2.Client(verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), timeout=TIMEOUT_SECONDS, trust_env=False)


@dataclass(frozen=True)
class LocalNetwork:
    """The emulated AWS: its endpoint resolves names, and its authority signs every certificate."""

    endpoint: str
    authority: Path

    def resolve(self, host: str) -> Resolution:
        """Returns where the emulator's records lead.

        Raises Unreachable where they lead nowhere, NotStarted where they lead to what does not run here.
        """
        query = urllib.parse.urlencode({"name": host})
        try:
            answer = _loopback().get(f"{self.endpoint}/_emulator/resolve?{query}")
        except httpx2.HTTPError as error:
            raise Unreachable(
                f"The local AWS at {self.endpoint} does not answer; start it again with local start."
            ) from error
        if answer.status_code == httpx2.codes.NOT_FOUND and answer.json().get("chain"):
            raise NotStarted(f"Not started: this machine runs one target, and {host} leads to another.")
        if answer.status_code != httpx2.codes.OK:
            raise Unreachable(f"The name {host} has no address in the local AWS: {_message(answer)}.")
        found = answer.json()
        inside = bool(found.get("private"))
        return Resolution(
            host, found["address"], HTTPS_PORT if inside else int(found["port"]), tuple(found["chain"]), inside
        )

    def ssl_context(self) -> ssl.SSLContext:
        """Returns a context that trusts the emulator's authority and no other."""
        return ssl.create_default_context(cafile=self.authority)


def _message(answer: httpx2.Response) -> str:
    try:
        return str(answer.json()["message"]).rstrip(".")
    except (ValueError, KeyError, TypeError):
        return f"HTTP status {answer.status_code}"


class RoutedTransport(httpx2.AsyncBaseTransport):
    """Sends requests to where the network resolves their host, with the host's own name in TLS and in the header."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._inner = httpx2.AsyncHTTPTransport(verify=network.ssl_context(), trust_env=False)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Sends one request; raises Unreachable before anything is sent where the name leads nowhere."""
        _route(self._network, request)
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        """Closes its connections."""
        await self._inner.aclose()


def _reached(network: Network, host: str) -> Resolution:
    found = network.resolve(host)
    if found.inside:
        raise Unreachable(f"{host} leads to {found.address}, which only its VPC reaches.")
    return found


def _route(network: Network, request: httpx2.Request) -> None:
    found = _reached(network, request.url.host)
    port = found.port if request.url.port in (None, HTTPS_PORT) else request.url.port
    request.extensions = {**request.extensions, "sni_hostname": found.host}
    request.url = request.url.copy_with(host=found.address, port=port)


class _Routed(httpx2.BaseTransport):
    def __init__(self, network: Network) -> None:
        self._network = network
        self._inner = httpx2.HTTPTransport(verify=network.ssl_context(), trust_env=False)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        _route(self._network, request)
        return self._inner.handle_request(request)

    def close(self) -> None:
        self._inner.close()


def send(
    network: Network, method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes = b""
) -> Response:
    """Sends one HTTPS request over a connection of its own and returns the whole answer; follows no redirect.

    Raises Unreachable where the host cannot be resolved, connected to or trusted.
    """
    host = httpx2.URL(url).host
    try:
        with httpx2.Client(transport=_Routed(network), timeout=TIMEOUT_SECONDS, follow_redirects=False) as client:
            answer = client.request(method, url, headers=dict(headers or {}), content=body)
    except httpx2.HTTPError as error:
        raise Unreachable(unreachable_sentence(host, error)) from error
    return Response(answer.status_code, dict(answer.headers), answer.content)


def certificate_of(network: Network, host: str) -> Certificate:
    """Returns the certificate with which `host` answers TLS, once it is verified for that name.

    Raises Unreachable where the host cannot be resolved, connected to or trusted.
    """
    found = _reached(network, host)
    try:
        with (
            socket.create_connection((found.address, found.port), timeout=TIMEOUT_SECONDS) as plain,
            network.ssl_context().wrap_socket(plain, server_hostname=host) as tls,
        ):
            held = tls.getpeercert() or {}
    except OSError as error:
        raise Unreachable(unreachable_sentence(host, error)) from error
    names = tuple(str(entry[1]) for entry in held.get("subjectAltName", ()) if isinstance(entry, tuple))
    issuer = [str(pair[1]) for part in held.get("issuer", ()) for pair in part if pair[0] == "commonName"]
    return Certificate(names, issuer[0] if issuer else "an authority without a name", str(held.get("notAfter", "")))


def unreachable_sentence(host: str, error: BaseException) -> str:
    """Returns one sentence that says why a connection to `host` failed, told from the error and what caused it."""
    causes = list(_causes(error))
    verification = [cause for cause in causes if isinstance(cause, ssl.SSLCertVerificationError)]
    if verification:
        return f"The certificate with which {host} answers is not valid for it: {verification[0].verify_message}."
    if any(isinstance(cause, ssl.SSLError) for cause in causes) or "[SSL" in str(error):
        return f"{host} does not complete the TLS handshake: {_words(error)}."
    if any(isinstance(cause, TimeoutError | httpx2.TimeoutException) for cause in causes):
        return f"{host} did not answer within {TIMEOUT_SECONDS:.0f} seconds; check its security groups and routes."
    return f"{host} cannot be connected to: {_words(error)}."


def _causes(error: BaseException | None) -> list[BaseException]:
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found


def _words(error: BaseException) -> str:
    return (str(error) or type(error).__name__).rstrip(".")
