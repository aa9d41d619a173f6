"""Charges that do not surely fit their cap find their places: in line, in steps, or singly.

Split charges stand in line for room, and so do deferred ones of one amount. Others wait for each
other step by step. Only very many charges of one permission go through `plan_charges`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import MAXYEAR
from itertools import pairwise

import numpy as np

from billing.cap.plan import CapPart, CapRule, CapVerdict, PlannedCharge, Verdict, plan_charges
from billing.mass_forecast.columns import Charges, Horizon, Slice, TakenRoom
from billing.mass_forecast.queue import Asked, Room, Runs, queued, runs_of
from billing.mass_forecast.steps import NOWHERE, months_in_steps
from plans import Month
from plans.columnar_calendar import Bools, Ints

__all__ = ["OK", "VERDICTS", "Placing", "room_yen"]

# A column of verdicts holds positions in this.
VERDICTS = tuple(Verdict)
OK, _DEFERRED, _SPLIT, _REFUSED, _IMPOSSIBLE = (
    VERDICTS.index(verdict)
    for verdict in (
        Verdict.OK,
        Verdict.DEFERRED,
        Verdict.SPLIT,
        Verdict.REFUSED,
        Verdict.IMPOSSIBLE,
    )
)
# Nobody has charged later months yet; more of them would only cost memory.
MONTHS_BEYOND = 12
# Every step costs a little whatever its size; nobody but a test has so many charges.
MOST_STEPS = 1_000
# Of these every one may need its own months past the horizon, as many as it has charges.
PERMISSIONS_AT_ONCE = 4_096
_LAST_MONTH = MAXYEAR * 12 + 11


def room_yen(*, piece: Slice, first_row: Ints, horizon: Horizon, months: int) -> Ints:
    """Yen that are left in the first `months`, by permission (given by its first row)."""
    permission, taken = piece.agreements.permission[first_row], piece.taken
    room = np.repeat(piece.agreements.limit_yen[first_row, np.newaxis], months, axis=1)
    month = taken.month - horizon.first_month
    within = (month >= 0) & (month < months) & np.isin(taken.permission, permission)
    owner = np.searchsorted(permission, taken.permission[within])
    np.subtract.at(room, (owner, month[within]), taken.yen[within])
    return np.maximum(room, 0)


@dataclass(slots=True)
class Placing:
    """Charges of one slice while those of tight permissions are placed.

    Tight permissions are numbered; `first_row` is each one's first row in the slice.
    """

    piece: Slice
    charges: Charges
    horizon: Horizon
    rule: CapRule
    first_row: Ints
    verdict: Ints
    runs: list[Runs] = field(default_factory=list)
    planned_singly: int = 0

    def place(self, tight: Ints, group: Ints) -> None:
        """Place the charges of tight groups."""
        number = np.full(len(self.piece.agreements), -1)
        number[tight] = np.arange(len(tight))
        asking = np.flatnonzero(number[group] >= 0)
        # Stable, so that charges of one day keep the order in which they ask for its room.
        asking = asking[np.lexsort((self.charges.on[asking], group[asking]))]
        asking = self._without_hopeless(asking, number[group[asking]])
        asked = Asked(
            number[group[asking]],
            self.horizon.month_positions(self.charges.on[asking]),
            self.charges.amount_yen[asking],
        )
        in_line, in_steps = self._ways(asked)
        ways = (in_line, self._in_line), (in_steps, self._in_steps)
        for permissions, way in ways:
            rows = np.flatnonzero(permissions[asked.permission])
            if len(rows):
                way(asking[rows], asked.take(rows))
        rows = np.flatnonzero(~(in_line | in_steps)[asked.permission])
        self._singly(asking[rows], asked.permission[rows])

    def _without_hopeless(self, asking: Ints, owner: Ints) -> Ints:
        """Leave out what no month could ever take."""
        limit_yen = self._limits()[owner]
        above = (self.charges.amount_yen[asking] > limit_yen) & (self.rule is not CapRule.SPLIT)
        hopeless: Bools = (limit_yen == 0) | above
        self.verdict[asking[hopeless]] = _IMPOSSIBLE
        return asking[~hopeless]

    def _limits(self) -> Ints:
        limit_yen: Ints = self.piece.agreements.limit_yen[self.first_row]
        return limit_yen

    def _ways(self, asked: Asked) -> tuple[Bools, Bools]:
        """Which permissions' charges stand in line, and which go step by step."""
        counts = np.bincount(asked.permission, minlength=len(self.first_row))
        few, none = counts <= MOST_STEPS, np.zeros(len(counts), dtype=np.bool_)
        taken = self.piece.taken
        far = taken.month >= self.horizon.first_month + self.horizon.months + MONTHS_BEYOND
        near = ~np.isin(self._permissions(), taken.permission[far])
        if self.rule is CapRule.SPLIT:
            return near, none
        if self.rule is CapRule.REFUSE:
            return none, few
        in_line = near & _alike(asked, len(counts))
        return in_line, few & ~in_line

    def _in_line(self, asking: Ints, asked: Asked) -> None:
        """Split, or charges that are all alike: where one ends the next one begins."""
        unit = np.ones(len(self.first_row), dtype=np.int64)
        if self.rule is CapRule.DEFER:
            unit[asked.permission] = asked.amount
        room = self._room_in(unit)
        amount = asked.amount // unit[asked.permission]
        line = Asked(asked.permission, asked.month, amount)
        found = queued(asked=line, room=room)
        self._check_calendar(asking, asked, found.last > self._last_position())
        moved = np.flatnonzero(found.last > line.month)
        self.verdict[asking[moved]] = np.where(
            found.last[moved] > found.first[moved], _SPLIT, _DEFERRED
        )
        runs = runs_of(charge=moved, asked=line, room=room, found=found)
        yen = runs.amount * unit[line.permission[runs.charge]]
        self.runs.append(Runs(asking[runs.charge], runs.month, runs.months, yen))

    def _room_in(self, unit: Ints) -> Room:
        """Room of all tight permissions; the months up to the last one in use are laid out."""
        limit_yen = self._limits()
        months = self.horizon.months + MONTHS_BEYOND
        room = self._room_yen(np.arange(len(self.first_row)), months)
        in_use = np.flatnonzero((room != limit_yen[:, np.newaxis]).any(axis=0))
        head = room[:, : int(in_use[-1]) + 1 if len(in_use) else 0]
        return Room(head // unit[:, np.newaxis], limit_yen // unit)

    def _room_yen(self, permissions: Ints, months: int) -> Ints:
        rows = self.first_row[permissions]
        return room_yen(piece=self.piece, first_row=rows, horizon=self.horizon, months=months)

    def _last_position(self) -> int:
        return _LAST_MONTH - self.horizon.first_month

    def _check_calendar(self, asking: Ints, asked: Asked, late: Bools) -> None:
        """Let the exact rule refuse a plan that runs past the year 9999, and say which."""
        if late.any():
            rows = np.flatnonzero(np.isin(asked.permission, asked.permission[late]))
            self._singly(asking[rows], asked.permission[rows])

    def _in_steps(self, asking: Ints, asked: Asked) -> None:
        """Whole charges of different amounts, some permissions at once."""
        counts = np.bincount(asked.permission, minlength=len(self.first_row))
        taken = self._months_in_use()
        own = np.flatnonzero(counts)
        # The same number of months serves all: so those with about as many charges go together.
        own = own[np.argsort(counts[own], kind="stable")]
        for begin in range(0, len(own), PERMISSIONS_AT_ONCE):
            some = np.sort(own[begin : begin + PERMISSIONS_AT_ONCE])
            months = self.horizon.months
            if self.rule is CapRule.DEFER:
                # Each charge fills one month at most, and each month in use may be full.
                months += int((counts + taken)[some].max())
            self._some_in_steps(asking, asked, some, min(months, self._last_position() + 1))

    def _months_in_use(self) -> Ints:
        permission, taken = self._permissions(), self.piece.taken.permission
        end = np.searchsorted(taken, permission, side="right")
        count: Ints = end - np.searchsorted(taken, permission, side="left")
        return count

    def _permissions(self) -> Ints:
        permission: Ints = self.piece.agreements.permission[self.first_row]
        return permission

    def _some_in_steps(self, asking: Ints, asked: Asked, some: Ints, months: int) -> None:
        number = np.full(len(self.first_row), -1)
        number[some] = np.arange(len(some))
        rows = np.flatnonzero(number[asked.permission] >= 0)
        own = asked.take(rows)
        month = months_in_steps(
            asked=Asked(number[own.permission], own.month, own.amount),
            room_yen=self._room_yen(some, months),
            moves=self.rule is CapRule.DEFER,
        )
        charge, nowhere = asking[rows], month == NOWHERE
        if self.rule is CapRule.REFUSE:
            self.verdict[charge[nowhere]] = _REFUSED
            return
        self._check_calendar(charge, own, nowhere)
        moved = np.flatnonzero(month != own.month)
        self.verdict[charge[moved]] = _DEFERRED
        one = np.ones(len(moved), dtype=np.int64)
        self.runs.append(Runs(charge[moved], month[moved], one, own.amount[moved]))

    def _singly(self, asking: Ints, owner: Ints) -> None:
        """Plan permissions one by one; charges of one permission stand together."""
        charge: list[int] = []
        parts: list[CapPart] = []
        for position, found in _planned(self, asking, self.first_row[owner]):
            self.verdict[position] = VERDICTS.index(found.verdict)
            if self.verdict[position] != OK:
                charge += [position] * len(found.parts)
                parts += found.parts
        self.planned_singly += len(np.unique(owner))
        month = [part.on.year * 12 + part.on.month - 1 for part in parts]
        self.runs.append(
            Runs(
                np.array(charge, dtype=np.int64),
                np.array(month, dtype=np.int64) - self.horizon.first_month,
                np.ones(len(parts), dtype=np.int64),
                np.array([part.amount_yen for part in parts], dtype=np.int64),
            )
        )


def _alike(asked: Asked, permissions: int) -> Bools:
    """The permissions whose charges have one amount."""
    amount = np.zeros(permissions, dtype=np.int64)
    amount[asked.permission] = asked.amount
    alike = np.ones(permissions, dtype=np.bool_)
    alike[asked.permission[amount[asked.permission] != asked.amount]] = False
    return alike


def _planned(work: Placing, asking: Ints, first_row: Ints) -> Iterator[tuple[int, CapVerdict]]:
    """Plan permissions one by one: each charge that is asking, with its verdict.

    `first_row` is that of the charge's permission; charges of one permission stand together.
    """
    agreements = work.piece.agreements
    days, amounts = work.charges.on[asking].tolist(), work.charges.amount_yen[asking].tolist()
    edges = [*np.flatnonzero(np.diff(first_row, prepend=-1)).tolist(), len(asking)]
    for left, right in pairwise(edges):
        row = first_row[left]
        planned = plan_charges(
            limit_yen=int(agreements.limit_yen[row]),
            used_yen_by_month=_used(work.piece.taken, int(agreements.permission[row])),
            rule=work.rule,
            charges=[PlannedCharge("", days[n], amounts[n]) for n in range(left, right)],
        )
        yield from zip(asking[left:right].tolist(), planned, strict=True)


def _used(taken: TakenRoom, permission: int) -> dict[Month, int]:
    own = taken.between(permission, permission)
    return {
        Month(month // 12, month % 12 + 1): yen
        for month, yen in zip(own.month.tolist(), own.yen.tolist(), strict=True)
    }
