"""Agreements as columns, and the charges that come of them within a horizon.

One row is one subscription; rows of one charge permission stand together, because they share its
cap. Yen are int64 and checked, so that no sum can leave the range.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

import numpy as np

from billing.tables.money import MAX_YEN
from plans import BadInput
from plans.columnar_calendar import (
    Bools,
    Dates,
    Ints,
    Schedules,
    cycles_on_or_after,
    month_numbers,
    starts_of_cycles,
)

__all__ = ["Agreements", "Charges", "Horizon", "OpenCharges", "Slice", "TakenRoom", "pieces"]

# All that is made of so many charges, three parts of each among it, stays below 150 MB.
CHARGES_AT_ONCE = 250_000
MAX_LIMIT_YEN = 10**15


@dataclass(frozen=True, slots=True)
class Horizon:
    """The days looked at, both included, and where they stand in the tables of totals."""

    first: date
    last: date

    @property
    def first_month(self) -> int:
        """Number of the first month, `year * 12 + month - 1`."""
        return self.first.year * 12 + self.first.month - 1

    @property
    def months(self) -> int:
        """How many calendar months the horizon touches."""
        return self.last.year * 12 + self.last.month - self.first_month

    @property
    def days(self) -> int:
        """How many days the horizon has."""
        return (self.last - self.first).days + 1

    def day_positions(self, on: Dates) -> Ints:
        """Count days from the first one."""
        return (on - np.datetime64(self.first, "D")).astype(np.int64)

    def first_days(self, months: Ints) -> Dates:
        """The first day of months by position."""
        first: Dates = (np.datetime64(self.first, "M") + months).astype("datetime64[D]")
        return first

    def month_positions(self, on: Dates) -> Ints:
        """Count months from the first one; `on` lies within the horizon."""
        every_day = np.arange(self.days) + np.datetime64(self.first, "D")
        by_day = month_numbers(every_day) - self.first_month
        return by_day[self.day_positions(on)]


@dataclass(frozen=True, slots=True, eq=False)
class Agreements:
    """Subscriptions, sorted by permission and in the order in which they get a day's room.

    `price_yen[price, move, c]` is what paid cycles from number `price_from[c]` on (counted from 0)
    cost a row, up to the next column's, once it was moved `move` times: that is from its cycle
    starts on or after `moved_on[price, move - 1]` on (ascending; NaT: never). `next_cycle` is the
    first one to be charged, below 0 for none; `next_on` is its date, NaT where the calendar says
    it. `stuck` and `dead` rows are expected to fail; `limit_yen`, `dead` and `expires_on` (NaT:
    never) are the permission's, on all its rows.
    """

    subscription: Ints
    permission: Ints
    schedules: Schedules
    price: Ints
    price_yen: Ints
    price_from: Ints
    moved_on: Dates
    first_cycle: Ints
    next_cycle: Ints
    next_on: Dates
    stuck: Bools
    limit_yen: Ints
    dead: Bools
    expires_on: Dates

    def __post_init__(self) -> None:
        unsorted = np.diff(self.permission, prepend=0) < 0
        if unsorted.any():
            raise BadInput(
                field="permission",
                value=int(self.permission[np.argmax(unsorted)]),
                rule="permissions are numbers from 0 up, and their rows stand in ascending order",
                remedy="sort the rows by permission",
            )
        _check_yen("price_yen", self.price_yen)
        _check_yen("limit_yen", self.limit_yen, most=MAX_LIMIT_YEN)

    def __len__(self) -> int:
        return len(self.permission)

    def permission_begins(self) -> Ints:
        """The first row of each permission."""
        return np.flatnonzero(np.diff(self.permission, prepend=-1))

    def take(self, rows: slice) -> Agreements:
        """The given rows."""
        return Agreements(
            subscription=self.subscription[rows],
            permission=self.permission[rows],
            schedules=self.schedules.take(rows),
            price=self.price[rows],
            price_yen=self.price_yen,
            price_from=self.price_from,
            moved_on=self.moved_on,
            first_cycle=self.first_cycle[rows],
            next_cycle=self.next_cycle[rows],
            next_on=self.next_on[rows],
            stuck=self.stuck[rows],
            limit_yen=self.limit_yen[rows],
            dead=self.dead[rows],
            expires_on=self.expires_on[rows],
        )


@dataclass(frozen=True, slots=True, eq=False)
class Charges:
    """Coming charges; `row` is the agreement's. `stuck` ones are expected to fail."""

    row: Ints
    cycle: Ints
    on: Dates
    amount_yen: Ints
    stuck: Bools

    def __len__(self) -> int:
        return len(self.row)

    @classmethod
    def none(cls) -> Charges:
        """No charge at all."""
        nothing = np.zeros(0, dtype=np.int64)
        return cls(nothing, nothing, nothing.view("datetime64[D]"), nothing, nothing > 0)

    def take(self, charges: Ints | slice) -> Charges:
        """The given charges, in that order."""
        return Charges(
            self.row[charges],
            self.cycle[charges],
            self.on[charges],
            self.amount_yen[charges],
            self.stuck[charges],
        )

    def between(self, begin: int, end: int) -> Charges:
        """Those of rows from `begin` up to before `end`, counted from `begin`; sorted by row."""
        left, right = np.searchsorted(self.row, [begin, end]).tolist()
        own = self.take(slice(left, right))
        return Charges(own.row - begin, own.cycle, own.on, own.amount_yen, own.stuck)

    def then(self, more: Charges) -> Charges:
        """These charges, and more of them."""
        return Charges(
            np.concatenate([self.row, more.row]),
            np.concatenate([self.cycle, more.cycle]),
            np.concatenate([self.on, more.on]),
            np.concatenate([self.amount_yen, more.amount_yen]),
            np.concatenate([self.stuck, more.stuck]),
        )


OpenCharges = Charges
"""Invoiced and unpaid, sorted by row and then in the order they get a day's room."""


@dataclass(frozen=True, slots=True, eq=False)
class TakenRoom:
    """What is taken already of cap months, sorted by permission; months by number."""

    permission: Ints
    month: Ints
    yen: Ints

    def between(self, first: int, last: int) -> TakenRoom:
        """The permissions from `first` to `last`, both included."""
        begin = int(np.searchsorted(self.permission, first, side="left"))
        end = int(np.searchsorted(self.permission, last, side="right"))
        return TakenRoom(self.permission[begin:end], self.month[begin:end], self.yen[begin:end])


@dataclass(frozen=True, slots=True, eq=False)
class Slice:
    """Whole permissions with all that counts for them.

    `bills` are cycles that no column can tell, worked out one by one: sorted by row, within the
    horizon, at least 1 yen each. Their rows have no `next_cycle`.
    """

    agreements: Agreements
    open: OpenCharges
    taken: TakenRoom
    bills: Charges = field(default_factory=Charges.none)


def pieces(
    whole: Slice, *, horizon: Horizon, at_most: int = CHARGES_AT_ONCE
) -> Iterator[tuple[Slice, Charges]]:
    """Cut a slice where permissions end, so that a piece has about `at_most` charges.

    A daily plan makes thirty times the charges of a monthly one; memory is bounded by charges.
    Each piece comes with its charges in the order of `forecast`: open ones, then cycles.
    """
    counts = _cycles_within(whole.agreements, horizon)
    before = np.cumsum(counts) - counts
    begins = whole.agreements.permission_begins()
    begin = 0
    while begin < len(counts):
        full = begins[(begins > begin) & (before[begins] - before[begin] >= at_most)]
        end = int(full[0]) if len(full) else len(counts)
        piece = _cut(whole, begin, end)
        yield piece, _charges(piece, counts[begin:end], horizon)
        begin = end


def _cut(whole: Slice, begin: int, end: int) -> Slice:
    if (begin, end) == (0, len(whole.agreements)):
        return whole
    agreements = whole.agreements.take(slice(begin, end))
    first, last = (int(agreements.permission[n]) for n in (0, -1))
    return Slice(
        agreements,
        whole.open.between(begin, end),
        whole.taken.between(first, last),
        whole.bills.between(begin, end),
    )


def _cycles_within(agreements: Agreements, horizon: Horizon) -> Ints:
    """How many cycles of each row are charged within the horizon."""
    after = np.full(len(agreements), np.datetime64(horizon.last, "D") + 1)
    beyond = cycles_on_or_after(schedules=agreements.schedules, on=after)
    by_calendar = np.maximum(beyond - agreements.next_cycle, 0)
    moved = ~np.isnat(agreements.next_on)
    # A moved cycle counts on its own date; later ones are not looked at while it lies beyond.
    with_moved = np.where(agreements.next_on < after, np.maximum(by_calendar, 1), 0)
    counts: Ints = np.where(moved, with_moved, by_calendar)
    return np.where(agreements.next_cycle < 0, 0, counts)


def _charges(piece: Slice, counts: Ints, horizon: Horizon) -> Charges:
    """Open charges and then the cycles of every row that cost something."""
    agreements, opened = piece.agreements, piece.open
    row = np.repeat(np.arange(len(counts)), counts)
    nth = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
    cycle = agreements.next_cycle[row] + nth
    starts = starts_of_cycles(schedules=agreements.schedules.take(row), cycle=cycle)
    next_on = agreements.next_on[row]
    on = np.where((nth == 0) & ~np.isnat(next_on), next_on, starts)
    on = np.maximum(on, np.datetime64(horizon.first, "D"))
    amount_yen = _amounts(agreements, row, cycle, starts)
    # A free cycle asks Amazon for nothing.
    paid = np.flatnonzero(amount_yen > 0)
    cycles = Charges(row, cycle, on, amount_yen, agreements.stuck[row]).take(paid)
    for given in (opened, piece.bills):
        _check_yen("amount", given.amount_yen, least=1)
    return opened.then(_by_row(cycles, piece.bills))


def _by_row(cycles: Charges, bills: Charges) -> Charges:
    """Cycles and bills in the order in which rows get a day's room."""
    if not len(bills):
        return cycles
    every = cycles.then(bills)
    return every.take(np.argsort(every.row, kind="stable"))


def _amounts(agreements: Agreements, row: Ints, cycle: Ints, starts: Dates) -> Ints:
    paid_cycle = cycle - agreements.first_cycle[row]
    if len(paid_cycle) and int(paid_cycle.min()) < 0:
        wrong = int(np.argmin(paid_cycle))
        raise BadInput(
            field="cycle",
            value=int(cycle[wrong]),
            rule=f"the first paid cycle is number {agreements.first_cycle[row[wrong]]}",
            remedy="ask for that cycle or a later one",
        )
    column = np.searchsorted(agreements.price_from, paid_cycle, side="right") - 1
    price, moves = agreements.price[row], np.zeros(len(row), dtype=np.int64)
    for moved_on in agreements.moved_on.T:
        moves += moved_on[price] <= starts
    amounts: Ints = agreements.price_yen[price, moves, column]
    return amounts


def _check_yen(field: str, yen: Ints, *, least: int = 0, most: int = MAX_YEN) -> None:
    """Bounded yen keep every sum exact.

    Nine billion of the largest charges, or 9,000 months of the highest limit, fit into an int64.
    """
    if yen.size and not (least <= int(yen.min()) and int(yen.max()) <= most):
        worst = int(yen.min()) if int(yen.min()) < least else int(yen.max())
        raise BadInput(
            field=field,
            value=worst,
            rule=f"yen here are a whole number from {least} to {most:,}",
            remedy="correct the amount",
        )
