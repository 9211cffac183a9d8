"""The local certificate authority: what it issues is accepted by a strict client, and only for its names."""

import ipaddress
import socket
import ssl
import stat
import threading
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from emulator.data_plane.authority import Authority, LeafCertificate


def shake_hands(leaf: LeafCertificate, trusted: Path, name: str) -> str | None:
    """Return the version of a TLS connection to a server with ``leaf``, made by a client that asks for ``name``."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(leaf.chain, leaf.key)
    client = ssl.create_default_context(cafile=str(trusted))
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                try:
                    server.wrap_socket(connection, server_side=True).close()
                except OSError:
                    return

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            with (
                socket.create_connection(listening.getsockname(), timeout=10) as connection,
                client.wrap_socket(connection, server_hostname=name) as secured,
            ):
                return secured.version()
        finally:
            thread.join(10)


def test_a_leaf_is_accepted_for_its_names_by_a_strict_client(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    leaf = authority.leaf(["mcp.example.com", "*.wild.example.com", "127.0.0.1"])

    for name in ("mcp.example.com", "a.wild.example.com", "127.0.0.1"):
        assert shake_hands(leaf, authority.path, name) == "TLSv1.3"


def test_a_leaf_is_refused_for_another_name(tmp_path: Path) -> None:
    authority = Authority(tmp_path)

    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        shake_hands(authority.leaf(["other.example.com"]), authority.path, "mcp.example.com")


def test_another_folders_authority_is_not_trusted(tmp_path: Path) -> None:
    leaf = Authority(tmp_path / "one").leaf(["mcp.example.com"])

    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(leaf, Authority(tmp_path / "two").path, "mcp.example.com")


def test_leaf_has_the_extensions_of_a_server_certificate(tmp_path: Path) -> None:
    long_name = ".".join(["a" * 40] * 3) + ".example.com"
    authority = Authority(tmp_path)
    certificate = x509.load_pem_x509_certificates(authority.leaf([long_name, "10.0.0.1"]).chain.read_bytes())[0]

    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [long_name]
    assert names.get_values_for_type(x509.IPAddress) == [ipaddress.ip_address("10.0.0.1")]
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    assert (usage.digital_signature, usage.key_cert_sign) == (True, False)
    assert list(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [
        ExtendedKeyUsageOID.SERVER_AUTH
    ]
    assert (certificate.not_valid_after_utc - certificate.not_valid_before_utc).days == 395


def test_root_and_leaves_survive_a_restart_and_keys_are_private(tmp_path: Path) -> None:
    first = Authority(tmp_path)
    leaf = first.leaf(["mcp.example.com"])
    before = (first.path.read_bytes(), leaf.chain.read_bytes())

    second = Authority(tmp_path)

    assert (second.path.read_bytes(), second.leaf(["mcp.example.com"]).chain.read_bytes()) == before
    for key in (tmp_path / "ca.key", leaf.key):
        assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_a_leaf_of_a_lost_root_is_issued_again(tmp_path: Path) -> None:
    Authority(tmp_path).leaf(["mcp.example.com"])
    (tmp_path / "ca.pem").unlink()
    renewed = Authority(tmp_path)

    assert shake_hands(renewed.leaf(["mcp.example.com"]), renewed.path, "mcp.example.com") == "TLSv1.3"


def test_a_certificate_without_names_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least one name"):
        Authority(tmp_path).leaf([])
