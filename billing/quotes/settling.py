"""The money of each fact of a subscription's life; a change inside a cycle is settled here.

The amounts are those of `settle_change`, and so are the words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

from billing.quotes.agreed import add_on_terms, agreed, plan_terms
from billing.quotes.bills import forfeited_line, settlement_bill
from billing.quotes.bridging import Outcome, anchor_changed, paused, restart_undone, resumed
from billing.quotes.ending import ended
from billing.quotes.renewing import paid_before
from billing.quotes.values import Account, QuoteLine, Situation
from plans import (
    ChangeDay,
    ChangeEffect,
    ChangeRule,
    PaidTime,
    Settlement,
    Side,
    SubscriptionState,
    Terms,
    settle_change,
)
from plans.lifecycle import (
    AddOnChange,
    AddOnStep,
    AnchorChanged,
    Canceled,
    CouponChange,
    Fact,
    Paused,
    PlanChange,
    RestartUndone,
    Resumed,
    Subscription,
    TermsChanged,
)

__all__ = ["booked", "moves_calendar"]


def booked(
    view: Situation, account: Account, before: Subscription, after: Subscription, fact: Fact
) -> Outcome:
    """Give account and bills after one fact; most facts move no money."""
    match fact:
        case TermsChanged():
            return _terms_changed(view, account, before, after, fact)
        case AnchorChanged():
            return anchor_changed(view, account, before, after, fact)
        case RestartUndone():
            return restart_undone(view, account, after, fact)
        case Paused():
            return paused(view, account, fact)
        case Resumed():
            return resumed(view, account, before, after, fact)
        case Canceled():
            return ended(view, account, before, fact)
        case _:
            return account, ()


def _terms_changed(
    view: Situation,
    account: Account,
    before: Subscription,
    after: Subscription,
    fact: TermsChanged,
) -> Outcome:
    """Settle each piece of paid time that has days left under the new terms."""
    change, pause = fact.change, before.pause
    # A coupon counts from the next invoice on, and a moved calendar closes the cycle itself.
    if isinstance(change, CouponChange) or moves_calendar(change):
        return account, ()
    if before.state not in (SubscriptionState.ACTIVE, SubscriptionState.PAUSED):
        return account, ()
    # In a pause it is about the banked days, and they begin with the pause.
    on = fact.on if pause is None else min(fact.on, pause.began_on)
    code = change.code if isinstance(change, AddOnChange) else None
    settled = []
    for held in _held(view, account, after, fact, code):
        to = _new_terms(view, after, change, _agreed_on(held, fact))
        if to is not None and on < held.cycle.end:
            rule, day = _rule_and_day(view, held, on, waits=pause is not None)
            if code is None and _takes_effect(day, rule) == held.starts_on:
                to = _as_left(view, after, held, to)
            settled.append(settle_change(held=held, change_on=day, to=to, rule=rule))
    ended = [time for time in account.pieces(code) if time.cycle.end <= on]
    account = account.with_pieces(code, [*ended, *(each.held for each in settled)])
    return _with_settlements(view, account, settled, fact.on)


def _held(
    view: Situation, account: Account, after: Subscription, fact: TermsChanged, code: str | None
) -> tuple[PaidTime, ...]:
    """Give the paid time a change is about; of an add-on that was not there, nothing, for nothing.

    The pieces of an add-on that was added later begin later than the plan's, so both are looked at.
    """
    pieces = account.pieces(code)
    if code is None:
        return pieces
    found = []
    for plan_time in account.pieces(None):
        own = [time for time in pieces if _overlaps(time, plan_time)]
        to = _new_terms(view, after, fact.change, _agreed_on(plan_time, fact))
        if not own and to is not None:
            found.append(PaidTime(plan_time.cycle, plan_time.starts_on, _free(to), 0))
        found.extend(own)
    return tuple(found)


def _free(terms: Terms) -> Terms:
    return replace(terms, side=Side(0))


def _overlaps(time: PaidTime, other: PaidTime) -> bool:
    return time.starts_on < other.cycle.end and other.starts_on < time.cycle.end


def _agreed_on(held: PaidTime, fact: TermsChanged) -> date:
    """Give the day whose prices count: a price that moves, moves with a cycle and not inside it."""
    inside = not isinstance(fact.change, PlanChange)
    return min(held.cycle.start, fact.on) if inside else fact.on


def moves_calendar(change: object) -> bool:
    """Tell a change that begins a new cycle, which closes the old one itself."""
    return isinstance(change, PlanChange) and (change.restarts or change.interval is not None)


def _new_terms(view: Situation, after: Subscription, change: object, on: date) -> Terms | None:
    """Give the part of a cycle under the new terms; None for what is only bought once."""
    terms = agreed(view.catalogue, after, on=on)
    if not isinstance(change, AddOnChange):
        return plan_terms(terms, after.quantity)
    entry = next((each for each in terms.add_ons if each.add_on.code == change.code), None)
    if entry is not None:
        return add_on_terms(entry, terms) if entry.add_on.recurring else None
    gone = view.catalogue.add_on_on(change.code, on)
    if change.step is not AddOnStep.REMOVE or not gone.recurring:
        return None
    return Terms(Side(0), terms.price.interval, gone.tax_category, gone.name_ja, gone.name_en)


def _as_left(view: Situation, after: Subscription, held: PaidTime, to: Terms) -> Terms:
    """Give the very terms that a change of today left, when it is they that are asked for again.

    The cycle may have had a price of its own, which is no part of the regular terms.
    """
    if held.same_day is None:
        return to
    left = held.same_day.before.terms
    same = replace(left, side=to.side) == to and left.side.quantity == after.quantity
    price = agreed(view.catalogue, after, on=held.cycle.start).price
    own_yen = price.own_amount_yen(paid_before(view, after))
    return left if same and left.side.price_yen == own_yen else to


def _takes_effect(on: date, rule: ChangeRule) -> date:
    return on + timedelta(days=rule.proration.change_day is ChangeDay.OLD)


def _rule_and_day(
    view: Situation, held: PaidTime, on: date, *, waits: bool
) -> tuple[ChangeRule, date]:
    """Give how, and as of which day, a piece of paid time is settled; `waits` in a pause."""
    rule = view.rules.change
    if rule.effect is ChangeEffect.RESTART_CYCLE:
        # Only a change of plan restarts; what else changes is settled inside the cycle.
        rule = replace(rule, effect=ChangeEffect.CHARGE_NOW)
    if waits and rule.effect is ChangeEffect.CHARGE_NOW:
        # Nothing is charged in a pause.
        rule = replace(rule, effect=ChangeEffect.NEXT_INVOICE)
    # Days that are paid ahead change when they come, and banked days were not served: there is no
    # day of change among them, whichever terms it has.
    if waits or on < held.starts_on:
        on = max(on, held.starts_on)
        on -= _takes_effect(on, rule) - on
    return rule, on


def _with_settlements(
    view: Situation, account: Account, settled: Sequence[Settlement], on: date
) -> Outcome:
    """Bill what the pieces come to as one sum; what waits goes on the next invoice."""
    now: list[Settlement] = []
    lines: list[QuoteLine] = []
    for each in settled:
        if each.next_invoice_yen > 0:
            account = replace(account, waiting=(*account.waiting, *_lines(each)))
        elif each.lines:
            now.append(each)
            lines.extend(_lines(each))
    if not lines:
        return account, ()
    account, bill = settlement_bill(account, now, lines, on=on, rules=view.rules)
    return account, (bill,)


def _lines(settled: Settlement) -> list[QuoteLine]:
    lines = [
        QuoteLine(
            kind=line.kind.value,
            text_ja=line.text_ja,
            text_en=line.text_en,
            amount_yen=line.amount_yen,
            tax_category=line.tax_category,
            period=line.period,
        )
        for line in settled.lines
    ]
    if settled.forfeited_yen:
        lines.append(forfeited_line(settled.forfeited_yen, lines[0].tax_category))
    return lines
