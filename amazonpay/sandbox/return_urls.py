"""Addresses to which a merchant lets Amazon Pay send a browser back (api.md §5)."""

from typing import Final
from urllib.parse import urlsplit

from amazonpay.sandbox import fields
from amazonpay.sandbox.options import Environment
from amazonpay.sandbox.refusals import invalid_value

_LONGEST: Final = 2048


def return_url(
    body: fields.Json, name: str, *, inside: str, environment: Environment
) -> str | None:
    """An address that was given, None when it is absent or empty.

    Raises 400 `InvalidParameterValue` for one that Amazon would not take.
    """
    text = fields.text(body, name, longest=_LONGEST, inside=inside)
    if not text:
        return None
    if not acceptable_url(text, environment):
        raise invalid_value(
            f"{inside}.{name}",
            " It must be an https URL; in sandbox http is accepted on localhost and 127.0.0.1.",
        )
    return text


def acceptable_url(text: str, environment: Environment) -> bool:
    """Whether Amazon would send a browser there: https, or http to this machine in sandbox."""
    if not text.isascii() or not text.isprintable() or " " in text or "\\" in text:
        return False
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    if not host or parts.username is not None:
        return False
    local = environment == "sandbox" and host in ("localhost", "127.0.0.1")
    return parts.scheme == "https" or (parts.scheme == "http" and local)
