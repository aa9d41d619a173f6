"""Does bulk work slice by slice: each slice is one transaction, so a crash loses nothing.

What is left to do is found by query. A worker that dies leaves rows that still wait, and whoever
looks next goes on with them; two that look at once do different jobs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Select, select, update

from billing.bulk_work.jobs import facts_text
from billing.bulk_work.kinds import KINDS
from billing.bulk_work.looking import merchants_to_look
from billing.bulk_work.reading import as_job, as_row, jobs, rows
from billing.bulk_work.values import BulkJob, BulkRow, BulkState, RowOutcome, RowState
from billing.protocol.checkpoints import reached
from billing.store.merchants import Merchant
from billing.store.rows import fetch, is_word

__all__ = ["Worked", "merchants_with_bulk_work", "next_rows", "work_bulk"]

SLICE = 20


@dataclass(frozen=True, slots=True)
class Worked:
    """One slice: the job, its rows, and what became of them."""

    job: BulkJob
    rows: tuple[BulkRow, ...]
    outcomes: tuple[RowOutcome, ...]

    def done(self) -> tuple[BulkRow, ...]:
        """The rows that were done."""
        done = {o.position for o in self.outcomes if o.state is RowState.DONE}
        return tuple(row for row in self.rows if row.position in done)


def merchants_with_bulk_work(connection: Connection) -> frozenset[str]:
    """Who has bulk work under way, or a dry run that is not through; two small queries."""
    working = connection.execute(select(jobs.c.merchant_id).where(_under_way())).scalars()
    return frozenset(working) | merchants_to_look(connection)


def next_rows(
    connection: Connection, merchant: Merchant, *, limit: int = SLICE
) -> tuple[BulkJob, list[BulkRow]] | None:
    """The rows that `work_bulk` would do next, for what must be looked up before."""
    found = fetch(connection, _oldest(merchant))
    if not found:
        return None
    job = as_job(found[0])
    return job, [as_row(row) for row in fetch(connection, _rows_to_do(job, limit))]


def work_bulk(
    connection: Connection, merchant: Merchant, *, at: datetime, limit: int = SLICE
) -> Worked | None:
    """Do one slice of the merchant's oldest bulk work; None when there is none to do now.

    A job without rows left ends with an empty slice.
    """
    found = fetch(connection, _oldest(merchant).with_for_update(skip_locked=True))
    if not found:
        return None
    job = as_job(found[0])
    todo = [as_row(row) for row in fetch(connection, _rows_to_do(job, limit))]
    if not todo:
        ended = BulkState.DONE if job.state is BulkState.READY else BulkState.UNDONE
        values = {"state": ended, "finished_at": at}
        connection.execute(update(jobs).where(jobs.c.id == job.id).values(values))
        return Worked(job, (), ())
    kind = KINDS[job.kind]
    act = kind.do if job.state is BulkState.READY else kind.undo
    assert act is not None, "only what can be undone is"  # noqa: S101 - `decide_bulk` refuses it
    outcomes = act(connection, merchant, job, todo, at)
    _keep(connection, job, outcomes, at)
    reached("bulk.kept")
    return Worked(job, tuple(todo), tuple(outcomes))


def _under_way() -> ColumnElement[bool]:
    return is_word(jobs.c.state, "ready", "undoing")


def _oldest(merchant: Merchant) -> Select[tuple[object, ...]]:
    mine = jobs.c.merchant_id == merchant.id
    return select(jobs).where(mine, _under_way()).order_by(jobs.c.id).limit(1)


def _rows_to_do(job: BulkJob, limit: int) -> Select[tuple[object, ...]]:
    of_job = select(rows).where(rows.c.job_id == job.id)
    if job.state is BulkState.UNDOING:  # the last one first, as with every undo
        done = of_job.where(rows.c.state == RowState.DONE)
        return done.order_by(rows.c.position.desc()).limit(limit)
    waiting = of_job.where(is_word(rows.c.state, "waiting"))
    return waiting.order_by(rows.c.position).limit(limit)


def _keep(
    connection: Connection, job: BulkJob, outcomes: Sequence[RowOutcome], at: datetime
) -> None:
    # A slice is small, and a person waits for each of its rows.
    for outcome in outcomes:
        values = {
            "state": outcome.state,
            "reason": outcome.reason,
            "detail": outcome.detail,
            "done_at": at,
        }
        if outcome.after is not None:
            values["after"] = facts_text(outcome.after)
        mine = rows.c.job_id == job.id, rows.c.position == outcome.position
        connection.execute(update(rows).where(*mine).values(values))
