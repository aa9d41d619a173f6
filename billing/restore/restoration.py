"""Books that were taken back from a backup: nothing new until they equal Amazon's again.

While a restoration is open the brake holds every merchant: keys that the books hold are replayed,
no key is new. Each merchant is compared with Amazon, and two different people end it.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select, update

from billing.store.events import write_audit_event
from billing.store.merchants import Merchant
from billing.store.rows import Row, fetch, fresh_row, insert_unless_known, table_of
from billing.tables import AttemptRow, BrakeRow, RestorationCheckRow, RestorationRow
from plans import BadInput

_restorations = table_of(RestorationRow)
_checks = table_of(RestorationCheckRow)
_attempts = table_of(AttemptRow)
_brakes = table_of(BrakeRow)


@dataclass(frozen=True, slots=True)
class Restoration:
    """One restoration; `restored_to` is the newest moment that the books still knew.

    `found` holds what the comparison with Amazon found, by merchant.
    """

    number: int
    is_open: bool
    begun_at: datetime
    begun_by: str
    reason: str
    restored_to: datetime | None
    first_by: str | None
    second_by: str | None
    ended_at: datetime | None
    found: dict[str, dict[str, Any]]


def begin_restoration(connection: Connection, *, by: str, reason: str, at: datetime) -> Restoration:
    """Stop everything new until the books are compared with Amazon; one that is open goes on.

    Raises BadInput without a name or a reason.
    """
    check_words("by", by)
    check_words("reason", reason)
    last = last_restoration(connection)
    if last is not None and last.is_open:
        return last
    row = {
        "state": "reconciling",
        "begun_at": at,
        "begun_by": by,
        "reason": reason,
        "restored_to": newest_moment(connection),
    }
    fresh = fresh_row(connection, _restorations, row).on_conflict_do_nothing()
    # Of two who begin at the same moment the second one finds the first one's.
    if connection.execute(fresh.returning(_restorations.c.number)).first() is not None:
        write_audit_event(connection, kind="restoration_begun", actor=by, reason=reason, at=at)
    begun = last_restoration(connection)
    if begun is None:
        raise AssertionError("a restoration that was just begun is not there")
    return begun


def last_restoration(connection: Connection) -> Restoration | None:
    """The newest restoration, open or over; None when the books never came from a backup."""
    statement = select(_restorations).order_by(_restorations.c.number.desc()).limit(1)
    rows = fetch(connection, statement)
    return _restoration(connection, rows[0]) if rows else None


def newest_moment(connection: Connection) -> datetime | None:
    """The newest moment that the books know of their own work; None for books that never sent."""
    moments = (
        connection.execute(select(func.max(column))).scalar()
        for column in (
            _attempts.c.intended_at,
            _attempts.c.answered_at,
            _brakes.c.last_run_at,
        )
    )
    return max((moment for moment in moments if moment is not None), default=None)


def note_reconciled(
    connection: Connection,
    restoration: Restoration,
    merchant: Merchant,
    *,
    found: dict[str, Any],
    at: datetime,
) -> None:
    """Keep what the comparison of a merchant found; a later one of the same restoration wins.

    An approval given before is taken back: it was for other findings.
    """
    key = {"restoration": restoration.number, "merchant_id": merchant.id}
    values = {"checked_at": at, "found": json.dumps(found, ensure_ascii=False, sort_keys=True)}
    insert_unless_known(connection, _checks, [key | values])
    mine = (
        _checks.c.restoration == restoration.number,
        _checks.c.merchant_id == merchant.id,
    )
    connection.execute(update(_checks).where(*mine).values(values))
    unapproved = {"first_by": None, "first_at": None}
    connection.execute(
        update(_restorations).where(_restorations.c.state == "reconciling").values(unapproved)
    )


def locked_open(connection: Connection) -> Restoration:
    """The open restoration, nobody else's until the transaction ends; raises BadInput for none."""
    statement = select(_restorations).where(_restorations.c.state == "reconciling")
    rows = fetch(connection, statement.with_for_update())
    if not rows:
        raise BadInput(
            field="restoration",
            value="none",
            rule="only an open restoration can be ended",
            remedy="charging is not stopped by one; look at: autopay brake show",
        )
    return _restoration(connection, rows[0])


def _restoration(connection: Connection, row: Row) -> Restoration:
    mine = select(_checks).where(_checks.c.restoration == row["number"])
    found = {check["merchant_id"]: json.loads(check["found"]) for check in fetch(connection, mine)}
    return Restoration(
        number=row["number"],
        is_open=row["state"] == "reconciling",
        begun_at=row["begun_at"],
        begun_by=row["begun_by"],
        reason=row["reason"],
        restored_to=row["restored_to"],
        first_by=row["first_by"],
        second_by=row["second_by"],
        ended_at=row["ended_at"],
        found=found,
    )


def check_words(field: str, value: str) -> None:
    """Raise BadInput for an empty name or reason."""
    if not value.strip():
        raise BadInput(
            field=field,
            value=value,
            rule="who stops or allows charging says who and why",
            remedy=f"give --{field} with a few words",
        )
