"""Readers that several sections of a price list share: codes, names, amounts, tiers, references."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from plans.catalogue.bounds import UP_TO, Faults, Whole, check_code
from plans.catalogue.price_models import Tier, Tiered, TierMode, UsageTier
from plans.catalogue_file.yaml_nodes import (
    Fields,
    Reader,
    Value,
    choice,
    exact_decimal,
    read_fields,
    read_list,
    whole,
    words,
)
from plans.errors import BadInput
from plans.money_words import YEN_MAX

__all__ = [
    "PRICE",
    "YEN_FROM_0",
    "code_text",
    "made",
    "names",
    "plan_codes",
    "read_all",
    "refuse_at",
    "tiered",
    "usage_tiers",
]

_T = TypeVar("_T")

_UP_TO = whole(UP_TO)
PRICE = whole(Whole(1, YEN_MAX, "a price in yen"))
YEN_FROM_0 = whole(Whole(0, YEN_MAX, "an amount in yen"))


def refuse_at(fields: Fields, fault: BadInput) -> None:
    """Report a broken rule at the key it names or, where that is not given, at the whole entry."""
    fields.values.get(fault.field, fields.owner).refuse(rule=fault.rule, remedy=fault.remedy)


def made(fields: Fields, make: Callable[[], _T]) -> _T | None:
    """Make a value of an entry; every rule it breaks is reported in the file, and gives None."""
    try:
        return make()
    except Faults as faults:
        for fault in faults.each:
            refuse_at(fields, fault)
    except BadInput as fault:
        refuse_at(fields, fault)
    return None


def read_all(value: Value, reader: Reader[_T]) -> tuple[_T, ...] | None:
    """Read every entry of a list; None when the list or one of them is wrong."""
    entries = read_list(value)
    if not entries:
        return None
    found = [reader(entry) for entry in entries]
    good = tuple(each for each in found if each is not None)
    return good if len(good) == len(found) else None


def code_text(value: Value) -> str | None:
    """Read a code: letters, digits, dots, hyphens, underscores."""
    code = words(value)
    if code is None:
        return None
    try:
        check_code(value.path, code)
    except BadInput as fault:
        value.refuse(rule=fault.rule, remedy=fault.remedy)
        return None
    return code


def names(value: Value) -> tuple[str, str] | None:
    """Read a name in Japanese and English."""
    fields = read_fields(value, known=["ja", "en"])
    if fields is None:
        return None
    ja, en = fields.required("ja", words), fields.required("en", words)
    return (ja, en) if ja and en else None


def plan_codes(value: Value) -> frozenset[str] | None:
    """Read a list of plan codes, none of them twice."""
    codes = read_all(value, code_text)
    if codes is None:
        return None
    _refuse_repeats(value, codes)
    return frozenset(codes)


def tiered(value: Value) -> Tiered | None:
    """Read tiers of whole yen, graduated or by volume."""
    fields = read_fields(value, known=["mode", "steps"])
    if fields is None:
        return None
    mode = fields.required("mode", choice(TierMode))
    steps = fields.required("steps", lambda given: read_all(given, _tier))
    if mode is None or steps is None:
        return None
    return made(fields, lambda: Tiered(mode, steps))


def usage_tiers(value: Value) -> tuple[UsageTier, ...] | None:
    """Read graduated tiers of a metered price, with exact decimal unit prices."""
    return read_all(value, _usage_tier)


def _tier(value: Value) -> Tier | None:
    fields = read_fields(value, known=["up_to", "unit_price", "flat_fee"])
    if fields is None:
        return None
    up_to = fields.maybe("up_to", _UP_TO)
    unit_yen = fields.required("unit_price", YEN_FROM_0)
    fee = fields.optional("flat_fee", YEN_FROM_0, 0)
    if unit_yen is None or (up_to is None and "up_to" in fields):
        return None
    return made(fields, lambda: Tier(up_to, unit_yen, fee))


def _usage_tier(value: Value) -> UsageTier | None:
    fields = read_fields(value, known=["up_to", "unit_price"])
    if fields is None:
        return None
    up_to = fields.maybe("up_to", _UP_TO)
    unit_price = fields.required("unit_price", exact_decimal)
    if unit_price is None or (up_to is None and "up_to" in fields):
        return None
    return made(fields, lambda: UsageTier(up_to, unit_price))


def _refuse_repeats(value: Value, codes: Iterable[str]) -> None:
    seen: set[str] = set()
    for code in codes:
        if code in seen:
            value.refuse(rule=f"names {code!r} twice", remedy="name every plan once")
        seen.add(code)
