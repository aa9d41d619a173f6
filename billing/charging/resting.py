"""When a key rests: replays have not settled the attempt, so nobody sends it any more.

Only what is seen after the last possible send can prove that nothing happened.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, select, update

from billing.store.merchants import Merchant
from billing.store.rows import Row, fetch, insert_many, table_of
from billing.tables import AttemptRow, DoubtRow

attempts = table_of(AttemptRow)
doubts = table_of(DoubtRow)

# Replays that had no definite answer, and how long they went on, before proofs are looked for:
# so long where Amazon answered others meanwhile, much longer where it answered nobody. After an
# outage a replay settles at once what no proof could.
REST_AFTER_SENDS = 8
REST_AFTER = timedelta(hours=6)
REST_AFTER_OUTAGE = timedelta(hours=24)
# Others must have been answered before the last replay, which was half an hour ago; an answer that
# came since says that this one should be tried once more.
ANSWERED_WITHIN = (timedelta(hours=3), timedelta(minutes=31))
# A resting key has no moment of its own; only the janitor or a person ends the rest.
FAR = timedelta(days=36_500)
NOBODY = ""


def is_tired(attempt: Row, *, since: datetime, at: datetime) -> bool:
    """Whether replays of the attempt have said all they will; `since` is when they began."""
    in_doubt = attempt["state"] == "in_doubt" and attempt["charge_id"] is None
    return in_doubt and attempt["sends"] >= REST_AFTER_SENDS and at - since >= REST_AFTER


def tired(connection: Connection, rows: Sequence[Row], *, at: datetime) -> set[int]:
    """Which of the attempts shall rest instead of being sent again."""
    likely = [row for row in rows if is_tired(row, since=row["intended_at"], at=at)]
    if not likely:
        return set()
    patience = REST_AFTER if _others_were_answered(connection, likely[0], at) else REST_AFTER_OUTAGE
    statement = select(doubts.c.attempt_id, doubts.c.opened_at).where(
        doubts.c.attempt_id.in_([row["id"] for row in likely])
    )
    # One that was given back to the replays gets their whole time again.
    opened: dict[int, datetime] = dict(connection.execute(statement).all())
    return {
        row["id"]
        for row in likely
        if at - (opened.get(row["id"]) or row["intended_at"]) >= patience
    }


def _others_were_answered(connection: Connection, attempt: Row, at: datetime) -> bool:
    """Whether Amazon gave definite answers while it gave this attempt none."""
    longest, shortest = ANSWERED_WITHIN
    statement = (
        select(attempts.c.id)
        .where(attempts.c.merchant_id == attempt["merchant_id"])
        .where(attempts.c.intended_at >= at - REST_AFTER_OUTAGE)
        .where(attempts.c.answered_at.between(at - longest, at - shortest))
        .limit(1)
    )
    return connection.execute(statement).first() is not None


def rest(
    connection: Connection, merchant: Merchant, attempt_ids: Collection[int], *, at: datetime
) -> None:
    """Let the keys rest from `at`; the caller holds the locks of their permissions."""
    if not attempt_ids:
        return
    connection.execute(
        update(attempts)
        .where(attempts.c.id.in_(attempt_ids))
        .values(look_at=at + FAR, worker_id=NOBODY)
    )
    known = set(
        connection.execute(
            select(doubts.c.attempt_id).where(doubts.c.attempt_id.in_(attempt_ids))
        ).scalars()
    )
    resting = {"rested_at": at, "look_at": at, "settled_at": None}
    connection.execute(update(doubts).where(doubts.c.attempt_id.in_(known)).values(resting))
    new = [key for key in sorted(attempt_ids) if key not in known]
    insert_many(
        connection,
        doubts,
        [{"attempt_id": key, "merchant_id": merchant.id, "opened_at": at} | resting for key in new],
    )


def wake(connection: Connection, attempt_ids: Collection[int], *, at: datetime) -> None:
    """End the rest: the same key may be sent again from `at`, for the whole time of replays."""
    ids = list(attempt_ids)
    awake = {"opened_at": at, "rested_at": None, "parked_at": None, "parked_reason": None}
    connection.execute(
        update(doubts).where(doubts.c.attempt_id.in_(ids)).values(awake | {"look_at": at + FAR})
    )
    connection.execute(
        update(attempts).where(attempts.c.id.in_(ids)).values(look_at=at, worker_id=NOBODY)
    )


def settle(connection: Connection, attempt_ids: Collection[int], *, at: datetime) -> None:
    """The doubt is over."""
    connection.execute(
        update(doubts).where(doubts.c.attempt_id.in_(list(attempt_ids))).values(settled_at=at)
    )


def doubt_of(connection: Connection, attempt_id: int) -> Row | None:
    """The row of one doubt, if it was ever opened."""
    rows = fetch(connection, select(doubts).where(doubts.c.attempt_id == attempt_id))
    return rows[0] if rows else None
