"""Reaching hosts: real TLS with the host's own name, wherever its address is, and one sentence where it fails."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deployer.network import LocalNetwork, PublicNetwork, Resolution, Unreachable, certificate_of, send
from tests.deployer.loopback import Authority, HttpServer, Names, Reply, Request

HOST = "mcp.example.com"


def echo(request: Request) -> Reply:
    text = f"{request.method} {request.headers['host']}{request.path} {request.body.decode()}"
    return Reply(200, text.encode(), {"X-Kind": "echo"})


@contextmanager
def serving(folder: Path, *certified: str) -> Iterator[LocalNetwork]:
    authority = Authority(folder)
    with HttpServer(echo, authority.context(*certified)) as front, HttpServer(Names({HOST: front.port})) as resolver:
        yield LocalNetwork(f"http://127.0.0.1:{resolver.port}", authority.path)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as held:
        return int(held.getsockname()[1])


def test_a_request_bears_the_hosts_own_name_to_where_it_is_resolved(tmp_path: Path) -> None:
    with serving(tmp_path, HOST) as network:
        answer = send(network, "POST", f"https://{HOST}/path?q=1", {"accept": "*/*"}, b"body")

    assert (answer.status, answer.body) == (200, f"POST {HOST}/path?q=1 body".encode())
    assert answer.headers["x-kind"] == "echo"


def test_the_resolver_tells_address_port_and_chain(tmp_path: Path) -> None:
    with serving(tmp_path, HOST) as network:
        found = network.resolve(HOST)

    assert (found.host, found.address, found.chain) == (HOST, "127.0.0.1", (f"{HOST} A alias → loopback",))


def test_the_certificate_says_names_issuer_and_end(tmp_path: Path) -> None:
    with serving(tmp_path, HOST, "other.example.com") as network:
        held = certificate_of(network, HOST)

    assert held.names == (HOST, "other.example.com")
    assert held.issuer == "Loopback authority"
    assert held.expires.endswith("GMT")


def test_a_certificate_of_another_name_is_not_accepted(tmp_path: Path) -> None:
    with serving(tmp_path, "other.example.com") as network:
        with pytest.raises(Unreachable, match=rf"with which {HOST} answers is not valid for it: Hostname mismatch"):
            send(network, "GET", f"https://{HOST}/")
        with pytest.raises(Unreachable, match="Hostname mismatch"):
            certificate_of(network, HOST)


def test_an_authority_that_is_not_trusted_is_not_accepted(tmp_path: Path) -> None:
    (tmp_path / "stranger").mkdir()
    with serving(tmp_path, HOST) as network:
        mistrusting = LocalNetwork(network.endpoint, Authority(tmp_path / "stranger").path)
        with pytest.raises(Unreachable, match="is not valid for it"):
            send(mistrusting, "GET", f"https://{HOST}/")


def test_a_name_without_a_record_has_no_address(tmp_path: Path) -> None:
    with serving(tmp_path, HOST) as network, pytest.raises(Unreachable, match=r"gone\.example\.com has no address"):
        send(network, "GET", "https://gone.example.com/")


def test_a_resolver_that_is_gone_is_told(tmp_path: Path) -> None:
    network = LocalNetwork(f"http://127.0.0.1:{free_port()}", Authority(tmp_path).path)

    with pytest.raises(Unreachable, match="does not answer"):
        network.resolve(HOST)


class Fixed:
    """A network that leads every name to one port of loopback."""

    def __init__(self, port: int) -> None:
        self.port = port

    def resolve(self, host: str) -> Resolution:
        return Resolution(host, "127.0.0.1", self.port, ())

    def ssl_context(self) -> ssl.SSLContext:
        return ssl.create_default_context()


def test_a_port_where_nobody_listens_is_told() -> None:
    with pytest.raises(Unreachable, match=rf"{HOST} cannot be connected to: .*refused\.$"):
        send(Fixed(free_port()), "GET", f"https://{HOST}/")


def test_a_server_that_speaks_no_tls_is_told() -> None:
    with (
        HttpServer(echo) as plain,
        pytest.raises(Unreachable, match=rf"{HOST} does not complete the TLS handshake: "),
    ):
        send(Fixed(plain.port), "GET", f"https://{HOST}/")


def test_the_public_network_asks_the_systems_resolver() -> None:
    found = PublicNetwork().resolve("localhost")

    assert found.port == 443
    assert found.address in ("127.0.0.1", "::1")
    with pytest.raises(Unreachable, match=r"no-such-host\.invalid has no address"):
        PublicNetwork().resolve("no-such-host.invalid")


@pytest.mark.parametrize("name", ["a" * 64 + ".example.com", "..", ""])
def test_what_is_no_host_name_has_no_address(name: str) -> None:
    with pytest.raises(Unreachable, match="has no address"):
        PublicNetwork().resolve(name)


def test_the_public_network_verifies_names_and_certificates() -> None:
    context = PublicNetwork().ssl_context()

    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
