"""Coming charges as columns, for the calendar and the lists behind its days.

The columns are those of the mass forecast, so that a hundred thousand agreements cost about a
second once, and a day's rows cost nothing but their names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
from sqlalchemy import Connection

from billing.cap.plan import CapPart
from billing.dates import civil_date
from billing.mass_forecast import (
    VERDICTS,
    CapHit,
    HitNames,
    Judged,
    MassForecast,
    horizon_of,
    judged_pieces,
    names_of_hits,
    totals_of,
)
from billing.mass_forecast.reading import read_slices
from billing.store.merchants import Merchant
from plans.columnar_calendar import Bools, Dates, Ints

__all__ = ["Coming", "ComingRow", "cap_hits", "coming_charges", "coming_rows"]

HITS = 100


@dataclass(frozen=True, slots=True, eq=False)
class Coming:
    """Every charge from `first` to `last`, in the order of its day.

    `stuck` ones wait for somebody to act on an unpaid cycle; `failing` ones are not expected to
    succeed, for that or because the permission cannot be charged. Yen are whole.
    """

    first: date
    last: date
    totals: MassForecast
    on: Dates
    subscription: Ints
    permission: Ints
    cycle: Ints
    amount_yen: Ints
    verdict: Ints
    stuck: Bools
    failing: Bools

    def on_day(self, day: date) -> Ints:
        """Positions of the charges that are due on a day."""
        wanted = np.datetime64(day, "D")
        begin, end = np.searchsorted(self.on, [wanted, wanted + 1])
        return np.arange(begin, end)

    def blocked(self, *, until: date) -> Ints:
        """Positions of charges up to a day, included, whose permission cannot be charged."""
        soon = self.on <= np.datetime64(until, "D")
        return np.flatnonzero(self.failing & ~self.stuck & soon)

    def free_of_obstacles(self, positions: Ints) -> Ints:
        """Those of the positions that are expected to succeed."""
        return positions[~self.failing[positions]]

    def yen(self, positions: Ints) -> int:
        """The yen of some charges."""
        return int(self.amount_yen[positions].sum())


@dataclass(frozen=True, slots=True)
class ComingRow:
    """One coming charge with its names; `verdict` is the cap's."""

    on: date
    subscription_id: int
    subscription: str
    customer_name: str
    charge_permission_id: str
    cycle: int
    amount_yen: int
    verdict: str
    stuck: bool
    failing: bool


def coming_charges(
    connection: Connection, merchant: Merchant, *, at: datetime, days: int
) -> Coming:
    """Every charge from the merchant's date of `at` to `days` later. Raises as `forecast` does."""
    first = civil_date(at=at, timezone=merchant.timezone)
    horizon = horizon_of(first=first, days=days)
    pieces = [
        piece
        for each in read_slices(connection, merchant, horizon)
        for piece in judged_pieces(each, horizon=horizon, rule=merchant.cap_rule)
    ]
    totals = totals_of(pieces, horizon=horizon, top=HITS)
    found = [_columns(piece) for piece in pieces]
    columns = {name: _joined(name, [each[name] for each in found]) for name in _NAMES}
    order = np.lexsort((columns["cycle"], columns["subscription"], columns["on"]))
    ordered = {name: column[order] for name, column in columns.items()}
    return Coming(first=first, last=first + timedelta(days=days), totals=totals, **ordered)


def coming_rows(connection: Connection, coming: Coming, positions: Ints) -> list[ComingRow]:
    """Some of the charges with their names, in one query."""
    wanted = [int(number) for number in coming.subscription[positions]]
    names = names_of_hits(connection, sorted(set(wanted))) if wanted else {}
    return [
        _row(coming, int(position), names)
        for position in positions
        if int(coming.subscription[position]) in names
    ]


def cap_hits(
    connection: Connection, coming: Coming, *, limit: int
) -> list[tuple[ComingRow, tuple[CapPart, ...]]]:
    """Who hits the cap, soonest first, and when that charge is made instead; none: never."""
    hits = coming.totals.hits[:limit]
    places = [_place(coming, hit) for hit in hits]
    rows = coming_rows(connection, coming, np.array(places, dtype=np.int64))
    parts = {hit.subscription: hit.parts for hit in hits}
    return [(row, parts[row.subscription_id]) for row in rows]


def _place(coming: Coming, hit: CapHit) -> int:
    day = coming.on_day(hit.on)
    return int(day[np.argmax(coming.subscription[day] == hit.subscription)])


_NAMES = {
    "on": "datetime64[D]",
    "subscription": "int64",
    "permission": "int64",
    "cycle": "int64",
    "amount_yen": "int64",
    "verdict": "int64",
    "stuck": "bool",
    "failing": "bool",
}


def _columns(piece: Judged) -> dict[str, np.ndarray]:
    charges, agreements = piece.charges, piece.of.agreements
    return {
        "on": charges.on,
        "subscription": agreements.subscription[charges.row],
        "permission": agreements.permission[charges.row],
        "cycle": charges.cycle,
        "amount_yen": charges.amount_yen,
        "verdict": piece.verdict,
        "stuck": charges.stuck,
        "failing": piece.failing,
    }


def _joined(name: str, columns: list[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.zeros(0, dtype=_NAMES[name]), *columns])


def _row(coming: Coming, position: int, names: Mapping[int, HitNames]) -> ComingRow:
    subscription_id = int(coming.subscription[position])
    name = names[subscription_id]
    return ComingRow(
        on=coming.on[position].item(),
        subscription_id=subscription_id,
        subscription=name.subscription,
        customer_name=name.customer_name,
        charge_permission_id=name.charge_permission_id,
        cycle=int(coming.cycle[position]),
        amount_yen=int(coming.amount_yen[position]),
        verdict=str(VERDICTS[coming.verdict[position]]),
        stuck=bool(coming.stuck[position]),
        failing=bool(coming.failing[position]),
    )
