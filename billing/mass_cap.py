"""The monthly cap over columns: what surely fits is seen at a glance, the rest goes step by step.

Where all charges of a permission fit the room of their months, every rule lets each of them
happen whole on its day, in whatever order they come. The others are placed in steps, and the few
that are pushed far past the horizon, or are very many, by `plan_charges`, one permission a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from billing.cap_plan import CapPart, CapRule, CapVerdict, PlannedCharge, Verdict, plan_charges
from billing.mass_columns import Charges, Horizon, Slice, TakenRoom
from billing.mass_steps import VERDICTS, Asked, place_in_steps
from plans import Month
from plans.columnar_calendar import Bools, Dates, Ints

__all__ = ["Judged", "Parts", "judge"]

_OK = VERDICTS.index(Verdict.OK)
# Moved charges rarely go further past the horizon; more months would only cost memory.
MONTHS_BEYOND = 12
# Every step costs a little whatever its size; nobody but a test has so many charges.
MOST_STEPS = 1_000


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """Parts of charges that are not made whole on their day, by charge and then by day."""

    charge: Ints
    on: Dates
    amount_yen: Ints


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Charges of a slice with their verdicts (positions in `VERDICTS`).

    `failing` tells which are expected to fail. Of the `permissions` that have charges, `tight`
    ones do not surely fit, and `planned_singly` of those went through `plan_charges`.
    """

    of: Slice
    charges: Charges
    verdict: Ints
    parts: Parts
    failing: Bools
    permissions: int
    tight: int
    planned_singly: int

    def parts_of(self, charge: int) -> tuple[CapPart, ...]:
        """When and how much of one charge is made, as `plan_charges` says it."""
        if self.verdict[charge] == _OK:
            return (CapPart(self.charges.on[charge].item(), int(self.charges.amount_yen[charge])),)
        begin, end = np.searchsorted(self.parts.charge, [charge, charge + 1])
        days, yen = self.parts.on[begin:end].tolist(), self.parts.amount_yen[begin:end].tolist()
        return tuple(map(CapPart, days, yen))


def judge(*, piece: Slice, charges: Charges, horizon: Horizon, rule: CapRule) -> Judged:
    """Decide every charge as `plan_charges` does; raises as it does."""
    begins = piece.agreements.permission_begins()
    sizes = np.diff(begins, append=len(piece.agreements))
    group = np.repeat(np.arange(len(begins)), sizes)[charges.row]
    asked = _asked(charges, group, len(begins), horizon)
    room = _room(piece, begins, horizon)
    over = (asked > 0) & (asked > room[:, : horizon.months])
    tight = np.flatnonzero(np.logical_or.reduce(over, axis=1))
    work = _Work(piece, charges, horizon, rule, begins, np.full(len(charges), _OK), [])
    singly = work.place(tight, group, room)
    parts = work.sorted_parts()
    return Judged(
        of=piece,
        charges=charges,
        verdict=work.verdict,
        parts=parts,
        failing=_failing(piece, charges, parts),
        permissions=int(np.count_nonzero(np.logical_or.reduce(asked > 0, axis=1))),
        tight=len(tight),
        planned_singly=singly,
    )


def _asked(charges: Charges, group: Ints, groups: int, horizon: Horizon) -> Ints:
    """Yen that are due, by permission and month."""
    asked = np.zeros(groups * horizon.months, dtype=np.int64)
    cell = group * horizon.months + horizon.month_positions(charges.on)
    np.add.at(asked, cell, charges.amount_yen)
    return asked.reshape(groups, horizon.months)


def _room(piece: Slice, begins: Ints, horizon: Horizon) -> Ints:
    """Yen that are left, by permission and month of the horizon and somewhat beyond."""
    months = horizon.months + MONTHS_BEYOND
    permission, taken = piece.agreements.permission[begins], piece.taken
    room = np.repeat(piece.agreements.limit_yen[begins, np.newaxis], months, axis=1)
    month = taken.month - horizon.first_month
    within = (month >= 0) & (month < months) & np.isin(taken.permission, permission)
    owner = np.searchsorted(permission, taken.permission[within])
    np.subtract.at(room, (owner, month[within]), taken.yen[within])
    return np.maximum(room, 0)


@dataclass(slots=True)
class _Work:
    """Charges of one slice while those of tight permissions are placed."""

    piece: Slice
    charges: Charges
    horizon: Horizon
    rule: CapRule
    begins: Ints
    verdict: Ints
    parts: list[Parts]

    def place(self, tight: Ints, group: Ints, room: Ints) -> int:
        """Place the charges of tight groups; returns how many of these were planned singly."""
        number = np.full(len(self.begins), -1)
        number[tight] = np.arange(len(tight))
        asking = np.flatnonzero(number[group] >= 0)
        # Stable, so that charges of one day keep the order in which they ask for its room.
        asking = asking[np.lexsort((self.charges.on[asking], group[asking]))]
        owner = number[group[asking]]
        many = np.bincount(owner, minlength=len(tight)) > MOST_STEPS
        few = ~many[owner]
        unplaced = self._in_steps(asking[few], owner[few], tight, room[tight])
        singly = many | unplaced
        left = singly[owner]
        self._singly(asking[left], tight[owner[left]])
        return int(np.count_nonzero(singly))

    def _in_steps(self, asking: Ints, owner: Ints, tight: Ints, room: Ints) -> Bools:
        on = self.charges.on[asking]
        placed = place_in_steps(
            asked=Asked(owner, self.horizon.month_positions(on), self.charges.amount_yen[asking]),
            room_yen=room,
            limit_yen=self.piece.agreements.limit_yen[self.begins[tight]],
            rule=self.rule,
        )
        done = ~placed.unplaced[owner]
        self.verdict[asking[done]] = placed.verdict[done]
        for charge, month, amount_yen in zip(
            placed.charge, placed.month, placed.amount_yen, strict=True
        ):
            kept = done[charge]
            days = np.where(
                month == self.horizon.month_positions(on[charge]),
                on[charge],
                self.horizon.first_days(month),
            )
            self.parts.append(Parts(asking[charge[kept]], days[kept], amount_yen[kept]))
        return placed.unplaced

    def _singly(self, asking: Ints, groups: Ints) -> None:
        charge: list[int] = []
        parts: list[CapPart] = []
        for position, found in _planned(self, asking, self.begins[groups]):
            self.verdict[position] = VERDICTS.index(found.verdict)
            if self.verdict[position] != _OK:
                charge += [position] * len(found.parts)
                parts += found.parts
        self.parts.append(
            Parts(
                np.array(charge, dtype=np.int64),
                np.array([part.on for part in parts], dtype="datetime64[D]"),
                np.array([part.amount_yen for part in parts], dtype=np.int64),
            )
        )

    def sorted_parts(self) -> Parts:
        """All parts by charge; those of one charge are found in the order of their days."""
        charge = np.concatenate([part.charge for part in self.parts])
        order = np.argsort(charge, kind="stable")
        return Parts(
            charge[order],
            np.concatenate([part.on for part in self.parts])[order],
            np.concatenate([part.amount_yen for part in self.parts])[order],
        )


def _planned(work: _Work, asking: Ints, first_row: Ints) -> Iterator[tuple[int, CapVerdict]]:
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


def _failing(piece: Slice, charges: Charges, parts: Parts) -> Bools:
    """Stuck, or on a permission that cannot pay (any more) when the last part is due."""
    until = charges.on.copy()
    np.maximum.at(until, parts.charge, parts.on)
    agreements, row = piece.agreements, charges.row
    failing: Bools = charges.stuck | agreements.dead[row] | (agreements.expires_on[row] <= until)
    return failing
