"""A situation out of a line: all that the answer to a "what if" rests on.

The subscription is told by its commands or events; what was paid, credited and waits follows from
them, unless the line says it itself.
"""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import available_timezones

from app.calc.catalogue_reading import PRICE_LIST, objects, period, price_list
from app.calc.lifecycle_reading import events_of
from app.calc.paid_time_reading import HELD_KEYS, read_held, read_terms
from app.calc.reading import Input, Refusal
from app.calc.typed_reading import listed, located, read_as
from billing import CapRule, PlannedCharge
from billing.quotes import CapRoom, PaidPart, QuoteLine, QuoteRules, Situation, played
from plans import TaxCategory, TaxedYen, UsageCharge
from plans.lifecycle import Policy

__all__ = ["SITUATION_KEYS", "read_situation"]

SITUATION_KEYS = (
    *PRICE_LIST,
    *("subscription", "cap", "rules"),
    *("paid", "received", "credit", "waiting", "usage"),
    *("open_charges", "sharing", "invoiced_cycle", "first_cycle", "coupons_used"),
)


def read_situation(request: Input, *, policy: Policy) -> Situation:
    """Read the situation of a line; raises Refusal that names the field."""
    rules = _rules(request)
    view = Situation(
        subscription=None,
        catalogue=price_list(request),
        cap=_cap(request),
        rules=rules,
        open_charges=_charges(request, "open_charges"),
        sharing=_charges(request, "sharing"),
        first_cycle=_cycle(request, "first_cycle"),
        coupons_used=frozenset(request.texts("coupons_used")),
    )
    told = request.nested_or_null("subscription")
    if told is not None:
        events = events_of(told, policy=policy, catalogue=view.catalogue, rules=rules)
        with located(told.path):
            view = played(view, events)
    return replace(_as_told(request, view), invoiced_cycle=_cycle(request, "invoiced_cycle"))


def _as_told(request: Input, view: Situation) -> Situation:
    """Put what the line says about money over what follows from the life."""
    given = request.values
    if "paid" in given:
        view = replace(view, paid=tuple(_part(each) for each in request.nested_list("paid")))
    if "received" in given:
        view = replace(view, received=_taxed(request, "received"))
    if "credit" in given:
        view = replace(view, credit=_taxed(request, "credit"))
    if "waiting" in given:
        view = replace(view, waiting=tuple(_line(each) for each in request.nested_list("waiting")))
    if "usage" in given:
        view = replace(view, usage=listed(UsageCharge, request, "usage"))
    return view


def _rules(request: Input) -> QuoteRules:
    if "rules" not in request.values:
        return QuoteRules()
    rules = read_as(QuoteRules, request.nested("rules"))
    if rules.timezone not in available_timezones():
        raise Refusal("rules.timezone", "is the name of a time zone, as Asia/Tokyo")
    return rules


def _cap(request: Input) -> CapRoom:
    cap = request.nested("cap").only("limit", "rule", "used")
    used = tuple(sorted(cap.yen_by_month("used").items()))
    return CapRoom(cap.whole("limit", least=0), cap.choice("rule", CapRule), used)


def _charges(request: Input, key: str) -> tuple[PlannedCharge, ...]:
    found = []
    for each in objects(request, key):
        each.only("id", "on", "amount")
        yen = each.whole("amount", least=1)
        found.append(PlannedCharge(each.text("id"), each.day("on"), yen))
    return tuple(found)


def _cycle(request: Input, key: str) -> int | None:
    return None if request.values.get(key) is None else request.whole(key, least=0, most=100_000)


def _part(given: Input) -> PaidPart:
    given.only("add_on", "terms", *HELD_KEYS)
    add_on = None if given.values.get("add_on") is None else given.text("add_on")
    return PaidPart(add_on, read_held(given, read_terms(given.nested("terms"))))


def _taxed(request: Input, key: str) -> tuple[TaxedYen, ...]:
    found = []
    for each in request.nested_list(key):
        each.only("category", "amount")
        yen = each.whole("amount", least=1)
        found.append(TaxedYen(each.choice("category", TaxCategory), yen))
    return tuple(found)


def _line(given: Input) -> QuoteLine:
    given.only("kind", "amount", "category", "explain", "from", "to")
    words = given.nested("explain").only("ja", "en")
    return QuoteLine(
        kind=given.text("kind"),
        text_ja=words.text("ja"),
        text_en=words.text("en"),
        amount_yen=given.whole("amount"),
        tax_category=given.choice("category", TaxCategory),
        period=None if given.values.get("from") is None else period(given),
    )
