"""Pieces of paid time: days that were bought together. They are cut, moved and given back here.

A subscriber can hold several at once: a cycle that runs, days a moved anchor added, a cycle that
was paid ahead. Each keeps the length of the cycle it was priced by, so a day keeps its price.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta

from billing.quotes.values import Account, PaidPart, QuoteLine
from plans import ChangeDay, LineWords, PaidTime, Period, ProrationRule, unused_share

__all__ = ["cut", "moved", "unserved", "unused_from", "unused_lines"]


def unused_from(account: Account, *, on: date, rule: ProrationRule) -> date:
    """Give the first day that a change on a date leaves unused, by the merchant's `change_day`.

    A day belongs to one agreement only: once a new cycle began on it, the old one had that day,
    and nothing of the new one is used.
    """
    closed = account.closed
    begun = closed is not None and closed.on == on
    if rule.change_day is ChangeDay.NEW or (
        begun and all(on <= part.time.starts_on for part in account.parts)
    ):
        return on
    return on + timedelta(days=1)


def unused_lines(
    parts: Iterable[PaidPart], *, on: date, rule: ProrationRule
) -> tuple[QuoteLine, ...]:
    """Give back the paid days from `on` on, a line for each part that has any."""
    lines = []
    for part in parts:
        time = part.time
        if on >= time.cycle.end:
            continue
        starts_on = max(on, time.starts_on)
        share = unused_share(time, on=starts_on, rule=rule)
        words = LineWords.credit(time.terms.name_ja, time.terms.name_en, share)
        lines.append(
            QuoteLine(
                kind="credit",
                text_ja=words.text_ja,
                text_en=words.text_en,
                amount_yen=-share.amount_yen,
                tax_category=time.terms.tax_category,
                period=Period(starts_on, time.cycle.end),
            )
        )
    return tuple(line for line in lines if line.amount_yen)


def unserved(parts: Iterable[PaidPart], *, on: date) -> tuple[PaidPart, ...]:
    """Keep the parts that have a day from `on` on."""
    return tuple(part for part in parts if on < part.time.cycle.end)


def cut(
    parts: Sequence[PaidPart], *, ends: date, rule: ProrationRule
) -> tuple[tuple[PaidPart, ...], tuple[QuoteLine, ...]]:
    """End all paid time on `ends`: what is left of it, and the lines that give the rest back."""
    left = []
    for part in parts:
        time = part.time
        if time.cycle.end <= ends:
            left.append(part)
        elif time.starts_on < ends:
            back_yen = unused_share(time, on=ends, rule=rule).amount_yen
            # The same length of cycle, so that its days keep their price.
            cycle = Period(ends - timedelta(days=time.cycle.days), ends)
            time = replace(time, cycle=cycle, paid_yen=time.paid_yen - back_yen, same_day=None)
            left.append(replace(part, time=time))
    return tuple(left), unused_lines(parts, on=ends, rule=rule)


def moved(
    parts: Iterable[PaidPart], *, on: date, to: date, rule: ProrationRule
) -> tuple[PaidPart, ...]:
    """Let the days from `on` on be served from `to` on instead, paid as they were."""
    later = to - on
    return tuple(
        replace(part, time=_moved(part.time, max(on, part.time.starts_on), later, rule))
        for part in unserved(parts, on=on)
    )


def _moved(time: PaidTime, starts_on: date, later: timedelta, rule: ProrationRule) -> PaidTime:
    return replace(
        time,
        cycle=Period(time.cycle.start + later, time.cycle.end + later),
        starts_on=starts_on + later,
        paid_yen=unused_share(time, on=starts_on, rule=rule).amount_yen,
        same_day=None,
    )
