"""Calls that AWS's services make to other hosts: resolved by the emulated DNS, certificates checked against the local
authority. A name that the emulated DNS does not know is refused, never looked up outside: a token must not leave.
"""

import copy
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import httpx

from emulator.data_plane.names import NameNotFound, Resolver


class OutboundError(Exception):
    """A call could not be made; the message says why in one sentence."""


class Outbound:
    """An HTTP client for the emulated services. Thread-safe; close it with ``close``."""

    def __init__(self, resolver: Resolver, authority: Path) -> None:
        self._resolver = resolver
        self._entrance = ""
        # trust_env=False: a proxy configured for the machine must not see loopback calls.
        # No connection is kept: a pool knows only addresses, and would reuse one certified for another name.
        self._client = httpx.Client(
            verify=ssl.create_default_context(cafile=str(authority)),
            limits=httpx.Limits(max_keepalive_connections=0),
            trust_env=False,
            follow_redirects=False,
        )

    def entering(self, domain: str) -> "Outbound":
        """Return the same client inside a VPC, where every request goes to the load balancer of ``domain``, whatever
        host its URL names: that host stays the server name of the TLS handshake and the Host header (AgentCore
        developer guide, "Route traffic through an intermediate domain").
        """
        entered = copy.copy(self)
        entered._entrance = domain
        return entered

    def balancer(self, domain: str) -> str:
        """Return the DNS name, in lower case, of the load balancer that a name leads to. Raises OutboundError."""
        try:
            return self._resolver.resolve(domain, inside=True).endpoint.balancer
        except NameNotFound as error:
            raise OutboundError(str(error)) from error

    def close(self) -> None:
        """Close every pooled connection."""
        self._client.close()

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        timeout: float = 10.0,
    ) -> httpx.Response:
        """Send one request and read the answer (``timeout`` seconds for each phase). Raises OutboundError."""
        with self.stream(method, url, headers=headers, content=content, timeout=timeout) as response:
            try:
                response.read()
            except httpx.HTTPError as error:
                raise OutboundError(f"{url}: {_describe(error)}") from error
            return response

    @contextmanager
    def stream(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        timeout: float = 10.0,
    ) -> Iterator[httpx.Response]:
        """Send one request and give its answer with the body unread. Raises OutboundError."""
        address, host, name = self._locate(url)
        request = self._client.build_request(
            method,
            address,
            headers={**(headers or {}), "host": host},
            content=content,
            timeout=timeout,
            extensions={"sni_hostname": name},
        )
        try:
            response = self._client.send(request, stream=True)
        except httpx.HTTPError as error:
            raise OutboundError(f"{url}: {_describe(error)}") from error
        try:
            yield response
        finally:
            response.close()

    def _locate(self, url: str) -> tuple[str, str, str]:
        """Return the address to connect to, the Host header and the name that the certificate must carry."""
        parts = urlsplit(url)
        name = parts.hostname or ""
        if parts.scheme not in ("http", "https") or not name:
            raise OutboundError(f"{url!r} is not an http or https URL")
        if name == "127.0.0.1":
            return url, parts.netloc, name
        try:
            endpoint = self._resolver.resolve(self._entrance or name, inside=bool(self._entrance)).endpoint
        except NameNotFound as error:
            raise OutboundError(str(error)) from error
        if endpoint.private and not self._entrance:
            raise OutboundError(
                f"connection timed out: {name} leads to {endpoint.private}, which its VPC alone reaches"
            )
        port = endpoint.port if parts.scheme == "https" else endpoint.http_port
        if endpoint.is_host and parts.port:
            return urlunsplit(parts._replace(netloc=f"{endpoint.address}:{parts.port}")), parts.netloc, name
        if port is None or parts.port not in (None, 443 if parts.scheme == "https" else 80):
            raise OutboundError(f"{name} refuses connections on port {parts.port or parts.scheme}")
        return urlunsplit(parts._replace(netloc=f"{endpoint.address}:{port}")), parts.netloc, name


def _describe(error: httpx.HTTPError) -> str:
    if isinstance(error, httpx.ConnectError) and "CERTIFICATE_VERIFY_FAILED" in str(error):
        return f"the certificate is not valid for this name ({str(error).rpartition('] ')[2]})"
    if isinstance(error, httpx.TimeoutException):
        return "no answer in time"
    return str(error) or type(error).__name__
