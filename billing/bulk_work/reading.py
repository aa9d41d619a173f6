"""Reads bulk work; every question costs the rows of one job or of one page, never of history."""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, func, select

from billing.bulk_work.values import (
    BulkFigure,
    BulkJob,
    BulkRow,
    BulkState,
    RowState,
    UnknownBulkJob,
)
from billing.store.merchants import Merchant
from billing.store.rows import Row, fetch, table_of
from billing.tables import BulkJobRow, BulkRowRow

__all__ = ["as_job", "as_row", "bulk_figures", "bulk_rows", "jobs", "load_bulk", "recent_bulk"]

jobs = table_of(BulkJobRow)
rows = table_of(BulkRowRow)


def load_bulk(connection: Connection, merchant: Merchant, *, job_id: int) -> BulkJob:
    """One piece of bulk work; raises `UnknownBulkJob`, also for another merchant's."""
    found = fetch(
        connection, select(jobs).where(jobs.c.id == job_id, jobs.c.merchant_id == merchant.id)
    )
    if not found:
        raise UnknownBulkJob(f"bulk work {job_id}: merchant {merchant.id} has none of that number")
    return as_job(found[0])


def recent_bulk(
    connection: Connection, merchant: Merchant, *, kind: str | None = None, limit: int = 20
) -> list[BulkJob]:
    """The newest bulk work first, of one kind or of all."""
    statement = select(jobs).where(jobs.c.merchant_id == merchant.id)
    if kind is not None:
        statement = statement.where(jobs.c.kind == kind)
    return [
        as_job(row) for row in fetch(connection, statement.order_by(jobs.c.id.desc()).limit(limit))
    ]


def bulk_rows(
    connection: Connection,
    job: BulkJob,
    *,
    states: tuple[RowState, ...] = (),
    after: int = 0,
    limit: int = 100,
) -> list[BulkRow]:
    """Rows of a job behind position `after`, in their order; of some states or of all."""
    statement = select(rows).where(rows.c.job_id == job.id, rows.c.position > after)
    if states:
        statement = statement.where(rows.c.state.in_(states))
    return [
        as_row(row) for row in fetch(connection, statement.order_by(rows.c.position).limit(limit))
    ]


def bulk_figures(connection: Connection, job: BulkJob) -> list[BulkFigure]:
    """How many rows of a job stand in which state for which reason."""
    statement = (
        select(
            rows.c.state,
            rows.c.reason,
            func.count().label("rows"),
            func.coalesce(func.sum(rows.c.amount_yen), 0).label("amount_yen"),
        )
        .where(rows.c.job_id == job.id)
        .group_by(rows.c.state, rows.c.reason)
        .order_by(rows.c.state, rows.c.reason)
    )
    return [
        BulkFigure(RowState(row["state"]), row["reason"], row["rows"], int(row["amount_yen"]))
        for row in fetch(connection, statement)
    ]


def as_job(row: Row) -> BulkJob:
    """A stored job as a value."""
    values = {name: row[name] for name in BulkJob.__slots__ if name not in ("state", "terms")}
    return BulkJob(**values, state=BulkState(row["state"]), terms=_facts(row["terms"]))


def as_row(row: Row) -> BulkRow:
    """A stored row as a value."""
    kept = ("position", "subject", "subject_id", "amount_yen", "reason", "detail", "done_at")
    return BulkRow(
        **{name: row[name] for name in kept},
        state=RowState(row["state"]),
        before=_facts(row["before"]),
        after=_facts(row["after"]),
    )


def _facts(text: str | None) -> Mapping[str, Any]:
    facts: Mapping[str, Any] = json.loads(text) if text else {}
    return facts
