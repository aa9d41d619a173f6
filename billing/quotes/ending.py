"""What is settled when an agreement ends: unused time, the fee for leaving early, open credit."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from billing.quotes.agreed import agreed
from billing.quotes.bills import Bill, BillPurpose, billed, forfeited_line
from billing.quotes.open_days import open_day_line, terms_of_parts
from billing.quotes.pieces import unused_from, unused_lines
from billing.quotes.renewing import usage_lines
from billing.quotes.values import Account, CreditAtEnd, QuoteLine, Situation
from plans import (
    CancellationFee,
    NegativeResult,
    Period,
    Plan,
    SubscriptionState,
    TaxCategory,
    TaxedYen,
    cancellation_fee,
    cycle_period,
    yen_en,
    yen_ja,
)
from plans.lifecycle import Canceled, Refund, Subscription, cycle_days, remaining_cycles

__all__ = ["ended", "leaving_fee"]


def leaving_fee(view: Situation, subscription: Subscription, *, on: date) -> CancellationFee:
    """Work out the fee for leaving on a date; charges until then are assumed to be paid."""
    price = agreed(view.catalogue, subscription, on=on).price
    owed = remaining_cycles(subscription, on=on)
    return cancellation_fee(
        price=price,
        quantity=subscription.quantity,
        cycles_done=max(0, price.minimum_cycles - owed),
    )


def ended(
    view: Situation, account: Account, before: Subscription, fact: Canceled
) -> tuple[Account, tuple[Bill, ...]]:
    """Bill the end: what waits, known use, what is given back, the fee; then pay credit out.

    Use is billed after its period, so a full refund of the running cycle does not concern it.
    """
    lines = [
        *usage_lines(view, account, before, on=fact.on),
        *_given_back(view, account, before, fact),
        *_fee(view, before, fact),
    ]
    if fact.refund is not Refund.FULL:
        # A full refund takes the cycle back, and with it what of it still waits.
        lines = [*account.waiting, *_served_unpaid(view, before, fact.on), *lines]
    closed = replace(account, parts=(), waiting=(), received=(), usage=())
    if not lines and not closed.credit:
        return closed, ()
    closed, bill = billed(
        closed,
        lines,
        on=fact.on,
        purpose=BillPurpose.END,
        negative=NegativeResult.REFUND,
        rules=view.rules,
    )
    rest_yen = sum(lot.amount_yen for lot in closed.credit)
    lost = sum(line.amount_yen for line in lines if line.kind == "forfeited")
    if view.rules.credit_at_end is CreditAtEnd.REFUND:
        bill = replace(bill, credit_refund_yen=rest_yen, forfeited_yen=lost)
    else:
        bill = replace(bill, forfeited_yen=lost + rest_yen)
    return replace(closed, credit=()), (bill,)


def _served_unpaid(view: Situation, before: Subscription, on: date) -> tuple[QuoteLine, ...]:
    """Charge the days of a cycle whose charge was moved to a later day, and never comes now."""
    if not _runs_unpaid(view, before, on):
        return ()
    cycle = cycle_days(before, before.next_cycle)
    rule = view.rules.change.proration
    used_until = unused_from(Account(), on=on, rule=rule)
    served = Period(cycle.start, min(used_until, cycle.end))
    nominal = cycle_period(anchor=before.anchor, interval=before.interval, cycle=before.next_cycle)
    # The same number of days, counted from the cycle's end, as every share of a cycle is.
    begins_on = nominal.end - timedelta(days=served.days)
    return tuple(
        open_day_line(terms, begins_on, nominal, served, rule)
        for terms in terms_of_parts(view, before, cycle.start).values()
    )


def _runs_unpaid(view: Situation, before: Subscription, on: date) -> bool:
    """Tell whether days of the next cycle were served, and its charge waits for a later day."""
    waits = before.next_on is not None and before.state is SubscriptionState.ACTIVE
    begun = waits and cycle_days(before, before.next_cycle).start < on
    return begun and view.invoiced_cycle != before.next_cycle


def _given_back(
    view: Situation, account: Account, before: Subscription, fact: Canceled
) -> tuple[QuoteLine, ...]:
    if fact.refund is Refund.FULL:
        if _runs_unpaid(view, before, fact.on):
            return ()  # what was received was for a cycle that is over
        plan = view.catalogue.plan(before.plan_code)
        return tuple(_whole(plan, each) for each in account.received)
    rule, pause = view.rules.change.proration, before.pause
    if pause is None:
        from_day = unused_from(account, on=fact.on, rule=rule)
    else:
        from_day = min(fact.on, pause.began_on)  # banked days were not served, not one of them
    parts = account.parts if pause is None or pause.banks_days else ()
    lines = unused_lines(parts, on=from_day, rule=rule)
    if fact.refund is Refund.PRORATED:
        return lines
    # Not given back, but said: the customer sees what the unused days are worth.
    lost = [forfeited_line(-line.amount_yen, line.tax_category) for line in lines]
    return (*lines, *lost)


def _whole(plan: Plan, received: TaxedYen) -> QuoteLine:
    yen = received.amount_yen
    return QuoteLine(
        kind="credit",
        text_ja=f"{plan.name_ja}: 今期のお支払い分{yen_ja(yen)}を全額返金",
        text_en=f"{plan.name_en}: less all that was paid for this period, {yen_en(yen)}",
        amount_yen=-yen,
        tax_category=received.tax_category,
    )


def _fee(view: Situation, before: Subscription, fact: Canceled) -> tuple[QuoteLine, ...]:
    if not fact.fee_yen:
        return ()
    fee = leaving_fee(view, before, on=fact.on)
    if fee.yen != fact.fee_yen:
        # What was agreed counts, whatever the formula would say by now.
        words = f"解約料 {yen_ja(fact.fee_yen)}", f"Cancellation fee: {yen_en(fact.fee_yen)}"
        category = _fee_category(view, before, fact.on)
        return (QuoteLine("cancellation_fee", *words, fact.fee_yen, category),)
    line = QuoteLine("cancellation_fee", fee.words_ja, fee.words_en, fee.yen, fee.tax_category)
    return (line,)


def _fee_category(view: Situation, before: Subscription, on: date) -> TaxCategory:
    terms = agreed(view.catalogue, before, on=on).price.cancellation
    return TaxCategory.OUT_OF_SCOPE if terms is None else terms.tax_category
