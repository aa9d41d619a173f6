"""Values that travel through the browser and come back unchanged: cookies, tickets, form tokens.

Each is JSON in base64 with an HMAC. The key is kept with the state, so that a restart logs nobody
out.
"""

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from typing import Final

from amazonpay.sandbox.fields import Json
from amazonpay.sandbox.store import Store

_META: Final = "pages_secret"
_LONGEST: Final = 16_384


class Seals:
    """Seals values with one secret key; a value sealed for one purpose is no good for another."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def seal(self, value: Json, *, purpose: str) -> str:
        """Text of `A-Z a-z 0-9 - _ .` that only this key can have made."""
        body = base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")
        return f"{body}.{self.token(body, purpose=purpose)}"

    def unseal(self, text: str, *, purpose: str) -> Json | None:
        """The value, None for what this key did not seal for this purpose."""
        body, _, token = text.partition(".")
        if len(text) > _LONGEST or not self.is_good(token, body, purpose=purpose):
            return None
        try:
            value: Json = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        except (binascii.Error, ValueError):
            return None
        return value

    def token(self, text: str, *, purpose: str) -> str:
        """A token for a text, e.g. for the forms of one browser."""
        message = f"{purpose}\n{text}".encode()
        return hmac.new(self._key, message, hashlib.sha256).hexdigest()

    def is_good(self, token: str, text: str, *, purpose: str) -> bool:
        """Whether the token was made for this text; compared in constant time."""
        expected = self.token(text, purpose=purpose)
        return hmac.compare_digest(token.encode(), expected.encode())


def load_seals(store: Store) -> Seals:
    """The seals of this state file; their key is made on first use."""
    kept = store.meta(_META)
    if kept is None:
        kept = secrets.token_hex(32)
        with store.transaction():
            store.put_meta(_META, kept)
    return Seals(bytes.fromhex(kept))
