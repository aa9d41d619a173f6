"""The money of each fact of a subscription's life; a change inside a cycle is settled here.

The amounts are those of `settle_change`, and so are the words.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from billing.quotes.agreed import add_on_terms, agreed, plan_terms
from billing.quotes.bills import forfeited_line, settlement_bill
from billing.quotes.bridging import Outcome, anchor_changed, paused, resumed
from billing.quotes.ending import ended
from billing.quotes.values import Account, QuoteLine, Situation
from plans import ChangeEffect, PaidTime, Settlement, Side, SubscriptionState, Terms, settle_change
from plans.lifecycle import (
    AddOnChange,
    AddOnStep,
    AnchorChanged,
    Canceled,
    CouponChange,
    Fact,
    Paused,
    PlanChange,
    Resumed,
    Subscription,
    TermsChanged,
)

__all__ = ["booked"]


def booked(
    view: Situation, account: Account, before: Subscription, after: Subscription, fact: Fact
) -> Outcome:
    """Give account and bills after one fact; most facts move no money."""
    match fact:
        case TermsChanged():
            return _terms_changed(view, account, before, after, fact)
        case AnchorChanged():
            return anchor_changed(view, account, before, fact)
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
    change = fact.change
    plan_time = account.part(None)
    # A coupon counts from the next invoice on, and a moved calendar closes the cycle itself.
    if isinstance(change, CouponChange) or _moves_calendar(change):
        return account, ()
    if before.state is not SubscriptionState.ACTIVE or plan_time is None:
        return account, ()
    if fact.on not in plan_time.cycle:
        return account, ()
    code = change.code if isinstance(change, AddOnChange) else None
    to = _new_terms(view, after, change, fact.on)
    if to is None:
        return account, ()
    held = account.part(code) or _nothing_held(plan_time, to)
    settled = _settled(view, held, to, fact.on)
    return _with_settlement(view, account.with_part(code, settled.held), settled, fact.on)


def _moves_calendar(change: object) -> bool:
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
    side = Side(0)
    return Terms(side, terms.price.interval, gone.tax_category, gone.name_ja, gone.name_en)


def _nothing_held(plan_time: PaidTime, to: Terms) -> PaidTime:
    """Give the paid time of an add-on that was not there: nothing, for nothing."""
    return PaidTime(plan_time.cycle, plan_time.cycle.start, replace(to, side=Side(0)), 0)


def _settled(view: Situation, held: PaidTime, to: Terms, on: date) -> Settlement:
    rule = view.rules.change
    if rule.effect is ChangeEffect.RESTART_CYCLE:
        # Only a change of plan restarts; what else changes is settled inside the cycle.
        rule = replace(rule, effect=ChangeEffect.CHARGE_NOW)
    return settle_change(held=held, change_on=on, to=to, rule=rule)


def _with_settlement(view: Situation, account: Account, settled: Settlement, on: date) -> Outcome:
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
    if not lines:
        return account, ()
    if settled.next_invoice_yen > 0:
        return replace(account, waiting=(*account.waiting, *lines)), ()
    account, bill = settlement_bill(account, settled, lines, on=on, rules=view.rules)
    return account, (bill,)
