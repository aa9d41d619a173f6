"""Fingerprints of everything a quote depends on, section by section, so a change can be named."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, replace
from datetime import date
from typing import Any

from billing.quotes.agreed import price_ref
from billing.quotes.values import Situation
from plans import AddOn, Coupon, DunningSchedule, Offer, canonical_form, canonical_hash
from plans.lifecycle import (
    Actor,
    AddOnChange,
    Command,
    CouponChange,
    PlanChange,
    Policy,
    Subscription,
)

__all__ = ["SECTIONS_EN", "SECTIONS_JA", "Inputs", "inputs_of"]

Inputs = tuple[tuple[str, str], ...]

_SCHEME = "quote-input-v1"
# Each section is long enough that two different ones never look the same in practice.
_DIGITS = 32

SECTIONS_JA = {
    "question": "ご依頼の内容",
    "day": "日付",
    "subscription": "ご契約の状態",
    "catalogue": "料金表",
    "paid": "お支払い済みの期間",
    "credit": "お預かり金と次回請求分",
    "charges": "同じお支払い許可の他のご請求",
    "cap": "月間上限",
    "rules": "計算の設定",
    "policy": "変更の規則",
}
SECTIONS_EN = {
    "question": "what was asked",
    "day": "the day",
    "subscription": "the subscription",
    "catalogue": "the price list",
    "paid": "the paid time",
    "credit": "the credit and what waits for the next invoice",
    "charges": "other charges on the same charge permission",
    "cap": "the monthly cap",
    "rules": "the rules of the arithmetic",
    "policy": "the rules of changes",
}


def inputs_of(
    situation: Situation,
    command: Command,
    *,
    policy: Policy,
    on: date,
    actor: Actor,
    reason: str,
) -> Inputs:
    """Fingerprint each section; of the catalogue, only what the question is about."""
    sections: dict[str, Any] = {
        "question": [type(command).__name__, canonical_form(command), actor.value, reason],
        "day": on.isoformat(),
        "subscription": [
            _every_field(situation.subscription),
            situation.first_cycle,
            situation.declined,
            situation.invoiced_cycle,
            canonical_form(situation.coupons_used),
        ],
        "catalogue": _catalogue(situation, command),
        "paid": canonical_form((situation.paid, situation.received, situation.closed)),
        "credit": canonical_form((situation.credit, situation.waiting, situation.usage)),
        "charges": canonical_form((situation.sharing, situation.open_charges)),
        "cap": canonical_form(situation.cap),
        "rules": _every_field(situation.rules),
        "policy": _every_field(policy),
    }
    return tuple((name, canonical_hash(_SCHEME, what)[:_DIGITS]) for name, what in sections.items())


def _every_field(value: Any) -> Any:
    """Encode a value with the fields that hold their defaults: a later default is a change."""
    if value is None:
        return None
    return {field.name: canonical_form(getattr(value, field.name)) for field in fields(value)}


def _catalogue(situation: Situation, command: Command) -> Any:
    catalogue, subscription = situation.catalogue, situation.subscription
    migrations = [dated[-1] for dated in catalogue.migrations.values()]
    plans = _plan_codes(command, subscription)
    for _ in migrations:  # a price can be moved once by each
        plans |= {m.new.plan_code for m in migrations if m.old.plan_code in plans}
    offers = _offer_codes(command, subscription)
    named = [
        [offer.name_ja, offer.name_en] if isinstance(offer, AddOn | Coupon) else []
        for offer in _concerned(catalogue.offers, offers)
    ]
    return {
        "plans": [
            canonical_form(replace(catalogue.plans[code], dunning=None))
            for code in sorted(plans & set(catalogue.plans))
        ],
        "prices": [
            price.content_hash for code in sorted(plans) for price in catalogue.prices.get(code, ())
        ],
        "offers": [offer.content_hash for offer in _concerned(catalogue.offers, offers)],
        "names": named,
    }


def _concerned(offers: Iterable[Offer], codes: frozenset[str]) -> list[Offer]:
    """Keep the add-ons and coupons that are named, and every family and migration.

    How a declined charge is tried again changes no amount: dunning is left out.
    """
    found: list[Offer] = []
    for offer in offers:
        if isinstance(offer, DunningSchedule):
            continue
        if not isinstance(offer, AddOn | Coupon) or offer.code in codes:
            found.append(offer)
    return found


def _plan_codes(command: Command, subscription: Subscription | None) -> set[str]:
    codes = {getattr(command, "plan_code", None)}
    if subscription is not None:
        codes |= {subscription.plan_code, price_ref(subscription.price_ref).plan_code}
        changes = (entry.change for entry in subscription.queue)
        codes |= {change.plan_code for change in changes if isinstance(change, PlanChange)}
    return {code for code in codes if code is not None}


def _offer_codes(command: Command, subscription: Subscription | None) -> frozenset[str]:
    codes = {getattr(command, "code", ""), *getattr(command, "coupons", ())}
    codes |= {each.code for each in getattr(command, "add_ons", ())}
    if subscription is not None:
        codes |= {held.code for held in subscription.add_ons}
        codes |= {held.code for held in subscription.coupons}
        changes = (entry.change for entry in subscription.queue)
        codes |= {each.code for each in changes if isinstance(each, AddOnChange | CouponChange)}
    return frozenset(codes)
