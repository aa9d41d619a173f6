"""Unpaid slots as columns: what is charged first, and what keeps the next cycle waiting."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from sqlalchemy import Connection, case, select, union_all

from billing.mass_forecast.columns import Agreements, Charges, Horizon, OpenCharges
from billing.mass_forecast.values import Days, flags, ints, raw
from billing.store.merchants import Merchant
from billing.store.rows import is_word, table_of
from billing.tables import SlotRow
from billing.views.forecast import UNPAID_SLOTS
from plans.columnar_calendar import Bools, Dates, Ints

__all__ = ["UnpaidSlots"]

ROWS_AT_ONCE = 50_000
_DUE, _WAITS, _STUCK, _IN_FLIGHT = range(4)

slots = table_of(SlotRow)


@dataclass(frozen=True, slots=True, eq=False)
class UnpaidSlots:
    """All unpaid slots of a merchant, sorted by subscription and then as they get a day's room.

    They are the one thing that is held for the whole pass: 40 bytes each.
    """

    subscription: Ints
    cycle: Ints
    amount_yen: Ints
    due_on: Dates
    state: Ints

    @classmethod
    def read(cls, connection: Connection, merchant: Merchant) -> UnpaidSlots:
        """Read them as a stream."""
        days = Days(connection, slots.c.due_at, timezone=merchant.timezone)
        state = case(
            (slots.c.state == "due", _DUE),
            (slots.c.state == "waiting_buyer", _WAITS),
            (slots.c.state.in_(("refused", "quarantined")), _STUCK),
            else_=_IN_FLIGHT,
        )
        columns = (
            *(slots.c[name] for name in ("subscription_id", "cycle", "amount_yen")),
            *(raw(slots.c.due_at).label("due_raw"), state.label("state")),
            *(slots.c.due_at, slots.c.id),
        )
        # Each state has an index of its own, so that what was paid in years is not looked through.
        unpaid = union_all(
            *(
                select(*columns).where(
                    slots.c.merchant_id == merchant.id, is_word(slots.c.state, s)
                )
                for s in UNPAID_SLOTS
            )
        ).subquery()
        statement = (
            select(*(unpaid.c[each.name] for each in columns[:5]))
            .order_by(unpaid.c.subscription_id, unpaid.c.due_at, unpaid.c.id)
            .execution_options(yield_per=ROWS_AT_ONCE)
        )
        found = [cls._none()]
        for rows in connection.execute(statement).partitions():
            owner, cycle, amount_yen, due_at, states = zip(*rows, strict=True)
            due_on = days.column(due_at)
            found.append(cls(ints(owner), ints(cycle), ints(amount_yen), due_on, ints(states)))
        return cls(
            subscription=np.concatenate([part.subscription for part in found]),
            cycle=np.concatenate([part.cycle for part in found]),
            amount_yen=np.concatenate([part.amount_yen for part in found]),
            due_on=np.concatenate([part.due_on for part in found]),
            state=np.concatenate([part.state for part in found]),
        )

    @classmethod
    def _none(cls) -> UnpaidSlots:
        no_dates: list[datetime] = []
        return cls(ints([]), ints([]), ints([]), np.array(no_dates, "datetime64[D]"), ints([]))

    def of(
        self, agreements: Agreements, *, waits_until: Dates, never: Bools, horizon: Horizon
    ) -> tuple[Bools, OpenCharges]:
        """Which rows wait for somebody to act, and the open charges of all rows.

        A paused row is not charged before `waits_until` (NaT: not paused), or `never`.
        """
        begin = np.searchsorted(self.subscription, agreements.subscription, side="left")
        count = np.searchsorted(self.subscription, agreements.subscription, side="right") - begin
        row = np.repeat(np.arange(len(agreements)), count)
        slot = np.arange(len(row)) - np.repeat(np.cumsum(count) - count - begin, count)
        stuck = np.zeros(len(agreements), dtype=np.bool_)
        stuck[row[np.isin(self.state[slot], (_WAITS, _STUCK))]] = True
        on = self._dates(slot, waits_until[row], horizon)
        asked = np.isin(self.state[slot], (_DUE, _WAITS)) & ~never[row]
        kept = asked & (on <= np.datetime64(horizon.last, "D"))
        row, slot, on = row[kept], slot[kept], on[kept]
        return stuck, Charges(
            row=row,
            cycle=self.cycle[slot],
            on=on,
            amount_yen=self.amount_yen[slot],
            stuck=flags(self.state[slot] == _WAITS),
        )

    def _dates(self, slot: Ints, waits_until: Dates, horizon: Horizon) -> Dates:
        """A known day, or as soon as the buyer has acted; not before a pause ends."""
        first = np.datetime64(horizon.first, "D")
        due_on = np.where(self.state[slot] == _WAITS, first, self.due_on[slot])
        # fmax passes over NaT, maximum would spread it.
        return np.fmax(np.maximum(due_on, first), waits_until)
