"""A small shop for the tests of quotes: its price list, a subscriber, and what was paid."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time

from billing.cap.plan import CapRule
from billing.quotes import CapRoom, Quote, QuoteRules, Situation, quote
from billing.quotes.projecting import happened
from billing.quotes.renewing import renewed
from plans import Catalogue, parse_catalogue
from plans.lifecycle import (
    Actor,
    AddOnHeld,
    ChargeSucceeded,
    Command,
    Create,
    Policy,
    Subscription,
    charge_on,
    decide,
)

MONTH = "every: {unit: month, count: 1}"
PRICES = f"""plans:
  - {{code: small, name: {{ja: 小, en: Small}}, price: 3000, tax: standard, {MONTH}}}
  - {{code: large, name: {{ja: 大, en: Large}}, price: 10000, tax: standard, {MONTH}}}
  - {{code: food, name: {{ja: 食品, en: Food}}, price: 5400, tax: reduced, {MONTH}}}
  - {{code: seats, name: {{ja: 席, en: Seats}}, price: 1000, per_seat: true, tax: standard,
     {MONTH}}}
  - {{code: year, name: {{ja: 年, en: Year}}, price: 36000, tax: standard,
     every: {{unit: year, count: 1}}}}
  - {{code: huge, name: {{ja: 特大, en: Huge}}, price: 45000, tax: standard, {MONTH}}}
  - {{code: term, name: {{ja: 縛り, en: Term}}, price: 3000, tax: standard, {MONTH},
     minimum_cycles: 6, cancellation_fee: {{kind: remaining_percent, percent: 50}}}}
  - {{code: fixed, name: {{ja: 固定, en: Fixed}}, price: 3000, tax: standard, {MONTH},
     anchor_day: 27}}
add_ons:
  - {{code: support, name: {{ja: 電話, en: Phone}}, price: 600, tax: standard}}
  - {{code: snack, name: {{ja: お菓子, en: Snack}}, price: 540, per_seat: true, tax: reduced}}
  - {{code: visit, name: {{ja: 訪問, en: Visit}}, price: 5500, tax: standard, recurring: false}}
coupons:
  - {{code: tenth, name: {{ja: 一割, en: Tenth}}, off: {{percent: 10}}, cycles: forever,
     scope: plan, stackable: true}}
  - {{code: minus, name: {{ja: 値引, en: Minus}}, off: {{yen: 500}}, cycles: 2, stackable: true}}
"""
CATALOGUE: Catalogue = parse_catalogue(PRICES)

FIRST = date(2026, 4, 1)
CHANGE = date(2026, 4, 16)  # 15 of April's 30 days are left
CAP = CapRoom(limit_yen=50_000, rule=CapRule.SPLIT)
OPEN = Policy(
    cutoff_days=0,
    downgrade_timings=Policy().upgrade_timings,
    cross_grade_timings=Policy().upgrade_timings,
)


def instant(on: date, hour: int = 3) -> datetime:
    """An hour of that date in Japan, noon unless told otherwise, as UTC."""
    return datetime.combine(on, time(hour), UTC)


def signed_up(plan: str = "small", on: date = FIRST, /, **terms) -> Create:
    """Sign up for a plan of the list; consent is given."""
    price = CATALOGUE.price_on(plan, on)
    sold = CATALOGUE.plan(plan)
    given = {
        "id": "sub-1",
        "plan_code": plan,
        "price_ref": f"{plan}@{price.valid_from}",
        "interval": price.interval,
        "starts_on": on,
        "anchor_rule": sold.anchor_rule,
        "anchor_day": sold.anchor_day,
        "minimum_cycles": price.minimum_cycles,
        "permission_id": "C00-1",
        **terms,
    }
    return Create(**given)


def stranger(**parts) -> Situation:
    """Somebody who has not signed up yet."""
    return Situation(**{"subscription": None, "catalogue": CATALOGUE, "cap": CAP, **parts})


def subscriber(
    plan: str = "small", on: date = FIRST, /, *, add_ons: dict[str, int] | None = None, **terms
) -> Situation:
    """A subscriber whose first cycle is paid, with the add-ons and coupons it had from the start.

    `rules`, `cap`, `sharing`, `credit` go into the situation, other terms into the sign-up.
    """
    known = ("rules", "cap", "sharing", "catalogue")
    credit = terms.pop("credit", ())
    view = stranger(**{name: terms.pop(name) for name in known if name in terms})
    view = happen(view, signed_up(plan, on, **terms), on)
    for code, quantity in (add_ons or {}).items():
        # Held from cycle 0 on, as if it had been in the first order.
        view = with_add_on(view, code, quantity)
    return replace(paid(view), credit=credit)


def with_add_on(view: Situation, code: str, quantity: int) -> Situation:
    """Hold an add-on since cycle 0, without asking anybody."""
    subscription = of(view)
    held = tuple(sorted((*subscription.add_ons, AddOnHeld(code, quantity, 0))))
    return replace(view, subscription=replace(subscription, add_ons=held))


def of(view: Situation) -> Subscription:
    assert view.subscription is not None
    return view.subscription


def paid(view: Situation) -> Situation:
    """The next cycle is charged on its day and paid."""
    subscription = of(view)
    on = charge_on(subscription)
    assert on is not None
    account, _ = renewed(view, view.account, subscription, on=on)
    view = with_account(view, account)
    return happen(view, ChargeSucceeded(subscription.next_cycle), on, actor=Actor.ENGINE)


def happen(
    view: Situation,
    command: Command,
    on: date,
    *,
    actor: Actor = Actor.CUSTOMER,
    policy: Policy = OPEN,
) -> Situation:
    """A command is decided and settled."""
    events = decide(
        view.subscription, command, actor=actor, reason="test", at=instant(on), on=on, policy=policy
    )
    account, after, _ = happened(view, view.account, view.subscription, events)
    return replace(with_account(view, account), subscription=after)


def with_account(view: Situation, account) -> Situation:
    return replace(
        view,
        paid=account.parts,
        received=account.received,
        credit=account.credit,
        waiting=account.waiting,
        usage=account.usage,
        closed=account.closed,
    )


def asked(view: Situation, command: Command, on: date = CHANGE, **more) -> Quote:
    """Ask on a date, under rules that allow everything, unless told otherwise."""
    return quote(view, command, **{"on": on, "at": instant(on), "policy": OPEN, **more})


def totals(found: Quote) -> tuple[int, int, int, int, int]:
    """Charged today, credit used, new credit, refund, forfeited."""
    return (
        found.charge_today_yen,
        found.credit_used_yen,
        found.credit_yen,
        found.refund_yen,
        found.forfeited_yen,
    )


def rules(**choices) -> QuoteRules:
    return QuoteRules(**choices)
