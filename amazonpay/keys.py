"""The merchant's RSA key: read from PEM, used for signing, never shown.

Seller Central hands the private key out once, as PEM in PKCS#8 or PKCS#1; RSA, 2048 bits.
"""

import hashlib
import re
from typing import Final, Literal, NoReturn

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from amazonpay.errors import UnusableKey

Environment = Literal["sandbox", "live"]

_SMALLEST_KEY_BITS: Final = 2048
_BEGIN: Final = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----")
_DOWNLOAD_AGAIN: Final = (
    "Use the whole file that Seller Central offered for download, from -----BEGIN to -----END; "
    "if it is lost, create a new key pair there"
)


class PrivateKey:
    """An RSA private key that signs, and that never shows itself in repr, logs or pickles."""

    __slots__ = ("_key",)

    def __init__(self, key: rsa.RSAPrivateKey) -> None:
        self._key = key

    def __repr__(self) -> str:
        return f"<PrivateKey RSA-{self._key.key_size} sha256:{self.fingerprint()[:16]}…>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a PrivateKey is not pickled: load it again from its sealed PEM")

    def sign(self, data: bytes, *, salt_length: int) -> bytes:
        """RSASSA-PSS with SHA-256, MGF1/SHA-256 and a salt of `salt_length` bytes."""
        scheme = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=salt_length)
        return self._key.sign(data, scheme, hashes.SHA256())

    def public_key(self) -> rsa.RSAPublicKey:
        """The public half, as Amazon Pay has it."""
        return self._key.public_key()

    def fingerprint(self) -> str:
        """SHA-256 of the public key in DER (SubjectPublicKeyInfo), in hex; no secret."""
        der = self.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return hashlib.sha256(der).hexdigest()


def load_private_key(pem: bytes | str) -> PrivateKey:
    """The key in a PEM text, PKCS#8 or PKCS#1, as read from a file or an environment variable.

    Raises UnusableKey, saying what is wrong and what to do: not PEM, cut short, a public key or
    certificate, protected by a password, not RSA, or shorter than 2048 bits.
    """
    # "replace": an error of the encoder would hold the whole text.
    data = pem.encode("ascii", "replace") if isinstance(pem, str) else pem
    _refuse_other_files(data)
    try:
        key = load_pem_private_key(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # The library's own text could quote the file; the chain is cut on purpose.
        raise UnusableKey("the PEM text is damaged or incomplete", _DOWNLOAD_AGAIN) from None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise UnusableKey("it is not an RSA key", "Create an RSA key pair in Seller Central")
    if key.key_size < _SMALLEST_KEY_BITS:
        raise UnusableKey(
            f"it has {key.key_size} bits and Amazon Pay asks for {_SMALLEST_KEY_BITS}",
            "Create a new key pair in Seller Central",
        )
    return PrivateKey(key)


def _refuse_other_files(pem: bytes) -> None:
    begin = _BEGIN.search(pem)
    if begin is None:
        raise UnusableKey("there is no -----BEGIN … PRIVATE KEY----- line in it", _DOWNLOAD_AGAIN)
    label = begin[1]
    if label.endswith(b"PUBLIC KEY") or b"CERTIFICATE" in label:
        raise UnusableKey(
            f"this is a {label.decode().lower()}, not a private key",
            "Give the file named AmazonPay_….pem that begins with -----BEGIN PRIVATE KEY-----",
        )
    if label == b"ENCRYPTED PRIVATE KEY" or b"ENCRYPTED" in pem[begin.end() :][:200]:
        raise UnusableKey(
            "it is protected by a password",
            "Remove the password with `openssl pkey -in KEY.pem -out PLAIN.pem` and give PLAIN.pem",
        )
    if b"-----END " + label + b"-----" not in pem:
        raise UnusableKey("the file is cut short: its -----END line is missing", _DOWNLOAD_AGAIN)


def environment_of_key_id(public_key_id: str) -> Environment | None:
    """The environment a public key id names by its prefix `SANDBOX-` or `LIVE-`, else None."""
    # Without regard to case, as the official SDKs test it.
    key_id = public_key_id.upper()
    if key_id.startswith("SANDBOX-"):
        return "sandbox"
    return "live" if key_id.startswith("LIVE-") else None
