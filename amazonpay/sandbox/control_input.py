"""Reads what the control surface is told; wrong input names the field, the value and the rule."""

import json
from collections.abc import Collection
from typing import Any

from starlette.requests import Request

from amazonpay.sandbox import fields
from amazonpay.sandbox.faults import (
    ANY_NOTIFICATION,
    ANY_OPERATION,
    KINDS,
    MONEY_KINDS,
    NOTIFICATION_KINDS,
    OBJECT_TYPES,
    Fault,
    default_seconds,
    same_name,
)
from amazonpay.sandbox.instants import parse_instant
from amazonpay.sandbox.refusals import Refused
from amazonpay.sandbox.routes import OPERATIONS
from amazonpay.sandbox.simulation import BEHAVIOURS, CAPTURES

Json = dict[str, Any]

_BY_SAME_NAME = {same_name(name): name for name in OPERATIONS}
LARGEST_PAGE = 5_000
_LONGEST_SECONDS = 3600.0
# Longer than redelivery lasts and than a receiver may think a notification fresh.
_LONGEST_DELAY_SECONDS = 30 * 86_400.0


class ControlRefused(Exception):
    """The control surface answers 400 `{"error": {"field", "reason"}}`."""

    def __init__(self, field: str | None, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


async def read_json(request: Request) -> Any:
    """The JSON body."""
    try:
        body = await request.body() or b"{}"
        value = json.loads(body)
        if b"\\u" in body:
            # Half a surrogate pair could be neither stored nor shown: a ValueError here.
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise ControlRefused(None, "the body is not valid JSON") from None
    return value


def as_object(value: object, allowed: Collection[str], where: str = "") -> Json:
    """A JSON object with known fields only."""
    if not isinstance(value, dict):
        raise ControlRefused(where or None, f"{_show(value)} is not a JSON object")
    for name in value:
        if name not in allowed:
            known = ", ".join(sorted(allowed))
            raise ControlRefused(_join(where, name), f"is not known here; known are {known}")
    return value


def as_list(value: object) -> list[Any]:
    """A JSON array, or one object taken as an array of one."""
    return value if isinstance(value, list) else [value]


def whole(body: Json, name: str, *, low: int, high: int, where: str = "") -> int | None:
    """A whole number within bounds, None when absent."""
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ControlRefused(
            _join(where, name), f"{_show(value)} is not a whole number from {low} to {high}"
        )
    return value


def word(
    body: Json, name: str, allowed: Collection[str] | None = None, where: str = ""
) -> str | None:
    """A non-empty text, one of a list where a list is given; None when absent."""
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not 0 < len(value) <= 256 or not value.isprintable():
        raise ControlRefused(
            _join(where, name), f"{_show(value)} is not a text of 1 to 256 letters"
        )
    if allowed is not None and value not in allowed:
        raise ControlRefused(
            _join(where, name), f"{_show(value)} is not one of {', '.join(allowed)}"
        )
    return value


def flag(body: Json, name: str, where: str = "") -> bool | None:
    """True or false, None when absent."""
    value = body.get(name)
    if value is None or isinstance(value, bool):
        return value
    raise ControlRefused(_join(where, name), f"{_show(value)} is not true or false")


def instant(body: Json, name: str) -> int | None:
    """An ISO 8601 instant in milliseconds, None when absent."""
    text = word(body, name)
    try:
        return None if text is None else parse_instant(text)
    except ValueError as error:
        raise ControlRefused(name, str(error)) from None


def behaviour(body: Json, where: str = "") -> str | None:
    """The script of coming Create Charge results as JSON text, None when absent."""
    value = body.get("behaviour")
    if value is None:
        return None
    if not isinstance(value, list) or len(value) > 10_000:
        raise ControlRefused(_join(where, "behaviour"), f"{_show(value)} is not a list of results")
    for position, entry in enumerate(value):
        if not isinstance(entry, str) or entry not in BEHAVIOURS | CAPTURES:
            raise ControlRefused(
                _join(where, f"behaviour[{position}]"),
                f"{_show(entry)} is not one of {', '.join(BEHAVIOURS | CAPTURES)}",
            )
    return json.dumps(value)


def frequency(body: Json, where: str = "") -> Json | None:
    """`{"unit": "Month", "value": "1"}`; a bare unit such as "Month" means every one."""
    value = body.get("frequency", {"unit": "Month", "value": "1"})
    if value is None:
        return None
    if isinstance(value, str):
        value = {"unit": value, "value": "0" if value == "Variable" else "1"}
    value = as_object(value, ("unit", "value"), _join(where, "frequency"))
    try:
        return fields.frequency_of(value)
    except Refused:
        raise ControlRefused(
            _join(where, "frequency"),
            f"{_show(value)} is not a unit (Year, Month, Week, Day, Variable) with a value ≥ 1 "
            '("0" with Variable)',
        ) from None


def fault(value: object, where: str) -> Fault:
    """One fault rule."""
    body = as_object(
        value, ("operation", "kind", "times", "probability", "after", "seconds"), where
    )
    kind = word(body, "kind", where=where)
    known = (*KINDS, *NOTIFICATION_KINDS)
    if kind is None or kind not in known:
        raise ControlRefused(
            _join(where, "kind"), f"{_show(kind)} is not one of {', '.join(known)}"
        )
    is_notification = kind in NOTIFICATION_KINDS
    probability = _number(body, "probability", where, highest=1.0)
    # Without `times` a rule strikes once; with a probability it goes on until it is deleted.
    times = whole(body, "times", low=1, high=1_000_000_000, where=where)
    if times is None and probability is None:
        times = 1
    longest = _LONGEST_DELAY_SECONDS if is_notification else _LONGEST_SECONDS
    seconds = _number(body, "seconds", where, highest=longest)
    return Fault(
        operation=(_notification if is_notification else _operation)(body, kind, where),
        kind=kind,
        times=times,
        probability=1.0 if probability is None else probability,
        after=whole(body, "after", low=0, high=1_000_000_000, where=where) or 0,
        seconds=default_seconds(kind) if seconds is None else seconds,
    )


def _operation(body: Json, kind: str, where: str) -> str:
    given = word(body, "operation", where=where) or ANY_OPERATION
    name = ANY_OPERATION if given in ("*", "any") else _BY_SAME_NAME.get(same_name(given))
    if name is None:
        raise ControlRefused(
            _join(where, "operation"),
            f"{_show(given)} is not one of {', '.join(OPERATIONS)} or * for all",
        )
    if kind in MONEY_KINDS and (name == ANY_OPERATION or not OPERATIONS[name].takes_money):
        fitting = ", ".join(o.name for o in OPERATIONS.values() if o.takes_money)
        raise ControlRefused(
            _join(where, "operation"), f"{kind} can strike only {fitting}; {given} was given"
        )
    return name


def _notification(body: Json, kind: str, where: str) -> str:
    """Which notifications: all, those about one type of object, or those an operation leads to."""
    given = word(body, "operation", where=where) or ANY_NOTIFICATION
    if given in ("*", "any") or same_name(given) in ("notification", "notifications", "ipn"):
        return ANY_NOTIFICATION
    if given in OBJECT_TYPES:
        return given
    name = _BY_SAME_NAME.get(same_name(given), "")
    for part, object_type in _NOTIFIED.items():
        if part in name:
            return object_type
    raise ControlRefused(
        _join(where, "operation"),
        f"{_show(given)} names no notifications that {kind} could strike; leave it out for all, or "
        f"name one of {', '.join(OBJECT_TYPES)}, or an operation on one of these",
    )


# The first part found in an operation's name tells what its notifications are about.
_NOTIFIED = {"ChargePermission": "CHARGE_PERMISSION", "Refund": "REFUND", "Charge": "CHARGE"}


def _number(body: Json, name: str, where: str, *, highest: float) -> float | None:
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= highest:
        raise ControlRefused(
            _join(where, name), f"{_show(value)} is not a number from 0 to {highest:g}"
        )
    return float(value)


def page(request: Request) -> tuple[int, int]:
    """`limit` (default 100) and the position after which the page begins."""
    query = request.query_params
    limit = query.get("limit", "100")
    after = query.get("after") or query.get("nextToken") or "0"
    for name, value in (("limit", limit), ("after", after)):
        if not (value.isascii() and value.isdigit() and len(value) < 16):
            raise ControlRefused(name, f"{_show(value)} is not a whole number")
    if not 1 <= int(limit) <= LARGEST_PAGE:
        raise ControlRefused("limit", f"{limit} is not from 1 to {LARGEST_PAGE}")
    return int(limit), int(after)


def _join(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def _show(value: object) -> str:
    return repr(value)[:100]
