"""Addresses to which a buyer is sent: only those that a merchant signed, and only http(s)."""

import re
from typing import Final
from urllib.parse import quote, urlsplit

_LONGEST: Final = 2_048
_PLAIN: Final = re.compile(r"[!-~]+", re.ASCII)
_OWN: Final = re.compile(
    r"/(?:checkout|signin|jr)/[A-Za-z0-9/_.-]*(?:\?[A-Za-z0-9=&%_.~-]*)?", re.ASCII
)


def is_return_url(text: object) -> bool:
    """Whether a browser may be sent there: absolute, http or https, printable ASCII, a host."""
    if not isinstance(text, str) or len(text) > _LONGEST or not _PLAIN.fullmatch(text):
        return False
    # A browser reads a backslash as a slash; the standard library does not.
    if "\\" in text:
        return False
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and port != 0


def with_parameter(url: str, name: str, value: str) -> str:
    """The URL with one more query parameter, before its fragment and after its own query."""
    address, hash_sign, fragment = url.partition("#")
    path, _, query = address.partition("?")
    glue = "&" if query and not query.endswith("&") else ""
    pair = f"{name}={quote(value, safe='')}"
    return f"{path}?{query}{glue}{pair}" + hash_sign + fragment


def origin(url: str) -> str:
    """`https://shop.example:8443`: what a Content-Security-Policy names, for a good return URL.

    An IPv6 host has no form there; its scheme alone is named.
    """
    parts = urlsplit(url)
    if parts.hostname is None or ":" in parts.hostname:
        return f"{parts.scheme}:"
    port = "" if parts.port is None else f":{parts.port}"
    return f"{parts.scheme}://{parts.hostname}{port}"


def own_path(text: str) -> str | None:
    """The text when it is a path of these pages, None for anything that could lead elsewhere."""
    return text if _OWN.fullmatch(text) and "//" not in text else None
