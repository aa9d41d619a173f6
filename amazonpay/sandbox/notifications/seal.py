"""The key that signs notifications, and the certificates that say whose it is (ipn.md §4).

One RSA key and two certificates of it: a good one, and one that has long expired. Both are signed
by nobody but themselves and named after Amazon SNS, so only a receiver that is told to fetch
certificates here can ever trust them.
"""

import hashlib
from base64 import b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from amazonpay.sandbox.identity import write_secret

_NAME: Final = "sns.amazonaws.com"
_BEGIN: Final = datetime(2000, 1, 1, tzinfo=UTC)
# The virtual clock may stand anywhere; RFC 5280 has this instant for "does not end".
_NO_END: Final = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
_EXPIRED: Final = datetime(2001, 1, 1, tzinfo=UTC)
_HASHES: Final[dict[str, hashes.HashAlgorithm]] = {"1": hashes.SHA1(), "2": hashes.SHA256()}  # noqa: S303 - SNS's version 1

_ONE_AT_A_TIME: Final = Lock()


@dataclass(frozen=True)
class Seal:
    """The signing key and its certificate files by what they are: `valid` or `expired`."""

    key: rsa.RSAPrivateKey
    certificates: dict[str, bytes]

    @cached_property
    def file_names(self) -> dict[str, str]:
        """The file name of each certificate, in the shape that SNS gives them."""
        return {
            which: f"SimpleNotificationService-{hashlib.sha256(pem).hexdigest()[:32]}.pem"
            for which, pem in self.certificates.items()
        }

    def certificate_file(self, file_name: str) -> bytes | None:
        """The certificate of that file name."""
        for which, name in self.file_names.items():
            if name == file_name:
                return self.certificates[which]
        return None

    def sign(self, text: str, *, version: str) -> str:
        """RSASSA-PKCS1-v1_5 in Base64; version 1 is over SHA-1, 2 over SHA-256."""
        return b64encode(
            self.key.sign(text.encode(), padding.PKCS1v15(), _HASHES[version])
        ).decode()


def load_seal(directory: Path) -> Seal:
    """The seal of a directory, made first where it is missing or cannot be read.

    A new one is no loss: receivers fetch certificates by the URL in each envelope. May be called
    in several threads at once.
    """
    with _ONE_AT_A_TIME:
        key = _key(directory / "sns_key.pem")
    return Seal(
        key,
        {"valid": _certificate(key, until=_NO_END), "expired": _certificate(key, until=_EXPIRED)},
    )


def _key(file: Path) -> rsa.RSAPrivateKey:
    try:
        key = serialization.load_pem_private_key(file.read_bytes(), password=None)
    except (OSError, ValueError):
        key = None
    if not isinstance(key, rsa.RSAPrivateKey):
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        write_secret(file, _pem_of(key))
    return key


def _pem_of(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _certificate(key: rsa.RSAPrivateKey, *, until: datetime) -> bytes:
    """The same key and dates give the same bytes, so that file names outlive a restart."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _NAME)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .serial_number(until.year)
        .not_valid_before(_BEGIN)
        .not_valid_after(until)
        .public_key(key.public_key())
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(_NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM)
