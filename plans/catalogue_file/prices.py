"""Plans and prices of a price list: every key of `plans:`.

A plan's `price` (or `tiers`) is valid from `valid_from` on (left out: always); further dated
prices stand under `prices:` and take what they leave out from the plan.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from plans.calendar import INTERVAL_COUNT_MAX, AnchorRule, Interval, Unit
from plans.catalogue.bounds import INCLUDED, LATE, MINIMUM_CYCLES, NTH, TRIAL, Whole
from plans.catalogue.checks import overlaps
from plans.catalogue.price_models import (
    LATE_DAYS,
    Aggregation,
    Tiered,
    UsageTerms,
    UsageTier,
    amount_of,
)
from plans.catalogue.price_terms import (
    CancellationTerms,
    CaptureRule,
    CyclePrice,
    FirstPeriod,
    FixedFee,
    Gift,
    RemainingCapped,
    RemainingPercent,
    SetupFee,
)
from plans.catalogue.prices import ALWAYS, ANCHOR_DAY, Plan, Price, anchor_faults
from plans.catalogue_file.parts import (
    PRICE,
    YEN_FROM_0,
    code_text,
    made,
    names,
    read_all,
    refuse_at,
    tiered,
    usage_tiers,
)
from plans.catalogue_file.yaml_nodes import (
    Fields,
    Value,
    choice,
    exact_decimal,
    flag,
    iso_date,
    read_fields,
    read_list,
    whole,
    words,
)
from plans.rounding import Rounding
from plans.tax_category import TaxCategory

__all__ = ["PLAN_KEYS", "read_plan", "read_prices"]

_COUNT = whole(Whole(1, INTERVAL_COUNT_MAX, "a count of units"))
_TRIAL_DAYS, _CYCLES, _NTH = map(whole, (TRIAL, MINIMUM_CYCLES, NTH))
_INCLUDED, _LATE_DAYS, _DAY = map(whole, (INCLUDED, LATE, ANCHOR_DAY))
_STAND_IN = Interval(Unit.MONTH, 1)

# What a dated price does not take over from the plan: the terms that say when and how much.
_OWN_KEYS = ("price", "tiers", "valid_from", "valid_until")
_TERM_KEYS = (
    *_OWN_KEYS,
    "tax",
    "every",
    "per_seat",
    "trial_days",
    "trial_until",
    "minimum_cycles",
    "cancellation_fee",
    "first_price",
    "cycle_prices",
    "gifts",
    "setup_fee",
    "physical",
    "capture",
    "usage",
)
_WORD_KEYS = ("code", "name", "anchor", "anchor_day", "first_period", "dunning")
PLAN_KEYS = (*_WORD_KEYS, *_TERM_KEYS, "prices")


def read_plan(fields: Fields, code: str) -> Plan:
    """Read what is said of the plan itself."""
    name = fields.required("name", names)
    ja, en = name or ("?", "?")
    rule = fields.optional("anchor", choice(AnchorRule), AnchorRule.KEEP_DAY)
    day = fields.maybe("anchor_day", _DAY)
    first_period = fields.optional("first_period", choice(FirstPeriod), FirstPeriod.PRORATE)
    if day is None and "anchor_day" in fields:
        first_period = FirstPeriod.PRORATE  # the day has its finding, and there was to be one
    schedule = fields.maybe("dunning", code_text)
    plan = made(fields, lambda: Plan(code, ja, en, rule, day, first_period, schedule))
    return plan or Plan(code, ja, en)


def read_prices(fields: Fields, plan: Plan) -> list[Price]:
    """Read the plan's own price and the dated ones."""
    found: list[Price] = []
    terms = fields.without("prices")
    if "price" in fields or "tiers" in fields or "prices" not in fields:
        found.append(_read_price(terms, plan))
    else:
        _refuse_dates_alone(fields)
    inherited = terms.without(*_OWN_KEYS)
    entries = fields.required("prices", read_list) if "prices" in fields else None
    for entry in entries or []:
        own = read_fields(entry, known=_TERM_KEYS)
        if own is not None:
            price = _read_price(own.over(inherited), plan)
            if own.required("valid_from", iso_date) is not None:
                found.append(price)
    for fault in overlaps(found):
        fields.values["prices"].refuse(rule=fault.rule, remedy=fault.remedy)
    return found


def _refuse_dates_alone(fields: Fields) -> None:
    for key in ("valid_from", "valid_until"):
        if key in fields:
            fields.values[key].refuse(
                rule="dates a price, and the plan has none of its own",
                remedy="add price: beside it, or move it under prices:",
            )


def _read_price(terms: Fields, plan: Plan) -> Price:
    amount, tiers = _amount(terms)
    tax = terms.required("tax", choice(TaxCategory))
    interval = terms.required("every", _interval)
    category = tax or TaxCategory.STANDARD
    cycle_prices = terms.maybe("cycle_prices", lambda given: read_all(given, _cycle_price))
    gifts = terms.maybe("gifts", lambda given: read_all(given, _gift(category)))
    # Faults have their findings already; the stand-ins below only let the reading go on, so
    # that one pass tells them all. A catalogue is made of them only when nothing was found.
    valid_from = terms.optional("valid_from", iso_date, ALWAYS)
    every, yen = interval or _STAND_IN, amount or 1
    cancellation = terms.maybe("cancellation_fee", _cancellation)
    capture = terms.optional("capture", choice(CaptureRule), CaptureRule.AT_ONCE)
    minimum_cycles = terms.optional("minimum_cycles", _CYCLES, 0)
    price = made(
        terms,
        lambda: Price(
            plan_code=plan.code,
            valid_from=valid_from,
            amount_yen=yen,
            tax_category=category,
            interval=every,
            per_seat=terms.optional("per_seat", flag, tiers is not None),
            trial_days=terms.optional("trial_days", _TRIAL_DAYS, 0),
            minimum_cycles=minimum_cycles,
            first_amount_yen=terms.maybe("first_price", YEN_FROM_0),
            physical=terms.optional("physical", flag, False),
            usage=terms.maybe("usage", _usage),
            tiers=tiers,
            valid_until=terms.maybe("valid_until", iso_date),
            trial_until=terms.maybe("trial_until", iso_date),
            setup_fee=terms.maybe("setup_fee", _setup_fee(category)),
            cycle_prices=cycle_prices or (),
            gifts=gifts or (),
            cancellation=cancellation,
            capture=capture,
        ),
    )
    for fault in anchor_faults(plan, interval) if interval is not None else ():
        refuse_at(terms, fault)
    return price or Price(plan.code, valid_from, yen, category, every)


def _amount(terms: Fields) -> tuple[int | None, Tiered | None]:
    if "tiers" not in terms:
        return terms.required("price", PRICE), None
    if "price" in terms:
        terms.values["tiers"].refuse(
            rule="stands beside price, and a plan is priced in one way", remedy="keep one of them"
        )
    tiers = terms.maybe("tiers", tiered)
    return (None if tiers is None else amount_of(tiers).yen), tiers


def _interval(value: Value) -> Interval | None:
    fields = read_fields(value, known=["unit", "count"])
    if fields is None:
        return None
    unit = fields.required("unit", choice(Unit))
    count = fields.required("count", _COUNT)
    return None if unit is None or count is None else Interval(unit, count)


def _usage(value: Value) -> UsageTerms | None:
    known = ("meter", "included", "unit_price", "tiers", "aggregate", "rounding", "late_days")
    fields = read_fields(value, known=known)
    if fields is None:
        return None
    meter = fields.required("meter", words)
    included = fields.required("included", _INCLUDED)
    tiers, unit_price = _usage_prices(fields)
    aggregation = fields.optional("aggregate", choice(Aggregation), Aggregation.SUM)
    rounding = fields.optional("rounding", choice(Rounding), Rounding.FLOOR)
    late_days = fields.optional("late_days", _LATE_DAYS, LATE_DAYS)
    if meter is None or included is None or unit_price is None:
        return None
    return made(
        fields,
        lambda: UsageTerms(
            meter=meter,
            included=included,
            unit_price=unit_price,
            tiers=tiers or (),
            aggregation=aggregation,
            rounding=rounding,
            late_days=late_days,
        ),
    )


def _usage_prices(fields: Fields) -> tuple[tuple[UsageTier, ...] | None, Decimal | None]:
    if "tiers" not in fields:
        return None, fields.required("unit_price", exact_decimal)
    if "unit_price" in fields:
        fields.values["tiers"].refuse(
            rule="stands beside unit_price, and a unit has one price", remedy="keep one of them"
        )
    tiers = fields.maybe("tiers", usage_tiers)
    return tiers, tiers[0].unit_price if tiers else None


def _setup_fee(category: TaxCategory) -> Callable[[Value], SetupFee | None]:
    def read(value: Value) -> SetupFee | None:
        fields = read_fields(value, known=["price", "tax"])
        if fields is None:
            return None
        amount = fields.required("price", PRICE)
        tax = fields.optional("tax", choice(TaxCategory), category)
        return None if amount is None else SetupFee(amount, tax)

    return read


def _cycle_price(value: Value) -> CyclePrice | None:
    fields = read_fields(value, known=["cycle", "to", "price"])
    if fields is None:
        return None
    cycle = fields.required("cycle", _NTH)
    last = fields.maybe("to", _NTH)
    amount = fields.required("price", YEN_FROM_0)
    if cycle is None or amount is None:
        return None
    return made(fields, lambda: CyclePrice(cycle, cycle if last is None else last, amount))


def _gift(category: TaxCategory) -> Callable[[Value], Gift | None]:
    def read(value: Value) -> Gift | None:
        fields = read_fields(value, known=["cycle", "item", "name", "tax"])
        if fields is None:
            return None
        cycle = fields.required("cycle", _NTH)
        item = fields.required("item", code_text)
        name = fields.required("name", names)
        tax = fields.optional("tax", choice(TaxCategory), category)
        if cycle is None or item is None or name is None:
            return None
        return made(fields, lambda: Gift(cycle, item, *name, tax))

    return read


_FEE_KINDS: dict[str, str] = {
    FixedFee.kind: "yen",
    RemainingPercent.kind: "percent",
    RemainingCapped.kind: "most",
}


def _cancellation(value: Value) -> CancellationTerms | None:
    fields = read_fields(value, known=["kind", "tax", *_FEE_KINDS.values()])
    if fields is None:
        return None
    kind = fields.required("kind", _fee_kind)
    tax = fields.optional("tax", choice(TaxCategory), TaxCategory.OUT_OF_SCOPE)
    if kind is None:
        return None
    for key in set(_FEE_KINDS.values()) & set(fields.values) - {_FEE_KINDS[kind]}:
        fields.values[key].refuse(
            rule=f"does not go with kind: {kind}", remedy=f"give {_FEE_KINDS[kind]}: instead"
        )
    if kind == RemainingPercent.kind:
        percent = fields.required("percent", exact_decimal)
        return None if percent is None else made(fields, lambda: RemainingPercent(percent, tax))
    yen = fields.required(_FEE_KINDS[kind], PRICE)
    if yen is None:
        return None
    return FixedFee(yen, tax) if kind == FixedFee.kind else RemainingCapped(yen, tax)


def _fee_kind(value: Value) -> str | None:
    if value.scalar in _FEE_KINDS:
        return value.scalar
    value.refuse(
        rule=f"is not one of {', '.join(_FEE_KINDS)}",
        remedy="choose one, or take cancellation_fee: out where leaving is free",
    )
    return None
