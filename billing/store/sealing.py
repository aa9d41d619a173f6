"""Seals private keys with AES-256-GCM under the installation's master key.

A sealed text is bound to its merchant and key id (associated data), so that a row copied to
another merchant does not open.
"""

import base64
import binascii
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12
KEY_BYTES = 32


class CannotUnseal(Exception):
    """The sealed private key does not open with this master key."""


class BadMasterKey(Exception):
    """The master key is not 32 bytes in base64."""


def new_master_key() -> str:
    """A fresh master key: 32 random bytes in base64."""
    return base64.b64encode(os.urandom(KEY_BYTES)).decode()


def decode_master_key(text: str) -> bytes:
    """The 32 bytes of a base64 master key; raises `BadMasterKey` without showing the value."""
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise BadMasterKey(
            "AUTOPAY_MASTER_KEY must be 32 bytes in base64; make one with: openssl rand -base64 32"
        )
    return key


def seal(secret: bytes, *, master_key: bytes, merchant_id: str, public_key_id: str) -> bytes:
    """Nonce and ciphertext of `secret`, bound to the merchant and its key id."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(master_key).encrypt(nonce, secret, _bound_to(merchant_id, public_key_id))


def unseal(sealed: bytes, *, master_key: bytes, merchant_id: str, public_key_id: str) -> bytes:
    """The secret again; raises `CannotUnseal` under another master key, merchant or key id."""
    try:
        return AESGCM(master_key).decrypt(
            sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], _bound_to(merchant_id, public_key_id)
        )
    except (InvalidTag, ValueError) as error:  # ValueError: too short to hold a nonce
        raise CannotUnseal(
            f"the private key of merchant {merchant_id!r} does not open with this master key; "
            "set AUTOPAY_MASTER_KEY (or AUTOPAY_MASTER_KEY_FILE) to the one it was sealed with, "
            "or store the key again by setting AUTOPAY_PRIVATE_KEY_FILE"
        ) from error


def _bound_to(merchant_id: str, public_key_id: str) -> bytes:
    return f"{merchant_id}\x00{public_key_id}".encode()
