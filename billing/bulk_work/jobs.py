"""Bulk work is asked for once, tried dry, and then decided upon by a person."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from billing.bulk_work.kinds import KINDS
from billing.bulk_work.looking import untried_rows
from billing.bulk_work.reading import as_job, jobs, rows
from billing.bulk_work.values import (
    BulkJob,
    BulkState,
    PlannedRow,
    UnknownBulkJob,
)
from billing.store.events import write_audit_event
from billing.store.merchants import Merchant
from billing.store.rows import fetch, insert_many, insert_unless_known
from plans import BadInput

__all__ = ["decide_bulk", "draft_bulk", "facts_text"]

_DECISIONS = {
    BulkState.READY: (BulkState.DRAFT, BulkState.STOPPED),
    BulkState.WITHDRAWN: (BulkState.DRAFT,),
    BulkState.STOPPED: (BulkState.READY,),
    BulkState.UNDOING: (BulkState.DONE, BulkState.STOPPED),
}
# What counts as decided already, so that a second press of the same button is no fault.
_SAME = {
    BulkState.READY: (BulkState.READY, BulkState.DONE),
    BulkState.WITHDRAWN: (BulkState.WITHDRAWN,),
    BulkState.STOPPED: (BulkState.STOPPED, BulkState.DONE),
    BulkState.UNDOING: (BulkState.UNDOING, BulkState.UNDONE),
}


def draft_bulk(
    connection: Connection,
    merchant: Merchant,
    *,
    kind: str,
    request_id: str,
    terms: Mapping[str, Any],
    planned: Sequence[PlannedRow],
    by: str,
    at: datetime,
) -> BulkJob:
    """Keep a dry run; the same request again gives the job that it made first.

    Of rows with the same subject the first one counts. Raises `BadInput` without rows.
    """
    if not planned:
        raise BadInput(
            field="rows",
            value=0,
            rule="bulk work has one row at least",
            remedy="choose the rows that it is about",
        )
    known = _of_request(connection, merchant, request_id)
    if known is not None:
        return known
    job = {
        "merchant_id": merchant.id,
        "kind": kind,
        "request_id": request_id,
        "state": BulkState.DRAFT,
        "terms": facts_text(terms),
        "asked_by": by,
        "asked_at": at,
    }
    insert_unless_known(connection, jobs, [job])
    made = _of_request(connection, merchant, request_id)
    assert made is not None, "a job that was just inserted"  # noqa: S101 - the constraint's promise
    if made.asked_at == at and made.asked_by == by:
        _insert_rows(connection, made, planned)
    return made


def decide_bulk(
    connection: Connection,
    merchant: Merchant,
    *,
    job_id: int,
    to: BulkState,
    by: str,
    at: datetime,
    seen: BulkState | None = None,
) -> BulkJob:
    """Begin, withdraw, pause, go on with or undo bulk work; deciding the same twice is once.

    `seen` is the state that the person looked at: going on is said of what was stopped, beginning
    of a dry run. Raises `UnknownBulkJob`, or `BadInput` where it is too late for that, it is not
    tried to its end yet, or it cannot be undone.
    """
    lock = select(jobs).where(jobs.c.id == job_id, jobs.c.merchant_id == merchant.id)
    found = fetch(connection, lock.with_for_update())
    if not found:
        raise UnknownBulkJob(f"bulk work {job_id}: merchant {merchant.id} has none of that number")
    job = as_job(found[0])
    if job.state in _SAME[to]:
        return job
    _check(connection, job, to, seen)
    decided = {"state": to, "decided_by": by, "decided_at": at}
    over = to in (BulkState.STOPPED, BulkState.WITHDRAWN)
    decided["finished_at"] = at if over else None
    connection.execute(update(jobs).where(jobs.c.id == job_id).values(decided))
    write_audit_event(
        connection,
        merchant_id=merchant.id,
        kind=f"bulk_{to}",
        actor=by,
        reason=f"bulk work {job.id}: {job.kind}",
        at=at,
    )
    return as_job(fetch(connection, select(jobs).where(jobs.c.id == job_id))[0])


def facts_text(facts: Mapping[str, Any]) -> str:
    """Facts as canonical JSON, so that the same facts are the same text."""
    return json.dumps(facts, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _check(connection: Connection, job: BulkJob, to: BulkState, seen: BulkState | None) -> None:
    looked_at = _DECISIONS[to][0] if seen is None else seen
    other = to is BulkState.READY and job.state is not looked_at
    if job.state not in _DECISIONS[to] or other:
        raise BadInput(
            field="state",
            value=str(job.state),
            rule=f"bulk work becomes {to} only from {' or '.join(_DECISIONS[to])}",
            remedy="look at it again: somebody else has decided meanwhile",
        )
    if job.state is BulkState.DRAFT and to is BulkState.READY and untried_rows(connection, job):
        raise BadInput(
            field="state",
            value=str(job.state),
            rule="bulk work begins when every row has been tried dry",
            remedy="wait until the dry run is through",
        )
    if to is BulkState.UNDOING and KINDS[job.kind].undo is None:
        raise BadInput(
            field="kind",
            value=job.kind,
            rule="what was done to these rows cannot be taken back in one go",
            remedy="look at the rows one by one",
        )


def _of_request(connection: Connection, merchant: Merchant, request_id: str) -> BulkJob | None:
    mine = jobs.c.merchant_id == merchant.id, jobs.c.request_id == request_id
    found = fetch(connection, select(jobs).where(*mine))
    return as_job(found[0]) if found else None


def _insert_rows(connection: Connection, job: BulkJob, planned: Sequence[PlannedRow]) -> None:
    first = {row.subject: row for row in reversed(planned)}
    unique = [row for row in planned if first[row.subject] is row]
    insert_many(
        connection,
        rows,
        [
            {
                "job_id": job.id,
                "position": position,
                "subject": row.subject,
                "subject_id": row.subject_id,
                "state": row.state,
                "amount_yen": row.amount_yen,
                "reason": row.reason,
                "detail": row.detail,
                "before": None if row.before is None else facts_text(row.before),
            }
            for position, row in enumerate(unique, start=1)
        ],
    )
