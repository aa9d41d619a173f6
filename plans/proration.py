"""What a change in the middle of a period costs (日割り): whole days, one rounding, named settings.

The credit gives back the unused days of the old terms, the charge takes the same days of the new
ones. Which conventions there are, and why each is a setting: `proration_rule`. Fractions of a yen
exist only inside this module.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

from plans.calendar import Period
from plans.errors import BadInput
from plans.proration_rule import ChangeDay, Divisor, ProrationRule, RoundAt, Side
from plans.proration_words import Share, explain_en, explain_ja
from plans.rounding import Rounding, round_yen

__all__ = ["Chain", "ChainLine", "Change", "Proration", "chain", "prorate"]

# A fixed 30-day divisor speaks of months; over a longer period it would mean nothing.
_LONGEST_MONTH_DAYS = 31
_DEFAULT_RULE = ProrationRule()


@dataclass(frozen=True, slots=True)
class Proration:
    """The cost of one change; `days` is the divisor used, `days_left` the days of the new terms."""

    days: int
    days_left: int
    credit_yen: int
    charge_yen: int
    explain_ja: str
    explain_en: str

    @property
    def net_yen(self) -> int:
        """What is to be paid; below 0 the customer keeps that much."""
        return self.charge_yen - self.credit_yen


@dataclass(frozen=True, slots=True)
class Change:
    """From `on` (or the day after, by the rule) the terms are `to`."""

    on: date
    to: Side


@dataclass(frozen=True, slots=True)
class ChainLine:
    """The days one side was in force, and what they cost."""

    period: Period
    side: Side
    amount_yen: int


@dataclass(frozen=True, slots=True)
class Chain:
    """What a period costs after all changes; `total_yen` is the sum of the lines."""

    lines: tuple[ChainLine, ...]
    total_yen: int


def prorate(
    *,
    period: Period,
    change_on: date,
    old: Side | None,
    new: Side | None,
    rule: ProrationRule = _DEFAULT_RULE,
) -> Proration:
    """Work out credit and charge of one change; None stands for "nothing before" or "after".

    Neither amount exceeds price × quantity. Raises BadInput for a change outside the period, both
    sides None, or a 30-day divisor over a period longer than 31 days.
    """
    days = _divisor_days(period, rule)
    _check_inside(period, change_on, field="change_on")
    if old is None and new is None:
        raise BadInput(
            field="old",
            value=None,
            rule="a change has an old or a new side",
            remedy="give at least one of old and new",
        )
    left = (period.end - _takes_effect(change_on, rule)).days
    credit = _share(old, left, days, rule.round_at, rule.credit_rounding)
    charge = _share(new, left, days, rule.round_at, rule.rounding)
    return Proration(
        days=days,
        days_left=left,
        credit_yen=credit.amount_yen if credit else 0,
        charge_yen=charge.amount_yen if charge else 0,
        explain_ja=explain_ja(credit=credit, charge=charge),
        explain_en=explain_en(credit=credit, charge=charge),
    )


def chain(
    *,
    period: Period,
    start: Side,
    changes: Sequence[Change],
    rule: ProrationRule = _DEFAULT_RULE,
) -> Chain:
    """Work out what a period costs after a chain of changes.

    Each boundary costs what `prorate` says, so the total stays within one yen per boundary of the
    exact sum (two where the two roundings differ). Several changes of one date count as the last
    of them, and a change that changes nothing makes no boundary. Raises BadInput as `prorate`
    does, and for dates that do not ascend; its field is then `changes[i].on`.
    """
    days = _divisor_days(period, rule)
    _check_changes(period, changes)
    spans = _spans(period, start, changes, rule)
    ends = (*(begins for begins, _ in spans[1:]), period.end)
    lines = tuple(
        ChainLine(
            period=Period(begins, end),
            side=side,
            amount_yen=_span_yen(period, Period(begins, end), side, days, rule),
        )
        for (begins, side), end in zip(spans, ends, strict=True)
    )
    return Chain(lines=lines, total_yen=sum(line.amount_yen for line in lines))


def _span_yen(period: Period, span: Period, side: Side, days: int, rule: ProrationRule) -> int:
    """Price the span of one side: what was charged when it began, less the credit at its end."""
    paid_yen = side.cycle_yen
    if span.start != period.start:
        left = (period.end - span.start).days
        paid_yen = _amount(side, left, days, rule.round_at, rule.rounding)
    unused = (period.end - span.end).days
    credit_yen = _amount(side, unused, days, rule.round_at, rule.credit_rounding)
    # Never more than was paid for that time: with a generous credit rounding, a yen could
    # otherwise be given back that a strict rounding never took.
    return paid_yen - min(paid_yen, credit_yen)


def _spans(
    period: Period, start: Side, changes: Sequence[Change], rule: ProrationRule
) -> tuple[tuple[date, Side], ...]:
    """List the dates from which a side is in force, equal neighbours merged."""
    in_force = {period.start: start}
    in_force.update((_takes_effect(change.on, rule), change.to) for change in changes)
    in_force.pop(period.end, None)  # It takes effect after the last day, so not in this period.
    spans: list[tuple[date, Side]] = []
    for begins, side in in_force.items():
        if not spans or spans[-1][1] != side:
            spans.append((begins, side))
    return tuple(spans)


def _takes_effect(on: date, rule: ProrationRule) -> date:
    return on if rule.change_day is ChangeDay.NEW else on + timedelta(days=1)


def _share(
    side: Side | None, left: int, days: int, round_at: RoundAt, rounding: Rounding
) -> Share | None:
    if side is None:
        return None
    amount_yen = _amount(side, left, days, round_at, rounding)
    capped = amount_yen < _without_lid(side, left, days, round_at, rounding)
    return Share(side, left, days, round_at, rounding, amount_yen, capped)


def _amount(side: Side, left: int, days: int, round_at: RoundAt, rounding: Rounding) -> int:
    """Price `left` of `days` days of a side, never above its whole cycle.

    The lid matters when 31 days are left of a 30-day divisor, or a daily rate was rounded up.
    """
    return min(side.cycle_yen, _without_lid(side, left, days, round_at, rounding))


def _without_lid(side: Side, left: int, days: int, round_at: RoundAt, rounding: Rounding) -> int:
    if round_at is RoundAt.DAILY_RATE:
        return round_yen(Fraction(side.cycle_yen, days), rounding) * left
    return round_yen(Fraction(side.cycle_yen * left, days), rounding)


def _divisor_days(period: Period, rule: ProrationRule) -> int:
    if rule.divisor is Divisor.ACTUAL:
        return period.days
    if period.days > _LONGEST_MONTH_DAYS:
        raise BadInput(
            field="divisor",
            value=rule.divisor.value,
            rule=f"a 30-day divisor goes with periods up to {_LONGEST_MONTH_DAYS} days, "
            f"this one has {period.days}",
            remedy="use divisor actual",
        )
    return 30


def _check_inside(period: Period, on: date, *, field: str) -> None:
    if on not in period:
        raise BadInput(
            field=field,
            value=on.isoformat(),
            rule=f"a change lies in the period, from {period.start.isoformat()} "
            f"to {period.last_day.isoformat()}",
            remedy="give a date in it",
        )


def _check_changes(period: Period, changes: Sequence[Change]) -> None:
    for index, change in enumerate(changes):
        _check_inside(period, change.on, field=f"changes[{index}].on")
        if index and change.on < changes[index - 1].on:
            raise BadInput(
                field=f"changes[{index}].on",
                value=change.on.isoformat(),
                rule=f"changes ascend, and the one before is on {changes[index - 1].on}",
                remedy="sort the changes by date",
            )
