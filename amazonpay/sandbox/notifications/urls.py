"""Which URL an endpoint may have: any http or https address, since the operator names their own."""

from typing import Final
from urllib.parse import urlsplit

import httpx

_LONGEST: Final = 2048


def checked_url(text: str) -> str:
    """The URL as it was given; ValueError says which rule it breaks."""
    if not text.isascii() or not text.isprintable() or " " in text or len(text) > _LONGEST:
        raise ValueError(f"{text[:100]!r} is not a URL of 1 to {_LONGEST} ASCII characters")
    try:
        parts = urlsplit(text)
        port, host = parts.port, parts.hostname
        httpx.URL(text)
    except (ValueError, httpx.InvalidURL):
        raise ValueError(f"{text[:100]!r} is not a URL") from None
    if parts.scheme not in ("http", "https") or not host or port == 0:
        raise ValueError(f"{text[:100]!r} is not http://host… or https://host…")
    if "@" in parts.netloc or "#" in text:
        raise ValueError(f"{text[:100]!r} holds a user name or a fragment; leave it out")
    return text
