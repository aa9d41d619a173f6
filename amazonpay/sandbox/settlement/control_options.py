"""Reads and shows the switches of this room on the control surface."""

from dataclasses import asdict
from typing import Any, Final

from amazonpay.sandbox.control_input import ControlRefused, Json, as_object, whole, word
from amazonpay.sandbox.instants import iso, parse_instant
from amazonpay.sandbox.settlement.options import (
    FEE_SIGNS,
    HIGHEST_DAYS,
    HIGHEST_YEN,
    REPORT_OUTCOMES,
    ROUNDINGS,
    change_options,
    fee_rates,
    read_options,
    set_fee_rate,
)
from amazonpay.sandbox.world import World

_FEE: Final = ("feeBasisPoints", "feeEffectiveFrom")
_WORDS: Final = {
    "feeRounding": ROUNDINGS,
    "feeSign": FEE_SIGNS,
    "reportOutcome": REPORT_OUTCOMES,
}
_FLAGS: Final = ("refundReturnsFee", "payoutsOnHold", "authorizationRows", "allReportTypes")
_WHOLES: Final = {
    "reserveBasisPoints": (0, 10_000),
    "reserveFixedYen": (0, HIGHEST_YEN),
    "minimumDisbursementYen": (1, HIGHEST_YEN),
    "firstCloseDays": (1, HIGHEST_DAYS),
    "cycleDays": (1, HIGHEST_DAYS),
    "reportSeconds": (0, 86_400),
    "documentSeconds": (1, 86_400),
}
_OPENED: Final = "accountOpenedAt"
_NAMES: Final = (*_FEE, *_WORDS, *_FLAGS, *_WHOLES, _OPENED)


def shown(world: World) -> Json:
    """Every switch by its JSON name, and the fee rates with the instants they hold from."""
    options = {_camel(name): value for name, value in asdict(read_options(world)).items()}
    opened = options[_OPENED]
    rates = [
        {"effectiveFrom": iso(effective_from), "basisPoints": basis_points}
        for effective_from, basis_points in fee_rates(world)
    ]
    return {**options, _OPENED: None if opened is None else iso(opened), "feeRates": rates}


def change(world: World, value: object, *, now: int) -> None:
    """Takes the switches that are given; nothing is changed when one of them is wrong."""
    body = as_object(value, _NAMES)
    wanted = {_snake(name): read for name, read in _read(body).items()}
    rate = whole(body, "feeBasisPoints", low=0, high=10_000)
    if rate is None and "feeEffectiveFrom" in body:
        raise ControlRefused("feeBasisPoints", "is required beside feeEffectiveFrom")
    starts = _instant(body, "feeEffectiveFrom")
    if rate is not None:
        set_fee_rate(world, basis_points=rate, effective_from=now if starts is None else starts)
    change_options(world, wanted)


def _read(body: Json) -> dict[str, Any]:
    found: dict[str, Any] = {name: word(body, name, known) for name, known in _WORDS.items()}
    found |= {name: whole(body, name, low=low, high=high) for name, (low, high) in _WHOLES.items()}
    found |= {name: _flag(body, name) for name in _FLAGS}
    given = {name: value for name, value in found.items() if value is not None}
    if _OPENED in body:
        # Null goes back to the first movement of money.
        given[_OPENED] = _instant(body, _OPENED)
    return given


def _flag(body: Json, name: str) -> bool | None:
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise ControlRefused(name, f"{value!r:.100} is neither true nor false")
    return value


def _instant(body: Json, name: str) -> int | None:
    text = word(body, name)
    if text is None:
        return None
    try:
        return parse_instant(text)
    except ValueError as error:
        raise ControlRefused(name, str(error)) from None


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name)
