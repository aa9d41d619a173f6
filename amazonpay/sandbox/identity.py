"""Who the merchant is: made on the first start in a directory, reused on every later one.

Key id shape: `SANDBOX-` or `LIVE-` and 24 upper-case letters and digits (api.md §1).
"""

import os
import secrets
import string
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from amazonpay.sandbox.options import Environment
from amazonpay.sandbox.store import Store, StoreRefused

_ALPHABET = string.ascii_uppercase + string.digits


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The merchant account of this directory."""

    merchant_id: str
    store_id: str
    public_key_id: str
    private_key_file: Path
    public_key: rsa.RSAPublicKey
    ipn_topic_arn: str
    environment: Environment


def load_identity(store: Store, directory: Path, *, environment: Environment) -> Identity:
    """The identity kept in a directory, made first where there is none."""
    kept = store.meta("environment") or environment
    if kept != environment:
        raise StoreRefused(
            f"{directory} holds a {kept} merchant; start it with --environment {kept} or choose "
            "another --dir"
        )
    key_file = directory / "private_key.pem"
    public_key = _public_key(key_file, is_new=store.meta("public_key_id") is None)
    if store.meta("public_key_id") is None:
        _make(store, environment)
    return Identity(
        merchant_id=store.meta("merchant_id") or "",
        store_id=store.meta("store_id") or "",
        public_key_id=store.meta("public_key_id") or "",
        private_key_file=key_file,
        public_key=public_key,
        ipn_topic_arn=store.meta("ipn_topic_arn") or "",
        environment=environment,
    )


def _make(store: Store, environment: Environment) -> None:
    merchant_id = "A" + _random(13)
    account = "".join(secrets.choice(string.digits) for _ in range(12))
    with store.transaction():
        store.put_meta("environment", environment)
        store.put_meta("merchant_id", merchant_id)
        store.put_meta("store_id", f"amzn1.application-oa2-client.{secrets.token_hex(16)}")
        store.put_meta("ipn_topic_arn", f"arn:aws:sns:ap-northeast-1:{account}:{merchant_id}")
        store.put_meta("public_key_id", new_key_id(environment))


def new_key_id(environment: Environment) -> str:
    """A key id that nobody has."""
    return f"{environment.upper()}-{_random(24)}"


def new_key(key_file: Path) -> rsa.RSAPublicKey:
    """Writes a new private key; returns its public half."""
    _write_key(key_file)
    return _public_key(key_file, is_new=False)


def read_public_key(pem: str) -> rsa.RSAPublicKey:
    """The RSA public key of a PEM text that this program wrote."""
    key = serialization.load_pem_public_key(pem.encode("ascii"))
    if not isinstance(key, rsa.RSAPublicKey):
        raise StoreRefused("a stored public key is not an RSA key; choose another --dir")
    return key


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def _public_key(key_file: Path, *, is_new: bool) -> rsa.RSAPublicKey:
    if is_new and not key_file.exists():
        _write_key(key_file)
    try:
        key = serialization.load_pem_private_key(key_file.read_bytes(), password=None)
    except (OSError, ValueError):
        raise StoreRefused(
            f"{key_file} is missing or not a PEM private key; put it back or choose another --dir"
        ) from None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise StoreRefused(f"{key_file} is not an RSA key; put it back or choose another --dir")
    return key.public_key()


def _write_key(key_file: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    write_secret(
        key_file,
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )


def write_secret(path: Path, content: bytes) -> None:
    """Writes a file that only its owner may read; never half a file, whenever it is killed."""
    partial = path.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    partial.replace(path)
