"""Price lists, prices and lines as JSON, under the keys of the price-list file."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from plans import (
    AddOn,
    AmountOff,
    Catalogue,
    Coupon,
    Flat,
    Interval,
    Line,
    Period,
    PerSeat,
    Plan,
    PlanFamily,
    Price,
    PriceMigration,
    PriceModel,
    PriceRef,
    Tiered,
)

__all__ = ["catalogue_json", "decimal_text", "line_json", "period_json", "price_ref_json", "words"]

_Answer = dict[str, Any]


def words(ja: str, en: str) -> _Answer:
    """Pair what is said in Japanese and English."""
    return {"ja": ja, "en": en}


def period_json(period: Period) -> _Answer:
    """Write the first day and the day after the last."""
    return {"from": period.start.isoformat(), "to": period.end.isoformat()}


def price_ref_json(price: Price) -> _Answer:
    """Name a price by its plan and date, with the amount of one cycle."""
    return {
        "plan": price.plan_code,
        "valid_from": price.valid_from.isoformat(),
        "price": price.amount_yen,
    }


def decimal_text(number: Decimal) -> str:
    """Write an exact decimal with the digits it has and no more: "0.5", "2000"."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def line_json(line: Line) -> _Answer:
    """Write a line so that the operations tax and discount take its amount and category."""
    return {
        "kind": line.kind.value,
        "quantity": line.quantity,
        "unit_price": line.unit_yen,
        "amount": line.amount_yen,
        "category": line.tax_category.value,
        "explain": words(line.description_ja, line.description_en),
    }


def catalogue_json(catalogue: Catalogue) -> _Answer:
    """Summarise a price list: its plans with their prices, and every version of its offers."""
    return {
        "plans": [_plan(plan, catalogue) for plan in catalogue.plans.values()],
        "add_ons": [_add_on(each) for dated in catalogue.add_ons.values() for each in dated],
        "coupons": [_coupon(each) for dated in catalogue.coupons.values() for each in dated],
        "families": [_family(each) for dated in catalogue.families.values() for each in dated],
        "migrations": [
            _migration(each) for dated in catalogue.migrations.values() for each in dated
        ],
    }


def _plan(plan: Plan, catalogue: Catalogue) -> _Answer:
    return {
        "code": plan.code,
        "name": words(plan.name_ja, plan.name_en),
        "anchor": plan.anchor_rule.value,
        "anchor_day": plan.anchor_day,
        "first_period": plan.first_period.value,
        "prices": [_price(price) for price in catalogue.prices.get(plan.code, ())],
    }


def _price(price: Price) -> _Answer:
    return {
        "valid_from": price.valid_from.isoformat(),
        "valid_until": _day(price.valid_until),
        **_model(price.model),
        "tax": price.tax_category.value,
        "every": _interval(price.interval),
        "trial_days": price.trial_days,
        "trial_until": _day(price.trial_until),
        "first_price": price.first_amount_yen,
        "setup_fee": None if price.setup_fee is None else price.setup_fee.amount_yen,
        "minimum_cycles": price.minimum_cycles,
        "meter": None if price.usage is None else price.usage.meter,
        "content_hash": price.content_hash,
    }


def _model(model: PriceModel) -> _Answer:
    match model:
        case Flat(amount_yen):
            return {"model": model.kind, "price": amount_yen}
        case PerSeat(unit_yen):
            return {"model": model.kind, "price": unit_yen}
        case Tiered():
            return {"model": f"{model.kind}_{model.mode.value}", "tiers": len(model.tiers)}
        case _:  # what is metered comes on top of a price and is told as its meter
            return {"model": model.kind}


def _add_on(add_on: AddOn) -> _Answer:
    return {
        **_version(add_on),
        "name": words(add_on.name_ja, add_on.name_en),
        **_model(add_on.price),
        "tax": add_on.tax_category.value,
        "recurring": add_on.recurring,
        "plans": sorted(add_on.plans),
        "quantity": {"min": add_on.quantity_min, "max": add_on.quantity_max},
        "content_hash": add_on.content_hash,
    }


def _coupon(coupon: Coupon) -> _Answer:
    return {
        **_version(coupon),
        "name": words(coupon.name_ja, coupon.name_en),
        "off": _off(coupon),
        "cycles": "forever" if coupon.cycles is None else coupon.cycles,
        "campaign": {"from": _day(coupon.first_day), "until": _day(coupon.last_day)},
        "once_per_buyer": coupon.once_per_buyer,
        "plans": sorted(coupon.plans),
        "scope": coupon.scope.value,
        "stackable": coupon.stackable,
        "rank": coupon.rank,
        "content_hash": coupon.content_hash,
    }


def _off(coupon: Coupon) -> _Answer:
    if isinstance(coupon.off, AmountOff):
        return {"yen": coupon.off.yen}
    percent = decimal_text(coupon.off.percent)
    return {"percent": percent, "rounding": coupon.off.rounding.value}


def _family(family: PlanFamily) -> _Answer:
    ranks = [sorted(codes) for codes in family.ranks]
    return {**_version(family), "ranks": ranks, "content_hash": family.content_hash}


def _migration(migration: PriceMigration) -> _Answer:
    return {
        **_version(migration),
        "from": _ref(migration.old),
        "to": _ref(migration.new),
        "notice_on": migration.notice_on.isoformat(),
        "effective_on": migration.effective_on.isoformat(),
        "content_hash": migration.content_hash,
    }


def _version(offer: AddOn | Coupon | PlanFamily | PriceMigration) -> _Answer:
    return {"code": offer.code, "valid_from": offer.valid_from.isoformat()}


def _ref(ref: PriceRef) -> _Answer:
    return {"plan": ref.plan_code, "valid_from": ref.valid_from.isoformat()}


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _interval(interval: Interval) -> _Answer:
    return {"unit": interval.unit.value, "count": interval.count}
