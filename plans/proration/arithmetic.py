"""What a change in the middle of a period costs (日割り): whole days, one rounding, named settings.

The credit gives back the unused days of the old terms, the charge takes the same days of the new
ones. Which conventions there are, and why each is a setting: `proration_rule`. Everything is whole
numbers: multiply first, divide and round once. Words are written only when they are read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import NamedTuple

from plans.calendar import Period
from plans.errors import BadInput
from plans.proration.rule import (
    ProrationRule,
    Side,
    days_price,
    days_price_without_lid,
    divisor_days,
    takes_effect,
)
from plans.proration.words import Share, explain_en, explain_ja
from plans.rounding import Rounding

__all__ = ["Chain", "ChainLine", "Change", "Proration", "chain", "prorate"]

_DEFAULT_RULE = ProrationRule()


class Proration(NamedTuple):
    """The cost of one change; `days` is the divisor used, `days_left` the days of the new terms.

    `paid_yen` is what was paid for the whole period of the old terms; None means their price.
    A named tuple, because making a frozen dataclass would take longer than the arithmetic.
    """

    period: Period
    change_on: date
    old: Side | None
    new: Side | None
    rule: ProrationRule
    paid_yen: int | None
    days: int
    days_left: int
    credit_yen: int
    charge_yen: int

    @property
    def net_yen(self) -> int:
        """What is to be paid; below 0 the customer keeps that much."""
        return self.charge_yen - self.credit_yen

    @property
    def effective_on(self) -> date:
        """The first day of the new terms; the period's end when no day of them is left."""
        return takes_effect(self.change_on, self.rule)

    @property
    def exact_credit_yen(self) -> Fraction:
        """The credit before it was rounded."""
        return Fraction(self._credit_base_yen * self.days_left, self.days)

    @property
    def exact_charge_yen(self) -> Fraction:
        """The charge before it was rounded."""
        return Fraction(self.new.cycle_yen * self.days_left if self.new else 0, self.days)

    @property
    def explain_ja(self) -> str:
        """Explain both amounts and their difference in Japanese."""
        return explain_ja(credit=self._credit_share, charge=self._charge_share)

    @property
    def explain_en(self) -> str:
        """Explain both amounts and their difference in English."""
        return explain_en(credit=self._credit_share, charge=self._charge_share)

    @property
    def _credit_base_yen(self) -> int:
        if self.old is None:
            return 0
        return self.old.cycle_yen if self.paid_yen is None else self.paid_yen

    @property
    def _credit_share(self) -> Share | None:
        if self.old is None:
            return None
        rounding = self.rule.credit_rounding
        return self._share(self.old, self._credit_base_yen, rounding, self.credit_yen)

    @property
    def _charge_share(self) -> Share | None:
        if self.new is None:
            return None
        return self._share(self.new, self.new.cycle_yen, self.rule.rounding, self.charge_yen)

    def _share(self, side: Side, base_yen: int, rounding: Rounding, amount_yen: int) -> Share:
        how, days, left = self.rule.round_at, self.days, self.days_left
        capped = amount_yen < days_price_without_lid(base_yen, left, days, how, rounding)
        paid_yen = None if base_yen == side.cycle_yen else base_yen
        return Share(side, left, days, how, rounding, amount_yen, capped, paid_yen)


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
    paid_yen: int | None = None,
) -> Proration:
    """Work out credit and charge of one change; None stands for "nothing before" or "after".

    `paid_yen` is what was really paid for the period of the old terms, after discounts; the
    credit is a share of that. Left out, the price was paid. Neither amount exceeds price ×
    quantity. Raises BadInput for a change outside the period, both sides None, a 30-day divisor
    over a period longer than 31 days, or a payment outside 0 to price × quantity.
    """
    days = divisor_days(period, rule)
    if not period.start <= change_on < period.end:
        raise _outside(period, change_on, field="change_on")
    left = (period.end - takes_effect(change_on, rule)).days
    credit_yen = charge_yen = 0
    if old is not None:
        base_yen = old.cycle_yen if paid_yen is None else _checked_payment(paid_yen, old)
        credit_yen = days_price(base_yen, left, days, rule.round_at, rule.credit_rounding)
    elif new is None or paid_yen is not None:
        raise _no_old_side(new, paid_yen)
    if new is not None:
        charge_yen = days_price(new.cycle_yen, left, days, rule.round_at, rule.rounding)
    return Proration(
        period, change_on, old, new, rule, paid_yen, days, left, credit_yen, charge_yen
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
    days = divisor_days(period, rule)
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
        paid_yen = days_price(side.cycle_yen, left, days, rule.round_at, rule.rounding)
    unused = (period.end - span.end).days
    credit_yen = days_price(side.cycle_yen, unused, days, rule.round_at, rule.credit_rounding)
    # Never more than was paid for that time: with a generous credit rounding, a yen could
    # otherwise be given back that a strict rounding never took.
    return paid_yen - min(paid_yen, credit_yen)


def _spans(
    period: Period, start: Side, changes: Sequence[Change], rule: ProrationRule
) -> tuple[tuple[date, Side], ...]:
    """List the dates from which a side is in force, equal neighbours merged."""
    in_force = {period.start: start}
    in_force.update((takes_effect(change.on, rule), change.to) for change in changes)
    in_force.pop(period.end, None)  # It takes effect after the last day, so not in this period.
    spans: list[tuple[date, Side]] = []
    for begins, side in in_force.items():
        if not spans or spans[-1][1] != side:
            spans.append((begins, side))
    return tuple(spans)


def _checked_payment(paid_yen: int, old: Side) -> int:
    if 0 <= paid_yen <= old.cycle_yen:
        return paid_yen
    raise BadInput(
        field="paid_yen",
        value=paid_yen,
        rule=f"what was paid for the old terms lies between 0 and their price, {old.cycle_yen} yen",
        remedy="give the amount after discounts, or leave it out when the price was paid",
    )


def _no_old_side(new: Side | None, paid_yen: int | None) -> BadInput:
    if new is None:
        return BadInput(
            field="old",
            value=None,
            rule="a change has an old or a new side",
            remedy="give at least one of old and new",
        )
    return BadInput(
        field="paid_yen",
        value=paid_yen,
        rule="without old terms nothing was paid for them",
        remedy="give the old side too, or leave paid_yen out",
    )


def _outside(period: Period, on: date, *, field: str) -> BadInput:
    return BadInput(
        field=field,
        value=on.isoformat(),
        rule=f"a change lies in the period, from {period.start.isoformat()} "
        f"to {period.last_day.isoformat()}",
        remedy="give a date in it",
    )


def _check_changes(period: Period, changes: Sequence[Change]) -> None:
    for index, change in enumerate(changes):
        if change.on not in period:
            raise _outside(period, change.on, field=f"changes[{index}].on")
        if index and change.on < changes[index - 1].on:
            raise BadInput(
                field=f"changes[{index}].on",
                value=change.on.isoformat(),
                rule=f"changes ascend, and the one before is on {changes[index - 1].on}",
                remedy="sort the changes by date",
            )
