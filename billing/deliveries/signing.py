"""Signatures of webhooks, in the manner of the Standard Webhooks convention. Pure.

The receiver computes HMAC-SHA256 over `id.timestamp.body` with the secret and compares it with
one of the signatures. The timestamp is the moment of this very try, so that an old message cannot
be played again; the id is the same at every try.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Sequence
from datetime import datetime

from plans import BadInput

__all__ = [
    "SECRET_BYTES",
    "message_hash",
    "secret_bytes",
    "secret_text",
    "signature_headers",
]

SECRET_PREFIX = "whsec_"  # noqa: S105 - what every secret begins with
SECRET_BYTES = 32
_LEAST_BYTES, _MOST_BYTES = 24, 64


def secret_text(secret: bytes) -> str:
    """A secret as its receiver gets it: `whsec_` and base64."""
    return SECRET_PREFIX + base64.b64encode(secret).decode()


def secret_bytes(text: str) -> bytes:
    """The bytes of a secret's text; raises BadInput, which does not repeat the text."""
    try:
        secret = base64.b64decode(text.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if not _LEAST_BYTES <= len(secret) <= _MOST_BYTES:
        raise BadInput(
            field="secret",
            value="***",
            rule=f"is {SECRET_PREFIX} and {_LEAST_BYTES} to {_MOST_BYTES} bytes in base64",
            remedy="leave it out, and one is made",
        )
    return secret


def signature_headers(
    *, message_id: str, at: datetime, body: bytes, secrets: Iterable[bytes]
) -> dict[str, str]:
    """The three headers of a webhook; while a secret is being replaced both sign."""
    timestamp = str(int(at.timestamp()))
    signed = b".".join((message_id.encode(), timestamp.encode(), body))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{_hmac(secret, signed)}" for secret in secrets),
    }


def _hmac(secret: bytes, signed: bytes) -> str:
    return base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()


def message_hash(parts: Sequence[str]) -> str:
    """32 hex digits that name a message; the same parts give the same name for ever."""
    return hashlib.sha256("\x00".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]
