"""What is agreed at a moment: price, add-ons and coupons of a subscription in the catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from plans import (
    AddOn,
    AddOnInForce,
    BadInput,
    Catalogue,
    Coupon,
    CouponInForce,
    Plan,
    Price,
    PriceRef,
    Side,
    Terms,
    cycle_start,
)
from plans.lifecycle import AddOnHeld, CouponHeld, Subscription

__all__ = [
    "Agreed",
    "add_on_held",
    "add_on_terms",
    "agreed",
    "coupon_held",
    "plan_terms",
    "price_ref",
    "price_ref_text",
]


@dataclass(frozen=True, slots=True)
class Agreed:
    """Plan and price of a subscription, and what it has beside them."""

    plan: Plan
    price: Price
    add_ons: tuple[AddOnInForce, ...]
    coupons: tuple[CouponInForce, ...]


def price_ref_text(price: Price) -> str:
    """Name a price as subscriptions do: `basic@2026-04-01`."""
    return f"{price.plan_code}@{price.valid_from.isoformat()}"


def price_ref(text: str) -> PriceRef:
    """Read what `price_ref_text` wrote; raises BadInput."""
    code, _, day = text.rpartition("@")
    try:
        return PriceRef(code, date.fromisoformat(day))
    except ValueError:
        raise BadInput(
            field="price_ref",
            value=text,
            rule="a price is named by its plan and first day, as basic@2026-04-01",
            remedy="take the name from the price list",
        ) from None


def agreed(catalogue: Catalogue, subscription: Subscription, *, on: date) -> Agreed:
    """Find the terms of a subscription on a day, price migrations that are due counted in.

    Raises UnknownPlan, NoPriceYet, UnknownOffer or BadInput for what the catalogue lacks.
    """
    price = catalogue.price_agreed(
        price_ref(subscription.price_ref),
        subscribed_on=subscription.started_on or subscription.starts_on,
        on=on,
    )
    return Agreed(
        plan=catalogue.plan(price.plan_code),
        price=price,
        add_ons=tuple(
            AddOnInForce(
                add_on_held(catalogue, subscription, held), held.quantity, held.since_cycle
            )
            for held in subscription.add_ons
        ),
        coupons=tuple(
            CouponInForce(coupon_held(catalogue, held, on=on), held.cycles_used)
            for held in subscription.coupons
        ),
    )


def plan_terms(terms: Agreed, quantity: int) -> Terms:
    """Give the plan's part of a regular cycle; tiers are one amount for all seats."""
    price = terms.price
    if price.tiers is not None:
        side = Side(price.cycle_yen(quantity=quantity))
    else:
        side = Side(price.amount_yen, quantity)
    plan = terms.plan
    return Terms(side, price.interval, price.tax_category, plan.name_ja, plan.name_en)


def add_on_terms(entry: AddOnInForce, terms: Agreed, *, quantity: int | None = None) -> Terms:
    """Give an add-on's part of a cycle; 0 pieces cost nothing."""
    add_on = entry.add_on
    pieces = entry.quantity if quantity is None else quantity
    yen = add_on.amount(quantity=pieces).yen if pieces else 0
    side = Side(yen // pieces, pieces) if pieces and yen % pieces == 0 else Side(yen)
    return Terms(side, terms.price.interval, add_on.tax_category, add_on.name_ja, add_on.name_en)


def add_on_held(catalogue: Catalogue, subscription: Subscription, held: AddOnHeld) -> AddOn:
    """Find the version of an add-on that was agreed; raises UnknownOffer."""
    since = held.agreed_on or cycle_start(
        anchor=subscription.anchor, interval=subscription.interval, cycle=held.since_cycle
    )
    return catalogue.add_on_on(held.code, since)


def coupon_held(catalogue: Catalogue, held: CouponHeld, *, on: date) -> Coupon:
    """Find the version of a coupon that was agreed; raises UnknownOffer."""
    return catalogue.coupon_on(held.code, held.agreed_on or on)
