"""The monthly cap over columns: what surely fits is seen at a glance, the rest is placed.

Where all charges of a permission fit the room of their months, every rule lets each of them
happen whole on its day, in whatever order they come.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from billing.cap.plan import CapPart, CapRule
from billing.mass_forecast.columns import Charges, Horizon, Slice
from billing.mass_forecast.placing import OK, VERDICTS, Placing, room_yen
from billing.mass_forecast.queue import Runs, joined
from plans.columnar_calendar import Bools, Dates, Ints

__all__ = ["VERDICTS", "Judged", "Parts", "judge"]


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """Parts of charges that are not made whole on their day, by charge and then by day.

    One row stands for `months` parts of `amount_yen`: on `on`, and on the 1st of each of the
    months that follow. `last_on` is the last of these days.
    """

    charge: Ints
    on: Dates
    last_on: Dates
    months: Ints
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
        if self.verdict[charge] == OK:
            return (CapPart(self.charges.on[charge].item(), int(self.charges.amount_yen[charge])),)
        begin, end = np.searchsorted(self.parts.charge, [charge, charge + 1])
        return tuple(part for row in range(begin, end) for part in self._run(row))

    def _run(self, row: int) -> Iterator[CapPart]:
        on, amount_yen = self.parts.on[row], int(self.parts.amount_yen[row])
        yield CapPart(on.item(), amount_yen)
        for later in range(1, int(self.parts.months[row])):
            first = (on.astype("datetime64[M]") + later).astype("datetime64[D]")
            yield CapPart(first.item(), amount_yen)


def judge(*, piece: Slice, charges: Charges, horizon: Horizon, rule: CapRule) -> Judged:
    """Decide every charge as `plan_charges` does; raises as it does."""
    begins = piece.agreements.permission_begins()
    sizes = np.diff(begins, append=len(piece.agreements))
    group = np.repeat(np.arange(len(begins)), sizes)[charges.row]
    asked = _asked(charges, group, len(begins), horizon)
    room = room_yen(piece=piece, first_row=begins, horizon=horizon, months=horizon.months)
    tight = np.flatnonzero(np.logical_or.reduce((asked > 0) & (asked > room), axis=1))
    work = Placing(piece, charges, horizon, rule, begins[tight], np.full(len(charges), OK))
    work.place(tight, group)
    parts = _parts(work.runs, charges, horizon)
    return Judged(
        of=piece,
        charges=charges,
        verdict=work.verdict,
        parts=parts,
        failing=_failing(piece, charges, parts),
        permissions=int(np.count_nonzero(np.logical_or.reduce(asked > 0, axis=1))),
        tight=len(tight),
        planned_singly=work.planned_singly,
    )


def _asked(charges: Charges, group: Ints, groups: int, horizon: Horizon) -> Ints:
    """Yen that are due, by permission and month."""
    asked = np.zeros(groups * horizon.months, dtype=np.int64)
    cell = group * horizon.months + horizon.month_positions(charges.on)
    np.add.at(asked, cell, charges.amount_yen)
    return asked.reshape(groups, horizon.months)


def _parts(found: list[Runs], charges: Charges, horizon: Horizon) -> Parts:
    """All parts with their days: the charge's own one, or the 1st of a later month."""
    runs = joined(found)
    own = charges.on[runs.charge]
    on = np.where(
        runs.month == horizon.month_positions(own),
        own,
        horizon.first_days(runs.month),
    )
    last_on, longer = on.copy(), np.flatnonzero(runs.months > 1)
    last_on[longer] = horizon.first_days((runs.month + runs.months - 1)[longer])
    return Parts(runs.charge, on, last_on, runs.months, runs.amount)


def _failing(piece: Slice, charges: Charges, parts: Parts) -> Bools:
    """Stuck, or on a permission that cannot pay (any more) when the last part is due."""
    until = charges.on.copy()
    # Of several rows of one charge the last one stays.
    until[parts.charge] = parts.last_on
    agreements, row = piece.agreements, charges.row
    failing: Bools = charges.stuck | agreements.dead[row] | (agreements.expires_on[row] <= until)
    return failing
