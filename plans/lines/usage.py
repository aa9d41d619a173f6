"""Metered use: idempotent records in, one quantity per cycle out, billed in arrears.

UsageRefused
├── NegativeUsage      a record of less than nothing
├── UsageOutOfWindow   before the subscription, after its end, in the future, or too late
├── UsageConflict      a known id that now says something else
└── WrongMeter         a record of another meter

A record counts in the cycle its day lies in, however late it comes. What comes after that cycle
was invoiced makes a line of its own on the next invoice: the difference to what was billed. It only
adds: a level that fell after the invoice (`last`) makes no negative line, for a coupon may have
paid a part of it and the next cycle may cost less than that. `usage_overbilled` tells it instead,
and staff refund what was really paid.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import reduce
from itertools import pairwise
from types import MappingProxyType
from typing import assert_never

from plans.calendar import Period
from plans.catalogue.price_models import (
    EXACT,
    Aggregation,
    Amount,
    UsageTerms,
    amount_of,
)
from plans.errors import BadInput
from plans.money_words import DECIMALS_MAX, decimals, plain

__all__ = [
    "BilledUsage",
    "NegativeUsage",
    "UsageCharge",
    "UsageConflict",
    "UsageLog",
    "UsageOutOfWindow",
    "UsageRecord",
    "UsageRefused",
    "UsageWindow",
    "WrongMeter",
    "record_usage",
    "usage_due",
    "usage_overbilled",
    "used_in",
]

# Far above any meter.
_QUANTITY_MAX = Decimal(10) ** 12


@dataclass(frozen=True, slots=True)
class UsageRecord:
    """So much of a meter, at an instant that lies on the merchant's civil date `on`.

    `id` is the sender's and makes the record idempotent within a subscription.
    """

    id: str
    meter: str
    quantity: Decimal
    at: datetime
    on: date


@dataclass(frozen=True, slots=True)
class UsageWindow:
    """The days a record may tell of: from `first` to `last`, both included.

    One that is not open takes no new record at all, as long after the end of a subscription.
    """

    first: date
    last: date
    is_open: bool = True

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise BadInput(
                field="last",
                value=self.last.isoformat(),
                rule=f"is before the first day of the window ({self.first.isoformat()})",
                remedy="correct one of the two, or close the window with is_open=False",
            )

    @classmethod
    def of(
        cls, *, terms: UsageTerms, started_on: date, ended_on: date | None, received_on: date
    ) -> UsageWindow:
        """Give the window on the day of receipt; `ended_on` is the first day after the end."""
        first = max(started_on, received_on - timedelta(days=terms.late_days))
        ended = received_on if ended_on is None else ended_on - timedelta(days=1)
        last = min(received_on, ended)
        return cls(first, last) if first <= last else cls(last, last, is_open=False)


@dataclass(frozen=True, slots=True)
class UsageLog:
    """All accepted records of one subscription, by id."""

    records: Mapping[str, UsageRecord] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class BilledUsage:
    """What earlier invoices took for the use of one period, before coupons.

    Corrections are entries of their own; what staff gave back is one below 0.
    """

    period: Period
    amount_yen: int


@dataclass(frozen=True, slots=True)
class UsageCharge:
    """What one invoice takes for the use of one period: `amount` less `billed_yen`, never below 0.

    `late` tells a correction of a period that was invoiced before.
    """

    meter: str
    period: Period
    amount: Amount
    billed_yen: int = 0
    late: bool = False

    @property
    def amount_yen(self) -> int:
        """Whole yen to bill now."""
        return max(0, self.amount.yen - self.billed_yen)

    @property
    def overbilled_yen(self) -> int:
        """Whole yen that were billed and, by the records of today, should not have been."""
        return max(0, self.billed_yen - self.amount.yen)


class UsageRefused(BadInput):
    """A record that is not taken."""


class NegativeUsage(UsageRefused):
    """A record of less than nothing."""


class UsageOutOfWindow(UsageRefused):
    """The record's day is before the subscription, after its end, in the future, or too late."""


class UsageConflict(UsageRefused):
    """A record of this id was taken, and it said something else."""


class WrongMeter(UsageRefused):
    """The record is of a meter that the price does not charge."""


def record_usage(
    log: UsageLog, record: UsageRecord, *, terms: UsageTerms, window: UsageWindow
) -> UsageLog:
    """Take a record; the same record again gives the same log, whenever it comes.

    Raises UsageConflict, WrongMeter, NegativeUsage or UsageOutOfWindow.
    """
    known = log.records.get(record.id)
    if known == record:
        return log
    if known is not None:
        raise UsageConflict(
            field="id",
            value=record.id,
            rule=f"is taken: {plain(known.quantity)} on {known.on.isoformat()}",
            remedy="send a correction under an id of its own",
        )
    _check_record(record, terms, window)
    return UsageLog(MappingProxyType({**log.records, record.id: record}))


def used_in(*, log: UsageLog, terms: UsageTerms, period: Period) -> Decimal:
    """Aggregate the records of one period; 0 without any. Their order of arrival is no matter."""
    return _aggregate([record for record in log.records.values() if record.on in period], terms)


def usage_due(
    *,
    log: UsageLog,
    terms: UsageTerms,
    ended: Sequence[Period],
    billed: Iterable[BilledUsage],
) -> tuple[UsageCharge, ...]:
    """Give what the next invoice takes: `ended` are the cycles that are over, oldest first.

    One that is not among `billed` is charged whole, even for 0 yen; one that is, only when late
    records raised its amount. Once invoiced, add what was charged to `billed`. Raises BadInput for
    periods that share a day.
    """
    charges = _compared(log, terms, ended, billed)
    return tuple(charge for charge in charges if charge.amount_yen or not charge.late)


def usage_overbilled(
    *,
    log: UsageLog,
    terms: UsageTerms,
    ended: Sequence[Period],
    billed: Iterable[BilledUsage],
) -> tuple[UsageCharge, ...]:
    """Give the invoiced cycles whose use fell afterwards, each with its `overbilled_yen`.

    It is for a person to give back, as far as it was paid, and then an entry of `billed` below 0.
    """
    charges = _compared(log, terms, ended, billed)
    return tuple(charge for charge in charges if charge.overbilled_yen)


def _compared(
    log: UsageLog, terms: UsageTerms, ended: Sequence[Period], billed: Iterable[BilledUsage]
) -> list[UsageCharge]:
    """Set what the records say of each period against what was billed for it."""
    before: dict[Period, int] = {}
    for entry in billed:
        before[entry.period] = before.get(entry.period, 0) + entry.amount_yen
    _check_apart(ended, before)
    return [
        UsageCharge(
            meter=terms.meter,
            period=period,
            amount=amount_of(terms, usage=used_in(log=log, terms=terms, period=period)),
            billed_yen=before.get(period, 0),
            late=period in before,
        )
        for period in ended
    ]


def _check_apart(ended: Sequence[Period], before: Mapping[Period, int]) -> None:
    """Refuse periods that share a day: its use would be billed twice."""
    repeated = [period for period, times in Counter(ended).items() if times > 1]
    for first, second in pairwise(sorted({*ended, *before})):
        if second.start < first.end:
            repeated.append(second)
    if repeated:
        raise BadInput(
            field="ended",
            value=repeated[0].text_en,
            rule="overlaps another period that is over or was billed",
            remedy="give each period once, with the very days it was billed with",
        )


def _aggregate(records: Sequence[UsageRecord], terms: UsageTerms) -> Decimal:
    match terms.aggregation:
        case Aggregation.SUM:
            return reduce(EXACT.add, (record.quantity for record in records), Decimal(0))
        case Aggregation.MAX:
            return max((record.quantity for record in records), default=Decimal(0))
        case Aggregation.LAST:
            # Two records of one instant: the id decides, so arrival does not.
            last = max(records, key=lambda record: (record.at, record.id), default=None)
            return Decimal(0) if last is None else last.quantity
        case _:
            assert_never(terms.aggregation)


def _check_record(record: UsageRecord, terms: UsageTerms, window: UsageWindow) -> None:
    if record.meter != terms.meter:
        raise WrongMeter(
            field="meter",
            value=record.meter,
            rule=f"this price charges {terms.meter!r}",
            remedy="send it to the subscription that has this meter",
        )
    if not record.quantity.is_finite() or not 0 <= record.quantity <= _QUANTITY_MAX:
        raise NegativeUsage(
            field="quantity",
            value=str(record.quantity),
            rule=f"a quantity lies between 0 and {_QUANTITY_MAX}",
            remedy="send what was used; what was sent in error is settled by staff",
        )
    if decimals(record.quantity) > DECIMALS_MAX:
        raise BadInput(
            field="quantity",
            value=str(record.quantity),
            rule=f"a quantity has at most {DECIMALS_MAX} decimals",
            remedy="round it where it is measured",
        )
    if record.at.tzinfo is None:
        raise BadInput(
            field="at",
            value=record.at.isoformat(),
            rule="an instant has a time zone",
            remedy="add the offset, as in 2026-11-22T09:00:00+09:00",
        )
    if not (window.is_open and window.first <= record.on <= window.last):
        days = f"for {window.first} to {window.last}"
        raise UsageOutOfWindow(
            field="on",
            value=record.on.isoformat(),
            rule=f"records are taken {days}" if window.is_open else "records are taken no more",
            remedy="check the date; what is too late is settled by staff",
        )
