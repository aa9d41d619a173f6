"""Terms as canonical text for the books, and back: equal terms are equal texts, for ever."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from types import MappingProxyType
from typing import Any

from plans.catalogue.add_ons import AddOn
from plans.catalogue.canonical import decode, fields_given, to_json
from plans.catalogue.checks import Offer
from plans.catalogue.coupons import Coupon
from plans.catalogue.dunning import DunningSchedule
from plans.catalogue.families import PlanFamily
from plans.catalogue.price_migrations import PriceMigration
from plans.catalogue.price_terms import FirstPeriod
from plans.catalogue.prices import Plan, Price, later_terms, with_later

__all__ = ["OFFER_TYPES", "offer_from_text", "offer_text", "price_from_text", "price_text"]

OFFER_TYPES: Mapping[str, type[Offer]] = MappingProxyType(
    {offer.section: offer for offer in (AddOn, Coupon, PlanFamily, PriceMigration, DunningSchedule)}
)

# What has a column of its own beside the text; names are words, which may change.
_COLUMNS = ("code", "valid_from", "name_ja", "name_en")


def offer_text(offer: Offer) -> str:
    """Write the terms of an offer, but for code, names and date."""
    given = fields_given(offer)
    return to_json({name: value for name, value in given.items() if name not in _COLUMNS})


def offer_from_text(
    *, section: str, code: str, valid_from: date, names: tuple[str, str], text: str
) -> Offer:
    """Read what `offer_text` wrote; `names` (Japanese, English) are ignored where it has none."""
    wanted = OFFER_TYPES[section]
    terms: dict[str, Any] = {**json.loads(text), "code": code, "valid_from": str(valid_from)}
    if wanted in (AddOn, Coupon):
        terms |= {"name_ja": names[0], "name_en": names[1]}
    offer: Offer = decode(wanted, terms)
    return offer


def price_text(plan: Plan, price: Price) -> str | None:
    """Write the terms that have no column of their own: the price's, and the plan's anchor day.

    None where there are none, as in every price of the first scheme.
    """
    anchored = {
        name: value
        for name, value in fields_given(plan).items()
        if name in ("anchor_day", "first_period")
    }
    later = later_terms(price)
    return to_json({"plan": anchored, "price": later}) if anchored or later else None


def price_from_text(plan: Plan, price: Price, text: str | None) -> tuple[Plan, Price]:
    """Put what `price_text` wrote back onto a plan and a price."""
    if text is None:
        return plan, price
    terms = json.loads(text)
    anchored = terms["plan"]
    plan = replace(
        plan,
        anchor_day=anchored.get("anchor_day"),
        first_period=FirstPeriod(anchored.get("first_period", FirstPeriod.PRORATE)),
    )
    return plan, with_later(price, terms["price"])
