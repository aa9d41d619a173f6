"""What a bulk move comes to: the figures that the staff says yes to, and whom it leaves out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, select

from billing.bulk_work.reading import as_row, rows
from billing.bulk_work.values import BulkJob, BulkRow, RowState
from billing.store.rows import fetch

__all__ = ["MoveTotals", "NotMoved", "move_totals"]

EXAMPLES = 3
_GOES = (RowState.WAITING, RowState.DONE)


@dataclass(frozen=True, slots=True)
class NotMoved:
    """Rows that are not moved for one reason, and the names of some of them."""

    reason: str
    rows: int
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MoveTotals:
    """Rows that are moved and the yen that follow; `monthly_yen` may be below 0.

    `dearer` pay more a month than before. `today_yen` is charged the day it is done, `credit_yen`
    is kept for later charges. `days` say how many take effect when, `cap` how many meet the
    monthly cap with a charge of which month (`2027-01`) because of the move, the first one counts.
    """

    rows: int
    monthly_yen: int
    dearer: int
    today_yen: int
    credit_yen: int
    days: tuple[tuple[date, int], ...]
    cap: tuple[tuple[str, int], ...]
    not_moved: tuple[NotMoved, ...]

    @property
    def meets_cap(self) -> int:
        """Rows that meet the cap sooner or later."""
        return sum(count for _, count in self.cap)


def move_totals(connection: Connection, job: BulkJob) -> MoveTotals:
    """Sum up the rows of a bulk move, all of which have been tried."""
    statement = select(rows).where(rows.c.job_id == job.id).order_by(rows.c.position)
    every = [as_row(row) for row in fetch(connection, statement)]
    going = [row for row in every if row.state in _GOES and row.before]
    wills = [row.before["will"] for row in going]
    days = Counter(date.fromisoformat(will["on"]) for will in wills)
    cap = Counter(will["cap"][0][:7] for will in wills if "cap" in will)
    return MoveTotals(
        rows=len(going),
        monthly_yen=sum(row.amount_yen or 0 for row in going),
        dearer=sum(1 for row in going if (row.amount_yen or 0) > 0),
        today_yen=sum(will["today_yen"] for will in wills),
        credit_yen=sum(will["credit_yen"] for will in wills),
        days=tuple(sorted(days.items())),
        cap=tuple(sorted(cap.items())),
        not_moved=tuple(_not_moved([row for row in every if row.state not in _GOES])),
    )


def _not_moved(others: Sequence[BulkRow]) -> Iterator[NotMoved]:
    by_reason: dict[str, list[str]] = {}
    for row in others:
        by_reason.setdefault(row.reason or "undone", []).append(row.subject)
    for reason, names in sorted(by_reason.items(), key=lambda each: (-len(each[1]), each[0])):
        yield NotMoved(reason, len(names), tuple(names[:EXAMPLES]))
