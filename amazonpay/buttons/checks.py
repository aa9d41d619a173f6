"""Rules that several payloads share; each raises InvalidArgument naming the field."""

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import SplitResult, urlsplit

from amazonpay.errors import InvalidArgument
from amazonpay.keys import Environment
from amazonpay.states import CheckoutScope, OpenEnum

_URL: Final = re.compile(r"[!#-\[\]_a-z~]+")
"""Printable ASCII without space, quotes, backslash and the other signs a URL encodes."""
_STORE_ID: Final = re.compile(r"amzn1\.application-oa2-client\.[0-9A-Za-z]+")
_MERCHANT_ID: Final = re.compile(r"[0-9A-Za-z]{1,64}")


def check_store_id(store_id: str) -> None:
    """The shop's client id, as Seller Central shows it."""
    if not _STORE_ID.fullmatch(store_id):
        raise InvalidArgument(
            "store_id",
            store_id,
            "amzn1.application-oa2-client. and letters or digits",
            "Copy the store id (client id) from Seller Central",
        )


def check_merchant_id(merchant_id: str) -> None:
    """The account's id, as Seller Central shows it."""
    if not _MERCHANT_ID.fullmatch(merchant_id):
        raise InvalidArgument(
            "merchant_id",
            merchant_id,
            "letters and digits only",
            "Copy the merchant id from Seller Central",
        )


def check_url(field: str, url: str | None) -> None:
    """An absolute address a buyer can be sent to: https, or http://localhost for the sandbox."""
    if url is None:
        return
    parts = _split(url)
    secure = parts is not None and parts.scheme == "https" and bool(parts.hostname)
    if parts is None or not (secure or is_localhost(url)) or "@" in parts.netloc or "#" in url:
        raise InvalidArgument(
            field,
            url,
            "an absolute https address in plain ASCII without user name and fragment; "
            "http only for localhost in the sandbox",
            "Give the whole address of the page, percent-encoded where needed",
        )


def check_environment_of_url(field: str, url: str | None, environment: Environment) -> None:
    """In the live environment, http://localhost is refused too."""
    if url is not None and environment == "live" and is_localhost(url):
        raise InvalidArgument(
            field,
            url,
            "in the live environment addresses are https, on a domain listed in Seller Central",
            "Give the address of the live shop",
        )


def is_localhost(url: str) -> bool:
    """True for the one address that may go without https, in the sandbox."""
    parts = _split(url)
    return parts is not None and parts.scheme == "http" and parts.hostname == "localhost"


def check_scopes(field: str, scopes: Sequence[CheckoutScope]) -> None:
    """A choice without repetition; an empty one leaves it to Amazon's default."""
    for scope in scopes:
        check_known(field, scope)
    if len(set(scopes)) != len(scopes):
        raise InvalidArgument(field, tuple(scopes), "no scope twice", "Leave the repetition out")


def check_known(field: str, word: OpenEnum | None) -> None:
    """Refuses a word Amazon has not documented: the buyer would see an error, not a page."""
    if word is not None and not word.known:
        raise InvalidArgument(
            field,
            word.value,
            f"one of {', '.join(type(word))}",
            "Correct the spelling, or update this package",
        )


def _split(url: str) -> SplitResult | None:
    if not _URL.fullmatch(url):
        return None
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts
