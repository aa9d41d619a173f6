"""The money of time that is cut off, added, banked or given back: moved calendars and pauses.

The amounts are the two shares of `plans`: `unused_share` gives back, `days_share` charges.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

from billing.quotes.agreed import add_on_terms, agreed, plan_terms
from billing.quotes.bills import Bill, BillPurpose, billed
from billing.quotes.ending import unused_lines
from billing.quotes.values import Account, OpenDays, PaidPart, QuoteLine, Situation
from plans import (
    ChangeEffect,
    NegativeResult,
    PaidTime,
    Period,
    Terms,
    cycle_period,
    days_share,
    formula_en,
    formula_ja,
    unused_share,
)
from plans.lifecycle import AnchorChanged, Paused, Resumed, ResumeMode, Subscription

__all__ = ["Outcome", "anchor_changed", "paused", "resumed"]

Outcome = tuple[Account, tuple[Bill, ...]]


def anchor_changed(
    view: Situation, account: Account, before: Subscription, fact: AnchorChanged
) -> Outcome:
    """Settle the days that a moved anchor adds to the running period, or cuts from it."""
    if not fact.bridge_days or not account.parts or fact.paid_through is None:
        return account, ()
    if fact.bridge_days < 0:
        return _cut(view, account, fact, fact.paid_through), ()
    reached = fact.paid_through + timedelta(days=fact.bridge_days)
    length = cycle_period(
        anchor=before.anchor, interval=before.interval, cycle=before.next_cycle
    ).days
    nominal = Period(reached - timedelta(days=length), reached)
    lines, yen = _open_day_lines(view, account.parts, nominal, fact.paid_through)
    parts = tuple(_stretched(part, nominal, yen.get(part.add_on, 0)) for part in account.parts)
    return _open_days_billed(view, replace(account, parts=parts), lines, fact.on)


def _cut(view: Situation, account: Account, fact: AnchorChanged, ends: date) -> Account:
    """Credit the days that are cut off; the invoice of the cycle that begins then takes it."""
    lines = unused_lines(account.parts, on=ends, rule=view.rules.change.proration)
    waiting = (*account.waiting, *lines)
    if ends <= fact.on:
        return replace(account, parts=(), waiting=waiting)
    rule = view.rules.change.proration
    parts = []
    for part in account.parts:
        time = part.time
        left_yen = time.paid_yen
        if ends in time.cycle and ends > time.starts_on:
            left_yen -= unused_share(time, on=ends, rule=rule).amount_yen
        start = min(time.starts_on, ends - timedelta(days=time.cycle.days))
        cut = replace(time, cycle=Period(start, ends), paid_yen=left_yen, same_day=None)
        parts.append(PaidPart(part.add_on, cut))
    return replace(account, parts=tuple(parts), waiting=waiting)


def _stretched(part: PaidPart, nominal: Period, added_yen: int) -> PaidPart:
    """Let paid time reach a later end, as days of a cycle of nominal length that ends there."""
    time = part.time
    paid_yen = min(time.paid_yen + added_yen, time.terms.side.cycle_yen)
    starts_on = max(time.starts_on, nominal.start)
    return PaidPart(part.add_on, PaidTime(nominal, starts_on, time.terms, paid_yen))


def paused(view: Situation, account: Account, fact: Paused) -> Outcome:
    """Paid days are banked, and nothing moves; or they are given up, and that is said."""
    pause = fact.pause
    rule = view.rules.change.proration
    lines = unused_lines(account.parts, on=pause.began_on, rule=rule)
    if pause.banks_days:
        return account, ()
    account = replace(account, parts=())
    if not lines:
        return account, ()
    account, bill = billed(
        account,
        lines,
        on=pause.began_on,
        purpose=BillPurpose.CHANGE,
        negative=NegativeResult.FORFEIT,
        rules=view.rules,
    )
    return account, (bill,)


def resumed(
    view: Situation, account: Account, before: Subscription, after: Subscription, fact: Resumed
) -> Outcome:
    """Banked days are served, then credited; open days until the next cycle are charged."""
    pause = before.pause
    began_on = fact.on if pause is None else pause.began_on
    banked = account.parts if pause is not None and pause.banked_days else ()
    credits = _banked_credit(view, banked, fact.credit_days)
    nominal = _around_resume(after, fact)
    if nominal is None:
        return replace(account, parts=(), waiting=(*account.waiting, *credits)), ()
    terms = _terms_of_parts(view, after, fact.on)
    opens_on = nominal.end - timedelta(days=fact.open_days)
    bought = tuple(PaidPart(code, PaidTime(nominal, fact.on, t, 0)) for code, t in terms.items())
    lines, open_yen = _open_day_lines(view, bought, nominal, opens_on)
    parts = []
    for part in bought:
        value_yen = _banked_yen(view, banked, part.add_on, began_on, fact.credit_days)
        paid_yen = min(value_yen + open_yen.get(part.add_on, 0), part.time.terms.side.cycle_yen)
        parts.append(replace(part, time=replace(part.time, paid_yen=paid_yen)))
    account = replace(account, parts=tuple(parts), waiting=(*account.waiting, *credits))
    return _open_days_billed(view, account, lines, fact.on)


def _around_resume(after: Subscription, fact: Resumed) -> Period | None:
    """Give the nominal cycle around the days until the next one; None when there are none."""
    if fact.period is None or fact.period.start != fact.on or fact.period.end <= fact.on:
        return None
    if fact.mode is ResumeMode.SAME_ANCHOR and fact.next_cycle > 0:
        return cycle_period(anchor=after.anchor, interval=after.interval, cycle=fact.next_cycle - 1)
    length = cycle_period(anchor=after.anchor, interval=after.interval, cycle=fact.next_cycle).days
    ends = fact.period.end
    return Period(min(fact.on, ends - timedelta(days=length)), ends)


def _terms_of_parts(view: Situation, after: Subscription, on: date) -> dict[str | None, Terms]:
    terms = agreed(view.catalogue, after, on=on)
    recurring = (entry for entry in terms.add_ons if entry.add_on.recurring)
    return {None: plan_terms(terms, after.quantity)} | {
        entry.add_on.code: add_on_terms(entry, terms) for entry in recurring
    }


def _open_day_lines(
    view: Situation, parts: Sequence[PaidPart], nominal: Period, on: date
) -> tuple[list[QuoteLine], dict[str | None, int]]:
    """Price the days from `on` to the nominal cycle's end, for each part; nothing when free."""
    if on >= nominal.end or view.rules.open_days is OpenDays.FREE:
        return [], {}
    lines, yen = [], {}
    for part in parts:
        terms = part.time.terms
        share = days_share(terms.side, cycle=nominal, on=on, rule=view.rules.change.proration)
        yen[part.add_on] = share.amount_yen
        lines.append(
            QuoteLine(
                kind="open_days",
                text_ja=f"{terms.name_ja}: 次の期間までの日割り {formula_ja(share)}",
                text_en=f"{terms.name_en}: days until the next period: {formula_en(share)}",
                amount_yen=share.amount_yen,
                tax_category=terms.tax_category,
                period=Period(on, nominal.end),
            )
        )
    return lines, yen


def _open_days_billed(
    view: Situation, account: Account, lines: Sequence[QuoteLine], on: date
) -> Outcome:
    if not lines:
        return account, ()
    if view.rules.change.effect is ChangeEffect.NEXT_INVOICE:
        return replace(account, waiting=(*account.waiting, *lines)), ()
    account, bill = billed(
        account,
        lines,
        on=on,
        purpose=BillPurpose.OPEN_DAYS,
        negative=view.rules.change.negative,
        rules=view.rules,
    )
    return account, (bill,)


def _banked_credit(
    view: Situation, banked: Sequence[PaidPart], credit_days: int
) -> tuple[QuoteLine, ...]:
    """Give back the banked days that no day was left to serve: the last ones that were paid."""
    if not credit_days:
        return ()
    rule = view.rules.change.proration
    lines = [
        line
        for part in banked
        for line in unused_lines(
            [part], on=part.time.cycle.end - timedelta(days=credit_days), rule=rule
        )
    ]
    return tuple(lines)


def _banked_yen(
    view: Situation,
    banked: Sequence[PaidPart],
    add_on: str | None,
    began_on: date,
    credit_days: int,
) -> int:
    """Say what the days that are served after the pause were paid with."""
    rule = view.rules.change.proration
    yen = 0
    for part in banked:
        time = part.time
        if part.add_on != add_on or began_on >= time.cycle.end:
            continue
        yen = unused_share(time, on=max(began_on, time.starts_on), rule=rule).amount_yen
        credited_on = max(time.starts_on, time.cycle.end - timedelta(days=credit_days))
        if credit_days:
            yen -= unused_share(time, on=credited_on, rule=rule).amount_yen
    return max(0, yen)
