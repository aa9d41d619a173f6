"""The oracle's own derivation of idempotency keys."""

from __future__ import annotations

import base64
import hashlib
from typing import Any


def derived_key(row: dict[str, Any], purpose: str, environment: str) -> str:
    """The key of an attempt (or of an act on it) by what it is about alone."""
    parts = ("v1", "shop", environment, row["external_id"], str(row["cycle"]), purpose)
    parts += (str(row["number"]),)
    told = b"".join(b"%d:%b" % (len(part.encode()), part.encode()) for part in parts)
    return base64.urlsafe_b64encode(hashlib.sha256(told).digest()).decode()[:32]
