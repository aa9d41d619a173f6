"""The money of time that is cut off, added, banked or given back: moved calendars and pauses.

The amounts are the two shares of `plans`: `unused_share` gives back, `days_share` charges.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta

from billing.quotes.bills import Bill, BillPurpose, billed, forfeited_line
from billing.quotes.open_days import open_day_line, terms_of_parts
from billing.quotes.pieces import cut, moved, unserved, unused_from, unused_lines
from billing.quotes.values import (
    Account,
    ClosedCycle,
    OpenDays,
    PaidPart,
    QuoteLine,
    Situation,
)
from plans import (
    ChangeEffect,
    LineWords,
    NegativeResult,
    PaidTime,
    Period,
    ProrationRule,
    SubscriptionState,
    cycle_period,
    cycle_start,
)
from plans.lifecycle import AnchorChanged, Paused, RestartUndone, Resumed, Subscription

__all__ = ["Outcome", "anchor_changed", "paused", "restart_undone", "resumed"]

Outcome = tuple[Account, tuple[Bill, ...]]

# Days that are open, and the whole cycle by whose length they are priced.
_Slice = tuple[date, Period]


def anchor_changed(
    view: Situation,
    account: Account,
    before: Subscription,
    after: Subscription,
    fact: AnchorChanged,
) -> Outcome:
    """Settle the days that a moved anchor adds to the running period, or cuts from it."""
    if before.state is SubscriptionState.PAUSED:
        return _repriced(view, account, before, after), ()
    if before.state is not SubscriptionState.ACTIVE:
        return account, ()
    rule = view.rules.change.proration
    ends = cycle_start(anchor=fact.anchor, interval=fact.interval, cycle=after.next_cycle)
    kept_until, today = ends, fact.on
    if after.left is not None:
        # Another plan begins the cycle, so today is a day of change; a moved date is none.
        kept_until = today = unused_from(account, on=fact.on, rule=rule)
    parts, credits = cut(account.parts, ends=kept_until, rule=rule)
    account = _remembered(account, fact)
    account = replace(account, waiting=(*account.waiting, *credits))
    account = account.with_parts(unserved(parts, on=today))
    if fact.bridge_days <= 0:
        return account, ()
    length = cycle_period(
        anchor=before.anchor, interval=before.interval, cycle=before.next_cycle
    ).days
    opens_on = ends - timedelta(days=fact.bridge_days)
    nominal = Period(ends - timedelta(days=length), ends)
    return _open_days(view, account, after, [(opens_on, nominal)], fact.on)


def _remembered(account: Account, fact: AnchorChanged) -> Account:
    """Keep what the day's first new cycle closes: going back the same day takes it up again."""
    if account.closed is not None and account.closed.on == fact.on:
        return account
    return replace(account, closed=ClosedCycle(fact.on, account.parts, account.received))


def restart_undone(
    view: Situation, account: Account, after: Subscription, fact: RestartUndone
) -> Outcome:
    """Take a cycle of today back: what it cost comes back, what was credited is taken again."""
    closed, rule = account.closed, view.rules.change.proration
    undone = [_undone_line(part) for part in account.parts]
    lines = [line for line in undone if line.amount_yen]
    if closed is None or closed.on != fact.on:
        # Nobody remembered what was closed, so the days that are left are bought at their price.
        account = replace(account, waiting=(*account.waiting, *lines)).with_parts(())
        nominal = _nominal(after, after.next_cycle - 1, fact.on)
        from_day = unused_from(replace(account, closed=None), on=fact.on, rule=rule)
        slices = [(from_day, nominal)] if from_day < nominal.end else []
        return _open_days(view, account, after, slices, fact.on)
    lines.extend(_restored_lines(closed, rule))
    paid = bool(account.parts)
    account = replace(account, received=closed.received, closed=None).with_parts(closed.parts)
    if not paid:
        # The new cycle was not charged yet; its first invoice would have held the credit.
        return replace(account, waiting=(*account.waiting, *lines)), ()
    if closed.forfeited_yen:
        lines.append(forfeited_line(-closed.forfeited_yen, lines[0].tax_category))
    negative = view.rules.change.negative
    if negative is NegativeResult.FORFEIT:
        negative = NegativeResult.CARRY  # what was taken today is no unused time
    account, bill = billed(
        account,
        lines,
        on=fact.on,
        purpose=BillPurpose.CHANGE,
        negative=negative,
        rules=view.rules,
    )
    return account, (bill,)


def _undone_line(part: PaidPart) -> QuoteLine:
    time = part.time
    words = LineWords.taken_back(time.terms.name_ja, time.terms.name_en, time.paid_yen)
    return QuoteLine(
        "credit", words.text_ja, words.text_en, -time.paid_yen, time.terms.tax_category, time.days
    )


def _restored_lines(closed: ClosedCycle, rule: ProrationRule) -> Iterator[QuoteLine]:
    from_day = unused_from(Account(closed.parts), on=closed.on, rule=rule)
    for part in closed.parts:
        for line in unused_lines([part], on=from_day, rule=rule):
            terms, yen = part.time.terms, -line.amount_yen
            words = LineWords.restored(terms.name_ja, terms.name_en, yen)
            ja, en = words.text_ja, words.text_en
            yield QuoteLine("charge", ja, en, yen, line.tax_category, line.period)


def paused(view: Situation, account: Account, fact: Paused) -> Outcome:
    """Paid days are banked, and nothing moves; or they are given up, and that is said."""
    pause = fact.pause
    rule = view.rules.change.proration
    if pause.banks_days:
        return account, ()
    from_day = unused_from(account, on=pause.began_on, rule=rule)
    lines = unused_lines(account.parts, on=from_day, rule=rule)
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
    rule = view.rules.change.proration
    pause = before.pause
    began_on = fact.on if pause is None else pause.began_on
    banked = account.parts if pause is not None and pause.banks_days else ()
    served_until = began_on + timedelta(days=fact.served_days)
    served, credits = cut(unserved(banked, on=began_on), ends=served_until, rule=rule)
    account = replace(account, waiting=(*account.waiting, *credits))
    account = account.with_parts(moved(served, on=began_on, to=fact.on, rule=rule))
    return _open_days(view, account, after, list(_open_slices(after, fact)), fact.on)


def _open_slices(after: Subscription, fact: Resumed) -> Iterator[_Slice]:
    """Cut the open days at the cycles they lie in, the last ones first."""
    if not fact.open_days:
        return
    cycle = fact.next_cycle
    ends = cycle_start(anchor=after.anchor, interval=after.interval, cycle=cycle)
    opens_on = ends - timedelta(days=fact.open_days)
    while opens_on < ends:
        cycle -= 1
        nominal = _nominal(after, cycle, ends)
        starts_on = max(opens_on, nominal.start)
        yield starts_on, nominal
        ends = nominal.start


def _nominal(after: Subscription, cycle: int, ends: date) -> Period:
    """Give a whole cycle that ends on a date; before the first one, of the first one's length."""
    found = cycle_period(anchor=after.anchor, interval=after.interval, cycle=max(0, cycle))
    return found if cycle >= 0 else Period(ends - timedelta(days=found.days), ends)


def _open_days(
    view: Situation,
    account: Account,
    after: Subscription,
    slices: Sequence[_Slice],
    on: date,
) -> Outcome:
    """Charge days until the next cycle, now or on its invoice; they are held for what they cost."""
    waits = view.rules.change.effect is ChangeEffect.NEXT_INVOICE
    rule = view.rules.change.proration
    lines, parts = [], []
    for code, terms in terms_of_parts(view, after, on).items():
        for starts_on, nominal in sorted(slices, key=lambda each: each[0]):
            line = open_day_line(terms, starts_on, nominal, Period(starts_on, nominal.end), rule)
            yen = 0 if view.rules.open_days is OpenDays.FREE else line.amount_yen
            pending_yen = yen if waits else 0
            parts.append(PaidPart(code, PaidTime(nominal, starts_on, terms, yen, pending_yen)))
            lines.extend([line] if yen else [])
    account = account.with_parts([*account.parts, *parts])
    if not lines:
        return account, ()
    if waits:
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


def _repriced(
    view: Situation, account: Account, before: Subscription, after: Subscription
) -> Account:
    """Turn banked days into days of a plan with another calendar; the next invoice settles it."""
    pause = before.pause
    if pause is None or not pause.banks_days:
        return account
    rule = view.rules.change.proration
    began_on = pause.began_on
    banked = unserved(account.parts, on=began_on)
    if not banked:
        return account
    lines = list(unused_lines(banked, on=began_on, rule=rule))
    ends = max(part.time.cycle.end for part in banked)
    length = cycle_period(anchor=after.anchor, interval=after.interval, cycle=after.next_cycle).days
    parts = []
    for starts_on, nominal in _slices_back(began_on, ends, length):
        for code, terms in terms_of_parts(view, after, began_on).items():
            line = open_day_line(terms, starts_on, nominal, Period(starts_on, nominal.end), rule)
            yen = line.amount_yen
            parts.append(PaidPart(code, PaidTime(nominal, starts_on, terms, yen, yen)))
            lines.append(line)
    waiting = (*account.waiting, *lines)
    return replace(account, waiting=waiting).with_parts(parts)


def _slices_back(starts: date, ends: date, length: int) -> Iterator[_Slice]:
    """Cut days into whole cycles of a length, counted back from their end."""
    while starts < ends:
        nominal = Period(ends - timedelta(days=length), ends)
        yield max(starts, nominal.start), nominal
        ends = nominal.start
