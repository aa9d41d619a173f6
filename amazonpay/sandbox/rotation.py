"""Key pairs come and go: a second one beside the first, then the first is switched off.

Amazon lets a merchant hold two live key ids while it changes from one to the other. The private
key is written beside the first one, as Seller Central would offer it for download once.
"""

import json
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from amazonpay.sandbox.identity import Identity, new_key, new_key_id, read_public_key
from amazonpay.sandbox.keyring import Keyring
from amazonpay.sandbox.store import Store

_META = "public_keys"


def load_keyring(store: Store, identity: Identity) -> Keyring:
    """The keys of a directory: the first one and all that were added, without the disabled."""
    keyring = Keyring({identity.public_key_id: identity.public_key})
    for key_id, pem in _kept(store).items():
        if pem is None:
            keyring.live.pop(key_id, None)
        else:
            keyring.live[key_id] = read_public_key(pem)
    return keyring


def add_key(store: Store, keyring: Keyring, directory: Path) -> tuple[str, Path]:
    """A new key pair that works at once; its id and where its private key was written."""
    key_id = new_key_id("live" if store.meta("environment") == "live" else "sandbox")
    key_file = directory / f"private_key_{key_id.rpartition('-')[2].lower()}.pem"
    key = new_key(key_file)
    kept = _kept(store) | {key_id: _pem(key)}
    store.put_meta(_META, json.dumps(kept))
    keyring.live[key_id] = key
    return key_id, key_file


def disable_key(store: Store, keyring: Keyring, key_id: str) -> bool:
    """Switches a key off; False when no such key is live."""
    if keyring.live.pop(key_id, None) is None:
        return False
    store.put_meta(_META, json.dumps(_kept(store) | {key_id: None}))
    return True


def _kept(store: Store) -> dict[str, str | None]:
    """Public key PEM by key id; None where a key was switched off."""
    kept: dict[str, str | None] = json.loads(store.meta(_META) or "{}")
    return kept


def _pem(key: RSAPublicKey) -> str:
    encoded = key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return encoded.decode("ascii")
