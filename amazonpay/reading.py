"""Strict reading of JSON from the wire: what is not exactly as documented is malformed.

A malformed answer is never half understood; the caller turns it into an unknown outcome.
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from math import isinf
from typing import Final, NoReturn

from amazonpay.errors import shown

_YEN: Final = re.compile(r"0|[1-9][0-9]{0,11}")
_INSTANT: Final = re.compile(
    r"([0-9]{4})-?([0-9]{2})-?([0-9]{2})T([0-9]{2}):?([0-9]{2}):?([0-9]{2})Z"
)
_REPORT_INSTANT: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})T([0-9]{2}[-:][0-9]{2}[-:][0-9]{2})(?:\.([0-9]{1,9}))?Z"
)
_DECIMAL: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,11})(?:\.[0-9]{1,9})?")
_NUL: Final = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
"""The escape of a NUL in JSON text, not a backslash that is followed by the letters u0000."""


class MalformedResponse(Exception):
    """The bytes are not the documented JSON; the text names the field and what was found."""


def read_object(body: bytes) -> Mapping[str, object]:
    """The JSON object in `body`; refuses NaN, duplicate keys, lone surrogates and NUL characters.

    Raises MalformedResponse, also for text that is too deeply nested or holds absurd numbers.
    """
    try:
        value = json.loads(
            body.decode("utf-8"),
            parse_constant=_refuse_constant,
            parse_float=_finite,
            object_pairs_hook=_unique,
        )
        if b"\\u" in body:
            _refuse_unstorable(value)
    except (ValueError, RecursionError) as problem:
        raise MalformedResponse(f"the body is not JSON: {problem}") from problem
    if not isinstance(value, dict):
        raise MalformedResponse(f"the body is no JSON object but {shown(value)}")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    # 1e999 would become an infinity, which no JSON and no JSON column can say again.
    value = float(text)
    if isinf(value):
        raise ValueError(f"the number {shown(text)} is too large")
    return value


def _refuse_unstorable(value: object) -> None:
    # Such characters come only by \u escapes. No database stores a NUL in text, no UTF-8 text
    # holds half a surrogate pair: an answer must not break where its outcome is recorded.
    text = json.dumps(value, ensure_ascii=False)
    text.encode("utf-8")
    if _NUL.search(text):
        raise ValueError("a text holds a NUL character")


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    # Of two equal keys every parser picks its own: such a text has no one meaning.
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("an object holds the same key twice")
    return members


def optional_text(source: Mapping[str, object], field: str) -> str | None:
    """The text of a field that may be null or absent."""
    value = source.get(field)
    if value is None or isinstance(value, str):
        return value
    raise MalformedResponse(f"{field} is no text but {shown(value)}")


def required_text(source: Mapping[str, object], field: str) -> str:
    """The text of a field without which the object is of no use."""
    value = optional_text(source, field)
    if not value:
        raise MalformedResponse(f"{field} is missing")
    return value


def optional_object(source: Mapping[str, object], field: str) -> Mapping[str, object] | None:
    """The object in a field that may be null or absent."""
    value = source.get(field)
    if value is None or isinstance(value, dict):
        return value
    raise MalformedResponse(f"{field} is no object but {shown(value)}")


def required_object(source: Mapping[str, object], field: str) -> Mapping[str, object]:
    """The object in a field without which the answer is of no use."""
    value = optional_object(source, field)
    if value is None:
        raise MalformedResponse(f"{field} is missing")
    return value


def optional_objects(source: Mapping[str, object], field: str) -> Sequence[Mapping[str, object]]:
    """The objects in a list that may be null or absent (then: none)."""
    value = source.get(field)
    if value is None:
        return ()
    if isinstance(value, list) and all(isinstance(item, dict) for item in value):
        return value
    raise MalformedResponse(f"{field} is no list of objects but {shown(value)}")


def optional_yen(source: Mapping[str, object], field: str) -> int | None:
    """Whole yen of a price object `{"amount": "500", "currencyCode": "JPY"}`, or None."""
    price = optional_object(source, field)
    if price is None:
        return None
    amount, currency = price.get("amount"), price.get("currencyCode")
    if currency != "JPY":
        raise MalformedResponse(f"{field}.currencyCode is not JPY but {shown(currency)}")
    if not isinstance(amount, str) or not _YEN.fullmatch(amount):
        raise MalformedResponse(f"{field}.amount is no whole number of yen but {shown(amount)}")
    return int(amount)


def required_yen(source: Mapping[str, object], field: str) -> int:
    """Whole yen of a price without which the object is of no use."""
    yen = optional_yen(source, field)
    if yen is None:
        raise MalformedResponse(f"{field} is missing")
    return yen


def optional_instant(source: Mapping[str, object], field: str) -> datetime | None:
    """An instant in UTC, from `20260401T000000Z` (or the same with separators), or None."""
    text = optional_text(source, field)
    if text is None:
        return None
    match = _INSTANT.fullmatch(text)
    try:
        if match:
            year, month, day, hour, minute, second = map(int, match.groups())
            return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        pass
    raise MalformedResponse(f"{field} is no UTC timestamp but {shown(text)}")


def optional_yen_text(source: Mapping[str, object], field: str) -> int | None:
    """Whole yen of an amount that stands by itself, such as `1000` or `1000.00`, or None."""
    amount = optional_decimal(source, field)
    if amount is None:
        return None
    if amount != amount.to_integral_value():
        raise MalformedResponse(f"{field} is no whole number of yen but {amount}")
    return int(amount)


def optional_decimal(source: Mapping[str, object], field: str) -> Decimal | None:
    """The exact number in a text such as `-1000.50`, or None."""
    text = optional_text(source, field)
    if text is None:
        return None
    if not _DECIMAL.fullmatch(text):
        raise MalformedResponse(f"{field} is no amount but {shown(text)}")
    return Decimal(text)


def optional_bool(source: Mapping[str, object], field: str) -> bool | None:
    """The truth value of a field that may be null or absent."""
    value = source.get(field)
    if value is None or isinstance(value, bool):
        return value
    raise MalformedResponse(f"{field} is neither true nor false but {shown(value)}")


def optional_texts(source: Mapping[str, object], field: str) -> tuple[str, ...] | None:
    """The texts in a list that may be null or absent."""
    value = source.get(field)
    if value is None:
        return None
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(value)
    raise MalformedResponse(f"{field} is no list of texts but {shown(value)}")


def required_objects(source: Mapping[str, object], field: str) -> Sequence[Mapping[str, object]]:
    """The objects in a list without which the answer is of no use; it may be empty."""
    if source.get(field) is None:
        raise MalformedResponse(f"{field} is missing")
    return optional_objects(source, field)


def optional_report_instant(source: Mapping[str, object], field: str) -> datetime | None:
    """An instant in UTC as reports and disbursements write it, or None.

    Besides the compact form: dashes or colons in the time of day, and fractions of a second
    (`2022-12-07T17:08:26.717Z`, `2022-08-04T00-00-00Z`); what is finer than a microsecond is cut.
    """
    text = optional_text(source, field)
    match = _REPORT_INSTANT.fullmatch(text or "")
    if text is None or match is None:
        return optional_instant(source, field)
    whole = optional_instant({field: f"{match[1]}T{match[2].replace('-', ':')}Z"}, field)
    micros = int((match[3] or "")[:6].ljust(6, "0"))
    return whole and whole.replace(microsecond=micros)
