"""Reads request bodies as strictly as Amazon does: unknown fields, wrong types and ranges are 400s.

`null` counts as absent. Amounts may be JSON numbers (.NET SDK) or strings; they become whole yen.
"""

import json
import re
from collections.abc import Collection
from typing import Any, NoReturn

from amazonpay.sandbox.refusals import (
    Refused,
    invalid_value,
    malformed,
    missing_value,
    unrecognized,
)

Json = dict[str, Any]

_WHOLE = re.compile(r"0|[1-9][0-9]{0,14}", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
# api.md §5
_METADATA_LIMITS = {
    "merchantReferenceId": 256,
    "merchantStoreName": 50,
    "noteToBuyer": 255,
    "customInformation": 4096,
}
_FREQUENCY_UNITS = ("Year", "Month", "Week", "Day", "Variable")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def read_object(body: bytes) -> Json:
    """The JSON object in a body; an empty body is an empty object."""
    if not body.strip():
        return {}
    try:
        value = json.loads(body.decode("utf-8"), parse_constant=_no_constant, parse_float=_Fraction)
    except (ValueError, RecursionError):
        raise malformed("it is not valid JSON in UTF-8") from None
    if not isinstance(value, dict):
        raise malformed("a JSON object is expected")
    return value


class _Fraction(str):
    """A JSON number with a fraction or exponent, kept as text: yen have none, floats lie."""

    __slots__ = ()


def canonical(body: Json) -> bytes:
    """The body with sorted keys and no spaces, equal for semantically equal bodies."""
    try:
        return json.dumps(body, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
    except (UnicodeEncodeError, RecursionError):
        raise malformed(
            "it holds text that is not valid Unicode, or is nested too deeply"
        ) from None


def only(body: Json, allowed: Collection[str], *, inside: str = "") -> None:
    """Refuses the first field that is not allowed."""
    for name in body:
        if name not in allowed:
            raise unrecognized(_path(inside, name))


def text(
    body: Json, name: str, *, longest: int, inside: str = "", required: bool = False
) -> str | None:
    """A text field of at most so many characters."""
    value = body.get(name)
    if value is None or value == "":
        if required:
            raise missing_value(_path(inside, name))
        return None if value is None else ""
    if not isinstance(value, str) or isinstance(value, _Fraction):
        raise malformed(f"[{_path(inside, name)}] must be a string")
    if len(value) > longest:
        raise invalid_value(_path(inside, name), f" It is longer than {longest} characters.")
    return value


def required_text(body: Json, name: str, *, longest: int) -> str:
    """A text field that must be there and not be empty."""
    return text(body, name, longest=longest, required=True) or ""


def flag(body: Json, name: str) -> bool:
    """A true/false field, false when absent."""
    value = body.get(name)
    if value is None:
        return False
    if not isinstance(value, bool):
        raise malformed(f"[{name}] must be true or false")
    return value


def choice(body: Json, name: str, allowed: Collection[str]) -> str | None:
    """One of a list of words, or absent."""
    value = text(body, name, longest=64)
    if value is not None and value not in allowed:
        raise invalid_value(name)
    return value


def nested(body: Json, name: str, allowed: Collection[str], *, inside: str = "") -> Json | None:
    """An object field with known fields only, or None."""
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, dict):
        raise malformed(f"[{_path(inside, name)}] must be an object")
    only(value, allowed, inside=_path(inside, name))
    return value


def price(body: Json, name: str, *, inside: str = "") -> int | None:
    """A price field in whole yen ≥ 1, or None. Another currency is 400 `CurrencyMismatch`."""
    value = nested(body, name, ("amount", "currencyCode"), inside=inside)
    if value is None:
        return None
    where = _path(inside, name)
    _require_yen(value, where)
    return _whole_yen(value.get("amount"), f"{where}.amount")


def required_price(body: Json, name: str) -> int:
    """A price field that must be there."""
    yen = price(body, name)
    if yen is None:
        raise missing_value(name)
    return yen


def _require_yen(value: Json, where: str) -> None:
    currency = text(value, "currencyCode", longest=16, inside=where, required=True) or ""
    require_yen(currency, where, field=f"{where}.currencyCode")


def require_yen(currency: str, where: str, *, field: str = "") -> None:
    """Refuses any currency but the ledger's; `field` is the one to name when it is no currency."""
    if not _CURRENCY.fullmatch(currency):
        raise invalid_value(field or where)
    if currency != "JPY":
        raise Refused(
            400,
            "CurrencyMismatch",
            f"The currency [{currency}] of [{where}] differs from the ledger currency [JPY].",
        )


def _whole_yen(amount: object, where: str) -> int:
    if amount is None or amount == "":
        raise missing_value(where)
    if isinstance(amount, bool) or not isinstance(amount, (int, str)):
        raise malformed(f"[{where}] must be a number or a string")
    if not _WHOLE.fullmatch(str(amount)) or int(amount) == 0:
        raise invalid_value(where, " Yen are whole numbers from 1.")
    return int(amount)


def merchant_metadata(body: Json) -> Json | None:
    """`merchantMetadata` with only the children that were sent, or None."""
    value = nested(body, "merchantMetadata", _METADATA_LIMITS)
    if value is None:
        return None
    return {
        name: text(value, name, longest=longest, inside="merchantMetadata")
        for name, longest in _METADATA_LIMITS.items()
        if name in value
    }


def full_metadata(given: Json | None) -> Json:
    """All four children of `merchantMetadata`, absent ones null."""
    given = given or {}
    return {name: given.get(name) for name in _METADATA_LIMITS}


def recurring_metadata(body: Json) -> Json | None:
    """`recurringMetadata` as it is answered: value a string, amount a price or null."""
    value = nested(body, "recurringMetadata", ("frequency", "amount"))
    if value is None:
        return None
    frequency = nested(value, "frequency", ("unit", "value"), inside="recurringMetadata")
    yen = price(value, "amount", inside="recurringMetadata")
    return {
        "frequency": None if frequency is None else frequency_of(frequency),
        "amount": None if yen is None else {"amount": str(yen), "currencyCode": "JPY"},
    }


def frequency_of(value: Json, *, inside: str = "recurringMetadata.frequency") -> Json:
    """`{unit, value}`; "0" goes with Variable and only with it (recurring.md §2)."""
    unit = value.get("unit")
    if unit not in _FREQUENCY_UNITS:
        raise invalid_value(f"{inside}.unit")
    count = value.get("value")
    if isinstance(count, bool) or not isinstance(count, (int, str)):
        raise (
            missing_value(f"{inside}.value") if count is None else invalid_value(f"{inside}.value")
        )
    if not _WHOLE.fullmatch(str(count)) or (int(count) == 0) != (unit == "Variable"):
        raise invalid_value(f"{inside}.value")
    return {"unit": unit, "value": str(count)}


def _path(inside: str, name: str) -> str:
    # The name may be the caller's own: keep the echo short and printable.
    shown = name[:64].encode("ascii", "backslashreplace").decode()
    return f"{inside}.{shown}" if inside else shown
