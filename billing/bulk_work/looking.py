"""Dry runs that take long are tried slice by slice, as the work itself is done.

A slice is tried on a snapshot and then written down; two workers that try the same one write the
same down, and a row that was tried is not tried again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select, true, update

from billing.bulk_work.kinds import KINDS
from billing.bulk_work.reading import as_job, as_row, jobs, rows
from billing.bulk_work.values import BulkJob, BulkRow, BulkState, PlannedRow
from billing.store.merchants import Merchant
from billing.store.rows import fetch, is_word

__all__ = ["Looked", "keep_look", "look_ahead", "merchants_to_look", "untried_rows"]

SLICE = 40

_LOOKING = tuple(name for name, kind in KINDS.items() if kind.look is not None)


@dataclass(frozen=True, slots=True)
class Looked:
    """A slice of a dry run: the rows of a job, and what would become of each, in their order."""

    job: BulkJob
    rows: tuple[BulkRow, ...]
    planned: tuple[PlannedRow, ...]


def untried_rows(connection: Connection, job: BulkJob) -> int:
    """How many rows of a draft nobody has tried yet; 0 for a kind that is tried as drafted."""
    if job.kind not in _LOOKING or job.state is not BulkState.DRAFT:
        return 0
    statement = select(func.count()).select_from(rows).where(rows.c.job_id == job.id, _untried())
    return int(connection.execute(statement).scalar_one())


def merchants_to_look(connection: Connection) -> frozenset[str]:
    """Whose drafts have rows that nobody has tried."""
    found = connection.execute(_drafts().with_only_columns(jobs.c.merchant_id).distinct())
    return frozenset(found.scalars())


def look_ahead(
    connection: Connection, merchant: Merchant, *, at: datetime, limit: int = SLICE
) -> Looked | None:
    """Try the next rows of the merchant's oldest draft; None when everything is tried."""
    oldest = _drafts().where(jobs.c.merchant_id == merchant.id).order_by(jobs.c.id)
    found = fetch(connection, oldest.limit(1))
    if not found:
        return None
    job = as_job(found[0])
    look = KINDS[job.kind].look
    if look is None:
        raise AssertionError(f"bulk work of kind {job.kind} is tried as it is drafted")
    next_ones = select(rows).where(rows.c.job_id == job.id, _untried())
    statement = next_ones.order_by(rows.c.position).limit(limit)
    todo = [as_row(row) for row in fetch(connection, statement)]
    return Looked(job, tuple(todo), tuple(look(connection, merchant, job, todo, at)))


def keep_look(connection: Connection, looked: Looked) -> None:
    """Write down what was found; a row that somebody has tried or decided meanwhile stays."""
    for row, planned in zip(looked.rows, looked.planned, strict=True):
        values = {
            "state": planned.state,
            "amount_yen": planned.amount_yen,
            "reason": planned.reason,
            "detail": planned.detail,
            "before": _text(planned),
        }
        mine = rows.c.job_id == looked.job.id, rows.c.position == row.position
        connection.execute(update(rows).where(*mine, _untried()).values(values))


def _text(planned: PlannedRow) -> str:
    return json.dumps(planned.before or {}, ensure_ascii=False, sort_keys=True)


def _untried() -> ColumnElement[bool]:
    """A row that waits and does not know what it was before."""
    return and_(is_word(rows.c.state, "waiting"), rows.c.before.is_(None))


def _drafts() -> Select[Any]:
    # Rows are tried in their order, so the last one that waits tells for all of them.
    waiting = rows.c.job_id == jobs.c.id, is_word(rows.c.state, "waiting")
    last = select(rows.c.before.is_(None)).where(*waiting).order_by(rows.c.position.desc())
    waits = last.limit(1).scalar_subquery().is_(true())
    kinds = or_(*(jobs.c.kind == name for name in _LOOKING))
    return select(jobs).where(jobs.c.state == "draft", kinds, waits)
