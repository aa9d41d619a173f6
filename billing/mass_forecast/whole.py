"""Totals of a year of charges, slice by slice: nothing is kept but sums and who hits the cap."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import MAXYEAR, date, datetime, timedelta
from heapq import nsmallest
from operator import attrgetter
from types import MappingProxyType

import numpy as np
from sqlalchemy import Connection

from billing.cap.plan import CapPart, CapRule, Verdict
from billing.dates import civil_date
from billing.mass_forecast.cap import VERDICTS, Judged, judge
from billing.mass_forecast.columns import (
    CHARGES_AT_ONCE,
    Horizon,
    Slice,
    pieces,
)
from billing.mass_forecast.reading import read_slices
from billing.store.merchants import Merchant
from billing.views.forecast import MAX_DAYS, DayTotal
from plans import BadInput, Month
from plans.columnar_calendar import Ints, month_numbers

TOP = 20
_OK = VERDICTS.index(Verdict.OK)


@dataclass(frozen=True, slots=True)
class VerdictTotal:
    """Charges of one month that got one verdict, and their yen."""

    charges: int
    amount_yen: int


@dataclass(frozen=True, slots=True)
class MonthTotal:
    """What is due in one calendar month, by what the cap says of it; verdicts are never left out.

    `expected_to_fail_yen` is the part of `amount_yen` that nobody should count on.
    """

    month: Month
    charges: int
    amount_yen: int
    expected_to_fail_yen: int
    by_verdict: MappingProxyType[Verdict, VerdictTotal]


@dataclass(frozen=True, slots=True)
class CapHit:
    """The first charge of a permission that the cap does not take whole on its day.

    `subscription` and `permission` are row numbers; `parts` say when the charge is made instead.
    """

    on: date
    permission: int
    subscription: int
    amount_yen: int
    verdict: Verdict
    parts: tuple[CapPart, ...]


@dataclass(frozen=True, slots=True)
class MassForecast:
    """Totals from `first` to `last`, both included.

    `months` go by the day a charge is due, `days` by the day money moves (parts moved past `last`
    are there too). Of the `permissions` with charges `tight` ones hit the cap: in some month they
    are asked for more than its room. `planned_singly` of these needed `plan_charges`; `hits` are
    the earliest of them.
    """

    first: date
    last: date
    subscriptions: int
    permissions: int
    tight: int
    planned_singly: int
    months: tuple[MonthTotal, ...]
    days: tuple[DayTotal, ...]
    hits: tuple[CapHit, ...]

    @property
    def charges(self) -> int:
        """How many charges are due."""
        return sum(month.charges for month in self.months)

    @property
    def amount_yen(self) -> int:
        """What is due, whether or not the cap takes it."""
        return sum(month.amount_yen for month in self.months)


def forecast_in_mass(
    connection: Connection, merchant: Merchant, *, at: datetime, days: int, top: int = TOP
) -> MassForecast:
    """Totals of `forecast(connection, merchant, at=at, days=days)` with flat memory.

    `top` says how many cap hits are kept. Raises as `forecast` does.
    """
    first = civil_date(at=at, timezone=merchant.timezone)
    horizon = horizon_of(first=first, days=days)
    slices = read_slices(connection, merchant, horizon)
    return forecast_of_slices(slices, horizon=horizon, rule=merchant.cap_rule, top=top)


def forecast_of_slices(
    slices: Iterable[Slice], *, horizon: Horizon, rule: CapRule, top: int = TOP
) -> MassForecast:
    """Totals of agreements that are given as columns; each permission lies in one slice.

    Raises BadInput for columns at fault, and what `plan_charges` raises.
    """
    judged = (piece for each in slices for piece in judged_pieces(each, horizon=horizon, rule=rule))
    return totals_of(judged, horizon=horizon, top=top)


def judged_pieces(
    whole: Slice, *, horizon: Horizon, rule: CapRule, at_most: int = CHARGES_AT_ONCE
) -> Iterator[Judged]:
    """Every charge of a slice with its verdict, in pieces of about `at_most` charges."""
    for piece, charges in pieces(whole, horizon=horizon, at_most=at_most):
        yield judge(piece=piece, charges=charges, horizon=horizon, rule=rule)


def horizon_of(*, first: date, days: int) -> Horizon:
    """From `first` to `days` days later; raises BadInput for days outside 0 to 3660."""
    if not 0 <= days <= MAX_DAYS:
        raise BadInput(
            field="days",
            value=days,
            rule=f"a forecast looks from 0 to {MAX_DAYS} days ahead",
            remedy="ask for fewer days",
        )
    return Horizon(first, first + timedelta(days=days))


@dataclass(slots=True)
class _Sums:
    """Running totals; their size depends on the horizon, never on the number of rows."""

    horizon: Horizon
    by_month: Ints = field(init=False)  # [(charges, yen, failing yen), month and verdict]
    by_day: Ints = field(init=False)  # [(parts, yen, failing yen), day]
    # The same of 1sts of months, as what begins to be added and what ceases to be.
    on_firsts: Ints = field(init=False)
    hits: list[CapHit] = field(default_factory=list)
    subscriptions: int = 0
    permissions: int = 0
    tight: int = 0
    planned_singly: int = 0

    def __post_init__(self) -> None:
        self.by_month = np.zeros((3, self.horizon.months * len(VERDICTS)), dtype=np.int64)
        self.by_day = np.zeros((3, self.horizon.days), dtype=np.int64)
        months = MAXYEAR * 12 + 12 - self.horizon.first_month
        self.on_firsts = np.zeros((3, months + 1), dtype=np.int64)


def totals_of(judged: Iterable[Judged], *, horizon: Horizon, top: int = TOP) -> MassForecast:
    """Add judged pieces up."""
    sums = _Sums(horizon)
    for piece in judged:
        sums.subscriptions += len(piece.of.agreements)
        sums.permissions += piece.permissions
        sums.tight += piece.tight
        sums.planned_singly += piece.planned_singly
        _add_charges(sums, piece)
        _add_parts(sums, piece)
        hits = [*sums.hits, *_first_hits(piece, top)]
        sums.hits = nsmallest(top, hits, key=attrgetter("on", "permission"))
    return MassForecast(
        first=horizon.first,
        last=horizon.last,
        subscriptions=sums.subscriptions,
        permissions=sums.permissions,
        tight=sums.tight,
        planned_singly=sums.planned_singly,
        months=tuple(_months(sums)),
        days=tuple(_days(sums)),
        hits=tuple(sums.hits),
    )


def _add_charges(sums: _Sums, piece: Judged) -> None:
    """All charges by month and verdict, and by day those that are made whole on their day."""
    charges = piece.charges
    month = sums.horizon.month_positions(charges.on)
    whole = np.flatnonzero(piece.verdict == _OK)
    day = sums.horizon.day_positions(charges.on[whole])
    one = np.ones(len(charges), dtype=np.int64)
    values = (one, charges.amount_yen, charges.amount_yen * piece.failing)
    for column, value in enumerate(values):
        np.add.at(sums.by_month[column], month * len(VERDICTS) + piece.verdict, value)
        np.add.at(sums.by_day[column], day, value[whole])


def _add_parts(sums: _Sums, piece: Judged) -> None:
    """Parts of moved and split charges: single ones of the horizon by day, all others as runs."""
    parts = piece.parts
    within = (parts.months == 1) & (parts.on <= np.datetime64(sums.horizon.last, "D"))
    single, run = np.flatnonzero(within), np.flatnonzero(~within)
    day = sums.horizon.day_positions(parts.on[single])
    begin = month_numbers(parts.on[run]) - sums.horizon.first_month
    end = begin + parts.months[run]
    one = np.ones(len(within), dtype=np.int64)
    values = (one, parts.amount_yen, parts.amount_yen * piece.failing[parts.charge])
    for column, value in enumerate(values):
        np.add.at(sums.by_day[column], day, value[single])
        np.add.at(sums.on_firsts[column], begin, value[run])
        np.subtract.at(sums.on_firsts[column], end, value[run])


def _first_hits(piece: Judged, top: int) -> Iterator[CapHit]:
    """The earliest `top` of the permissions that hit the cap, each with its first charge."""
    charges, agreements = piece.charges, piece.of.agreements
    hit = np.flatnonzero(piece.verdict != _OK)
    permission = agreements.permission[charges.row[hit]]
    order = np.lexsort((charges.on[hit], permission))
    first = order[np.flatnonzero(np.diff(permission[order], prepend=-1))]
    earliest = first[np.lexsort((permission[first], charges.on[hit[first]]))][:top]
    for charge in hit[earliest].tolist():
        row = int(charges.row[charge])
        yield CapHit(
            on=charges.on[charge].item(),
            permission=int(agreements.permission[row]),
            subscription=int(agreements.subscription[row]),
            amount_yen=int(charges.amount_yen[charge]),
            verdict=VERDICTS[piece.verdict[charge]],
            parts=piece.parts_of(charge),
        )


def _months(sums: _Sums) -> Iterator[MonthTotal]:
    by_month = sums.by_month.reshape(3, sums.horizon.months, len(VERDICTS)).transpose(1, 2, 0)
    for position, verdicts in enumerate(by_month.tolist()):
        charges, amount_yen, failing_yen = (sum(column) for column in zip(*verdicts, strict=True))
        year, month = divmod(sums.horizon.first_month + position, 12)
        yield MonthTotal(
            month=Month(year, month + 1),
            charges=charges,
            amount_yen=amount_yen,
            expected_to_fail_yen=failing_yen,
            by_verdict=MappingProxyType(
                {
                    verdict: VerdictTotal(count, yen)
                    for verdict, (count, yen, _) in zip(VERDICTS, verdicts, strict=True)
                }
            ),
        )


def _days(sums: _Sums) -> Iterator[DayTotal]:
    """Days on which money moves, in order."""
    on_firsts = np.cumsum(sums.on_firsts, axis=1)
    months = np.flatnonzero(on_firsts[0])
    firsts = sums.horizon.first_days(months)
    days = np.flatnonzero(sums.by_day[0])
    on = np.concatenate([firsts, days + np.datetime64(sums.horizon.first, "D")])
    every_day, place = np.unique(on, return_inverse=True)
    totals = np.zeros((len(every_day), 3), dtype=np.int64)
    np.add.at(totals, place, np.concatenate([on_firsts[:, months], sums.by_day[:, days]], axis=1).T)
    for day, (parts, amount_yen, failing_yen) in zip(
        every_day.tolist(), totals.tolist(), strict=True
    ):
        yield DayTotal(day, parts, amount_yen, failing_yen)
