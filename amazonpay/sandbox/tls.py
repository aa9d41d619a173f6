"""Certificates of the local Amazon Pay: its own authority, and a server certificate under it."""

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from amazonpay.sandbox.identity import write_secret

# .NET and Ruby SDKs cannot be pointed elsewhere: they need the real names (signing.md §10).
_NAMES = ("localhost", "pay-api.amazon.jp", "payments.amazon.co.jp")
_ADDRESSES = ("127.0.0.1", "::1")
_LIFETIME = timedelta(days=3650)


@dataclass(frozen=True, slots=True)
class ServerTls:
    """Files for the server, and the authority that clients are to trust."""

    certificate_file: Path
    key_file: Path
    ca_file: Path


def load_tls(directory: Path, *, now: datetime) -> ServerTls:
    """The certificates of a directory, made first where they are missing."""
    tls = ServerTls(directory / "server.pem", directory / "server_key.pem", directory / "ca.pem")
    if not (tls.certificate_file.exists() and tls.key_file.exists() and tls.ca_file.exists()):
        _make(tls, now.astimezone(UTC))
    return tls


def _make(tls: ServerTls, now: datetime) -> None:
    # The authority's key is thrown away: nothing else can ever be signed with it.
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca = _authority(ca_key, now)
    certificate = _certificate(ca, ca_key, key, now)
    write_secret(
        tls.key_file,
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )
    write_secret(tls.certificate_file, certificate.public_bytes(serialization.Encoding.PEM))
    write_secret(tls.ca_file, ca.public_bytes(serialization.Encoding.PEM))


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _builder(subject: x509.Name, issuer: x509.Name, now: datetime) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _LIFETIME)
    )


def _authority(key: ec.EllipticCurvePrivateKey, now: datetime) -> x509.Certificate:
    name = _name("Local Amazon Pay authority")
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return (
        _builder(name, name, now)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(identifier, critical=False)
        .sign(key, hashes.SHA256())
    )


def _certificate(
    ca: x509.Certificate,
    ca_key: ec.EllipticCurvePrivateKey,
    key: ec.EllipticCurvePrivateKey,
    now: datetime,
) -> x509.Certificate:
    alternatives: list[x509.GeneralName] = [x509.DNSName(name) for name in _NAMES]
    alternatives += [x509.IPAddress(ipaddress.ip_address(text)) for text in _ADDRESSES]
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
    return (
        _builder(_name("localhost"), ca.subject, now)
        .public_key(key.public_key())
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(authority, critical=False)
        .sign(ca_key, hashes.SHA256())
    )
