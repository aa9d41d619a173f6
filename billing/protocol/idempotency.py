"""The idempotency key of an attempt: a pure function of what is charged, the same for ever.

No clock, no random and no row id goes in, so a restarted or restored machine makes the very key
it made before and Amazon answers with the charge it already knows.
"""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode

from plans import BadInput

__all__ = ["ENVIRONMENTS", "idempotency_key"]

ENVIRONMENTS = ("sandbox", "live")

# Amazon accepts 32 characters of A-Z a-z 0-9 - _; that many carry 192 bits of the hash.
_KEY_LENGTH = 32
# Names this derivation. It never changes: a key made today must be made again in ten years.
_SCHEME = "v1"


def idempotency_key(
    *, merchant: str, environment: str, subscription: str, cycle: int, purpose: str, attempt: int
) -> str:
    """Make the key of one attempt to charge the slot (subscription, cycle, purpose).

    Raises BadInput for an empty text, an environment other than sandbox and live, a cycle below
    0 or an attempt below 1.
    """
    for field, text in (
        ("merchant", merchant),
        ("subscription", subscription),
        ("purpose", purpose),
    ):
        _check_text(field, text)
    if environment not in ENVIRONMENTS:
        raise BadInput(
            field="environment",
            value=environment,
            rule=f"the environment is one of {', '.join(ENVIRONMENTS)}",
            remedy="use the one the merchant's keys belong to",
        )
    _check_whole("cycle", cycle, least=0)
    _check_whole("attempt", attempt, least=1)
    identity = (merchant, environment, subscription, str(cycle), purpose, str(attempt))
    digest = hashlib.sha256(_canonical((_SCHEME, *identity))).digest()
    return urlsafe_b64encode(digest).decode("ascii")[:_KEY_LENGTH]


def _canonical(parts: tuple[str, ...]) -> bytes:
    """Encode texts so that no two lists give the same bytes: each is led by its length."""
    encoded = (part.encode("utf-8") for part in parts)
    return b"".join(b"%d:%b" % (len(part), part) for part in encoded)


def _check_text(field: str, text: str) -> None:
    try:
        blank = not text.encode("utf-8").strip()
    except UnicodeEncodeError:
        blank = True
    if blank:
        raise BadInput(
            field=field,
            value=text,
            rule=f"{field} is a text that is not empty and can be written in UTF-8",
            remedy="give the identifier as it is stored",
        )


def _check_whole(field: str, value: int, *, least: int) -> None:
    # True is an int to Python; as a cycle it would silently share the key of cycle 1.
    if isinstance(value, bool) or value < least:
        raise BadInput(
            field=field,
            value=value,
            rule=f"{field} is a whole number from {least} up",
            remedy="correct it",
        )
