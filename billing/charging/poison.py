"""Rows that fail every time they are touched: tried three times, then set aside with the reason.

The rest goes on. A row that fails is left alone for a while between its tries, so that one bad
row never costs the others more than a moment.
"""

import logging
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, exists, select, update

from billing.store.merchants import Merchant
from billing.store.rows import Row, fetch, insert_unless_known, table_of
from billing.tables import PoisonRow

log = logging.getLogger(__name__)

poison = table_of(PoisonRow)

OPENING, INTENDING, SENDING = "opening", "intending", "sending"
# With this begins the reason of a slot that is set aside because it failed.
POISON = "poison:"
MOST_TRIES = 3
WAITS = (timedelta(minutes=1), timedelta(minutes=10))
LONGEST_REASON = 500


def is_left_alone(
    merchant: Merchant, *, step: str, subject: Any, at: datetime
) -> ColumnElement[bool]:
    """SQL: the row `subject` (a text column) failed in `step` and is not to be tried now."""
    return exists().where(
        poison.c.merchant_id == merchant.id,
        poison.c.step == step,
        poison.c.subject == subject,
        poison.c.retry_at > at,
    )


def note_failures(
    connection: Connection,
    merchant: Merchant,
    *,
    step: str,
    errors: Mapping[str, BaseException],
    at: datetime,
) -> set[str]:
    """Count one more failure of each subject; returns those that are set aside by it."""
    if not errors:
        return set()
    known = _known(connection, merchant, step, errors)
    new: list[dict[str, Any]] = []
    gone: set[str] = set()
    for subject, error in errors.items():
        before = known.get(subject)
        tries = 1 if before is None else before["tries"] + 1
        row = _failed(tries, error, at)
        if row["set_aside_at"] is not None:
            gone.add(subject)
            log.critical("%s of %s failed %d times: it is set aside", step, subject, tries)
        if before is None:
            mine = {"merchant_id": merchant.id, "step": step, "subject": subject}
            new.append(mine | {"first_at": at} | row)
        else:
            connection.execute(update(poison).where(*_one(merchant, step, subject)).values(row))
    # Another worker may have failed with the same row at this moment: one count is enough.
    insert_unless_known(connection, poison, new)
    return gone


def _known(
    connection: Connection, merchant: Merchant, step: str, subjects: Collection[str]
) -> dict[str, Row]:
    statement = select(poison).where(
        poison.c.merchant_id == merchant.id,
        poison.c.step == step,
        poison.c.subject.in_(list(subjects)),
    )
    return {row["subject"]: row for row in fetch(connection, statement)}


def _failed(tries: int, error: BaseException, at: datetime) -> dict[str, Any]:
    aside = tries >= MOST_TRIES
    wait = timedelta(days=36_500) if aside else WAITS[tries - 1]
    return {
        "tries": tries,
        "error": f"{type(error).__name__}: {error}"[:LONGEST_REASON],
        "last_at": at,
        "retry_at": at + wait,
        "set_aside_at": at if aside else None,
    }


def _one(merchant: Merchant, step: str, subject: str) -> tuple[ColumnElement[bool], ...]:
    return (
        poison.c.merchant_id == merchant.id,
        poison.c.step == step,
        poison.c.subject == subject,
    )


def retry_moment(
    connection: Connection, merchant: Merchant, *, step: str, subject: str
) -> datetime:
    """When a row that failed is tried again."""
    statement = select(poison.c.retry_at).where(*_one(merchant, step, subject))
    found: datetime = connection.execute(statement).scalar_one()
    return found


def count_takeovers(
    connection: Connection, merchant: Merchant, *, subjects: Collection[str], at: datetime
) -> None:
    """Count that these had to be taken over from a worker that died with them in its hands."""
    if not subjects:
        return
    fresh = {
        "merchant_id": merchant.id,
        "step": SENDING,
        "tries": 0,
        "error": "the worker died",
        "first_at": at,
        "last_at": at,
        "retry_at": at,
    }
    insert_unless_known(connection, poison, [fresh | {"subject": s} for s in sorted(subjects)])
    mine = (
        poison.c.merchant_id == merchant.id,
        poison.c.step == SENDING,
        poison.c.subject.in_(list(subjects)),
    )
    connection.execute(update(poison).where(*mine).values(tries=poison.c.tries + 1, last_at=at))


def takeovers(
    connection: Connection, merchant: Merchant, *, subjects: Collection[str]
) -> dict[str, int]:
    """How often each was taken over from a worker that died."""
    known = _known(connection, merchant, SENDING, subjects) if subjects else {}
    return {subject: row["tries"] for subject, row in known.items()}


def set_aside(
    connection: Connection,
    merchant: Merchant,
    *,
    step: str,
    subjects: Collection[str],
    at: datetime,
) -> None:
    """Mark rows as set aside."""
    connection.execute(
        update(poison)
        .where(poison.c.merchant_id == merchant.id, poison.c.step == step)
        .where(poison.c.subject.in_(list(subjects)))
        .values(set_aside_at=at)
    )


def forget_recovered(connection: Connection, merchant: Merchant, *, before: datetime) -> int:
    """Drop counts of rows that have not failed since `before` and were never set aside."""
    statement = delete(poison).where(
        poison.c.merchant_id == merchant.id,
        poison.c.set_aside_at.is_(None),
        poison.c.last_at < before,
    )
    return connection.execute(statement).rowcount


def forget(connection: Connection, merchant: Merchant, *, subjects: Collection[str]) -> int:
    """A person says that the cause is gone: the rows are tried again; returns how many."""
    statement = delete(poison).where(
        poison.c.merchant_id == merchant.id, poison.c.subject.in_(list(subjects))
    )
    return connection.execute(statement).rowcount


def set_aside_rows(connection: Connection, merchant: Merchant) -> list[Row]:
    """Every row that is set aside, oldest first."""
    statement = (
        select(poison)
        .where(poison.c.merchant_id == merchant.id, poison.c.set_aside_at.is_not(None))
        .order_by(poison.c.set_aside_at, poison.c.step, poison.c.subject)
    )
    return fetch(connection, statement)
