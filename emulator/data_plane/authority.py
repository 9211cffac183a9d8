"""The local certificate authority: every name served here over TLS is certified by it, and by nothing else."""

import datetime
import ipaddress
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_AUTHORITY_LIFETIME = datetime.timedelta(days=3650)
# ACM's own public certificates lived 395 days (ACM user guide, "Managed renewal"); browsers refuse longer ones.
_LEAF_LIFETIME = datetime.timedelta(days=395)
_RENEW_BEFORE = datetime.timedelta(days=30)
_CLOCK_SKEW = datetime.timedelta(minutes=5)


@dataclass(frozen=True)
class LeafCertificate:
    """Where a certificate chain (leaf, then authority) and its key lie, both PEM."""

    chain: Path
    key: Path


class Authority:
    """Issues leaf certificates under one root that is made once and kept in ``directory``.

    The root is in ``directory/ca.pem``, its key (mode 0600) in ``directory/ca.key``; leaves are in
    ``directory/certificates``. A leaf is made on first demand and reused until 30 days before it ends.
    """

    def __init__(self, directory: Path) -> None:
        self._leaves = directory / "certificates"
        self._leaves.mkdir(parents=True, exist_ok=True)
        self.path = directory / "ca.pem"
        self._key_path = directory / "ca.key"
        self._lock = threading.Lock()
        if not (self.path.exists() and self._key_path.exists()):
            self._create()
        self._key = _load_key(self._key_path)
        self._certificate = x509.load_pem_x509_certificate(self.path.read_bytes())

    def leaf(self, names: Sequence[str]) -> LeafCertificate:
        """Return a server certificate for exactly ``names`` (DNS names, wildcards or IP addresses; the first is the
        common name where it fits the 64 characters of X.520). Raises ValueError when ``names`` is empty.
        """
        if not names:
            raise ValueError("a certificate needs at least one name")
        stem = sha256("\n".join(names).encode()).hexdigest()[:32]
        leaf = LeafCertificate(self._leaves / f"{stem}.pem", self._leaves / f"{stem}.key")
        with self._lock:
            if not self._usable(leaf):
                self._issue(leaf, names)
        return leaf

    def _usable(self, leaf: LeafCertificate) -> bool:
        if not (leaf.chain.exists() and leaf.key.exists()):
            return False
        certificate = x509.load_pem_x509_certificates(leaf.chain.read_bytes())[0]
        return (
            certificate.not_valid_after_utc - _RENEW_BEFORE > _now()
            and certificate.issuer == self._certificate.subject
            and _key_identifier(certificate) == x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()).digest
        )

    def _issue(self, leaf: LeafCertificate, names: Sequence[str]) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])] if len(names[0]) <= 64 else [])
        certificate = (
            _builder(subject, self._certificate.subject, key.public_key(), _LEAF_LIFETIME)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=not subject)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        _write_private(leaf.key, _key_pem(key))
        leaf.chain.write_bytes(
            certificate.public_bytes(serialization.Encoding.PEM)
            + self._certificate.public_bytes(serialization.Encoding.PEM)
        )

    def _create(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        # A random suffix keeps two state folders' authorities apart in a trust store that holds both.
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Local AWS emulator {os.urandom(4).hex()}")])
        certificate = (
            _builder(name, name, key.public_key(), _AUTHORITY_LIFETIME)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(signs_certificates=True), critical=True)
            .sign(key, hashes.SHA256())
        )
        _write_private(self._key_path, _key_pem(key))
        self.path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, lifetime: datetime.timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(_now() - _CLOCK_SKEW)
        .not_valid_after(_now() + lifetime)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _key_identifier(certificate: x509.Certificate) -> bytes | None:
    return certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _load_key(path: Path) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{path} holds no elliptic curve key; remove it and ca.pem beside it")
    return key


def _write_private(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
