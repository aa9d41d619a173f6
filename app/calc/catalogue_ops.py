"""The price list from outside: is it sound, what does it cost, who may change to what, and when.

Its other operations are in `catalogue_lines` and `catalogue_usage`; OPERATORS holds them all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from types import MappingProxyType
from typing import Any

from app.calc import catalogue_lines, catalogue_usage
from app.calc.catalogue_reading import (
    PRICE_LIST,
    QUANTITY_MOST,
    PriceListRefused,
    blamed_on,
    dated,
    price_agreed_to,
    price_list,
    price_of_request,
)
from app.calc.catalogue_writing import catalogue_json, price_ref_json, words
from app.calc.reading import Input, Refusal
from plans import (
    Catalogue,
    NotReplaceable,
    PerSeat,
    Price,
    PriceMigration,
    PriceModel,
    PriceRef,
    Tiered,
    TierMode,
    amount_of,
    replacement,
)

__all__ = ["OPERATORS"]

_Answer = dict[str, Any]

_MODEL = ("price", "per_seat", "tiers")
_SOLD = ("plan", "add_on")
_TRIAL = ("trial_days", "trial_until")


def _catalogue(request: Input) -> _Answer:
    """Check a price list: what it holds, or every fault of it beside the usual error."""
    request.only("op", *PRICE_LIST)
    try:
        return {**catalogue_json(price_list(request)), "problems": []}
    except PriceListRefused as refusal:
        error = {"field": refusal.field, "reason": refusal.reason}
        return {"error": error, "problems": refusal.problems}


def _price(request: Input) -> _Answer:
    """Price a quantity, by the tier where it has tiers, with the arithmetic in words."""
    request.only("op", "quantity", *_MODEL, *_SOLD, "agreed", "on", *PRICE_LIST)
    quantity = request.whole("quantity", least=1, most=QUANTITY_MOST, default=1)
    with blamed_on("quantity"):
        model = _model(request, quantity)
        amount = amount_of(model, quantity=quantity)
    return {
        "model": model.kind,
        "quantity": quantity,
        "amount": amount.yen,
        **_breakdown(model, quantity),
        "explain": words(amount.words_ja, amount.words_en),
    }


def _model(request: Input, quantity: int) -> PriceModel:
    """Find what is priced: terms of the request itself, a plan, or an add-on within its limits."""
    own = {key: request.values[key] for key in _MODEL if key in request.values}
    if own or not any(key in request.values for key in (*_SOLD, *PRICE_LIST)):
        request.only("op", "quantity", *_MODEL)
        return price_of_request(request, own).model
    if "add_on" not in request.values:
        return price_agreed_to(request, price_list(request)).model
    request.only("op", "quantity", "add_on", "on", *PRICE_LIST)
    catalogue, on = price_list(request), dated(request, "on")
    with blamed_on("add_on"):
        add_on = catalogue.add_on_on(request.text("add_on"), on)
    add_on.amount(quantity=quantity)
    return add_on.price


def _breakdown(model: PriceModel, quantity: int) -> _Answer:
    match model:
        case PerSeat(unit_yen):
            return {"unit_price": unit_yen}
        case Tiered():
            return {"mode": model.mode.value, "tiers": list(_tiers(model, quantity))}
        case _:
            return {}


def _tiers(model: Tiered, quantity: int) -> Iterator[_Answer]:
    """Give each tier that is reached; what it adds is the difference that its units make."""
    below = 0
    for tier in model.tiers:
        top = quantity if tier.up_to is None else min(quantity, tier.up_to)
        if top > below:
            whole = model.mode is TierMode.VOLUME
            if not whole or top == quantity:
                yield {
                    "up_to": tier.up_to,
                    "quantity": quantity if whole else top - below,
                    "unit_price": tier.unit_yen,
                    "flat_fee": tier.flat_fee_yen,
                    "amount": _up_to(model, top) - (0 if whole else _up_to(model, below)),
                }
            below = top


def _up_to(model: Tiered, quantity: int) -> int:
    return amount_of(model, quantity=quantity).yen if quantity else 0


def _replacement(request: Input) -> _Answer:
    request.only("op", "old", "new", "agreed", "on", *PRICE_LIST)
    catalogue, on = price_list(request), dated(request, "on")
    old = price_agreed_to(request, catalogue, plan="old")
    with blamed_on("new"):
        new = catalogue.price_on(request.text("new"), on)
    try:
        direction = replacement(families=catalogue.families_on(on), old=old, new=new)
    except NotReplaceable as fault:
        return {"allowed": False, "reason": fault.reason}
    return {"allowed": True, "direction": direction.value}


def _price_agreed(request: Input) -> _Answer:
    request.only("op", "plan", "agreed", "subscribed_on", "on", *PRICE_LIST)
    catalogue = price_list(request)
    subscribed_on, on = dated(request, "subscribed_on"), dated(request, "on")
    if on < subscribed_on:
        raise Refusal("on", f"is before the day of subscription ({subscribed_on.isoformat()})")
    agreed = price_agreed_to(request, catalogue, on_key="subscribed_on")
    ref = PriceRef(agreed.plan_code, agreed.valid_from)
    holds = catalogue.price_agreed(ref, subscribed_on=subscribed_on, on=on)
    return {
        **price_ref_json(holds),
        "agreed": price_ref_json(agreed),
        "moves": list(_moves(catalogue, ref, subscribed_on)),
    }


def _moves(catalogue: Catalogue, agreed: PriceRef, subscribed_on: date) -> Iterator[_Answer]:
    """Follow the migrations of a subscriber, those still to come included."""
    newest = (dated[-1] for dated in catalogue.migrations.values())
    by_old = {migration.old: migration for migration in newest}
    current, day = agreed, date.min
    while current in by_old:
        migration = by_old.pop(current)
        due = migration.moves_on(subscribed_on=subscribed_on)
        day = max(day, due or day)
        yield _move(catalogue, migration, None if due is None else day)
        if due is None:
            return
        current = migration.new


def _move(catalogue: Catalogue, migration: PriceMigration, day: date | None) -> _Answer:
    return {
        "migration": migration.code,
        "notice_on": migration.notice_on.isoformat(),
        "effective_on": migration.effective_on.isoformat(),
        "moves_on": None if day is None else day.isoformat(),
        "to": price_ref_json(catalogue.price_of(migration.new)),
    }


def _trial(request: Input) -> _Answer:
    request.only("op", "started_on", *_TRIAL, "plan", "agreed", *PRICE_LIST)
    started_on = dated(request, "started_on")
    paid_from = _trial_terms(request).paid_from(started_on)
    free = (paid_from - started_on).days
    return {
        "paid_from": paid_from.isoformat(),
        "free_days": free,
        "last_free_day": (paid_from - timedelta(days=1)).isoformat() if free else None,
    }


def _trial_terms(request: Input) -> Price:
    own = {key: request.values[key] for key in _TRIAL if key in request.values}
    if own or not any(key in request.values for key in ("plan", *PRICE_LIST)):
        request.only("op", "started_on", *_TRIAL)
        if not own:
            raise Refusal("trial_days", "is missing; give this, trial_until, or a plan")
        return price_of_request(request, {"price": 1, **own})
    return price_agreed_to(request, price_list(request), on_key="started_on")


OPERATORS = MappingProxyType[str, Callable[[Input], _Answer]](
    {
        "catalogue": _catalogue,
        "price": _price,
        "usage": catalogue_usage.usage,
        "usage_log": catalogue_usage.usage_log,
        "lines": catalogue_lines.lines,
        "discount": catalogue_lines.discount,
        "coupon": catalogue_lines.coupon,
        "replacement": _replacement,
        "price_agreed": _price_agreed,
        "trial": _trial,
    }
)
