"""The brake: a person, the audit or a clock that jumped stops new charges; replays go on.

What is under way is still asked about with its own key: that can only remove doubt. Nothing new
gets a key until somebody releases the brake and says why. There is one of each merchant and one of
the whole database; books that were restored from a backup are braked until two people end it.
Who moved a brake, when and why stays in `audit_event` for ever.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    CompoundSelect,
    Connection,
    Label,
    String,
    literal,
    null,
    select,
    union_all,
    update,
)

from billing.store.events import write_audit_event
from billing.store.merchants import Merchant
from billing.store.rows import Row, fetch, insert_unless_known, table_of
from billing.tables import BrakeRow, GlobalBrakeRow, RestorationRow
from plans import BadInput

__all__ = [
    "Brake",
    "BrakeScope",
    "check_clock",
    "load_brake",
    "load_global_brake",
    "pull_brake",
    "pull_global_brake",
    "release_brake",
    "release_global_brake",
]

_brakes = table_of(BrakeRow)
_global = table_of(GlobalBrakeRow)
_restorations = table_of(RestorationRow)

# A clock this far ahead of the last run is more likely wrong than right: charges would come early.
LONGEST_GAP = timedelta(hours=26)


class BrakeScope(StrEnum):
    """What is stopped, and by that who may let it go on."""

    MERCHANT = "merchant"
    DATABASE = "database"
    RESTORED = "restored"


_UNTIL = {
    BrakeScope.MERCHANT: ("the brake is", "autopay brake release --reason TEXT"),
    BrakeScope.DATABASE: (
        "the brake of all merchants is",
        "autopay brake release --all --reason TEXT",
    ),
    BrakeScope.RESTORED: (
        "these books come from a backup: the brake of all merchants is",
        "autopay restore reconcile, then autopay restore reopen --by NAME by two people",
    ),
}


@dataclass(frozen=True, slots=True)
class Brake:
    """Whether new charges are stopped for a merchant: since when, by whom, why, how widely."""

    pulled_at: datetime | None = None
    pulled_by: str | None = None
    reason: str | None = None
    last_run_at: datetime | None = None
    scope: BrakeScope = BrakeScope.MERCHANT

    @property
    def is_pulled(self) -> bool:
        """Nothing new may be charged."""
        return self.pulled_at is not None

    def is_overtaken(self, at: datetime) -> bool:
        """The clock says `at`, and jumped there: no date may be believed until somebody has looked.

        A run of a clock that is believed notes its moment, so this holds until the release.
        """
        return self.last_run_at is not None and at - self.last_run_at > LONGEST_GAP

    @property
    def words(self) -> str:
        """Say it to the person who wonders why nothing is charged."""
        what, until = _UNTIL[self.scope]
        return (
            f"{what} pulled since {self.pulled_at:%Y-%m-%d %H:%M} UTC by {self.pulled_by}: "
            f"{self.reason}; nothing new is charged until: {until}"
        )


def load_brake(connection: Connection, merchant_id: str) -> Brake:
    """Read what stops a merchant: a restoration, else the brake of all, else its own."""
    rows = {row["scope"]: row for row in fetch(connection, _every_brake(merchant_id))}
    own = rows.get(BrakeScope.MERCHANT)
    last_run_at = None if own is None else own["last_run_at"]
    for scope in (BrakeScope.RESTORED, BrakeScope.DATABASE, BrakeScope.MERCHANT):
        row = rows.get(scope)
        if row is not None and row["pulled_at"] is not None:
            return _brake(row, scope, last_run_at)
    return Brake(last_run_at=last_run_at)


def load_global_brake(connection: Connection) -> Brake:
    """Read the brake of all merchants; one that was never pulled is released."""
    rows = fetch(connection, select(_global))
    return _brake(rows[0], BrakeScope.DATABASE, None) if rows else Brake(scope=BrakeScope.DATABASE)


def pull_brake(
    connection: Connection,
    merchant: Merchant,
    *,
    by: str,
    reason: str,
    at: datetime,
    detail: str | None = None,
) -> Brake:
    """Let nothing new be charged; a brake that is pulled already keeps its first reason.

    `detail` (JSON) is kept with the act. Raises BadInput without a reason.
    """
    _check_reason(reason)
    insert_unless_known(connection, _brakes, [{"merchant_id": merchant.id}])
    free = _brakes.c.merchant_id == merchant.id, _brakes.c.pulled_at.is_(None)
    pulled = {"pulled_at": at, "pulled_by": by, "reason": reason}
    if connection.execute(update(_brakes).where(*free).values(pulled)).rowcount:
        _note(connection, "brake_pulled", merchant.id, by, reason, at, detail)
    return load_brake(connection, merchant.id)


def release_brake(
    connection: Connection, merchant: Merchant, *, reason: str, at: datetime, by: str = "staff"
) -> None:
    """Let charging go on from now; the clock of now is taken for right. Raises BadInput."""
    _check_reason(reason)
    released = {"pulled_at": None, "pulled_by": None, "reason": None, "last_run_at": at}
    insert_unless_known(connection, _brakes, [{"merchant_id": merchant.id}])
    mine = update(_brakes).where(_brakes.c.merchant_id == merchant.id)
    connection.execute(mine.values(released))
    _note(connection, "brake_released", merchant.id, by, reason, at)


def pull_global_brake(
    connection: Connection, *, by: str, reason: str, at: datetime, detail: str | None = None
) -> Brake:
    """Let nothing new be charged for any merchant of the database. Raises BadInput."""
    _check_reason(reason)
    insert_unless_known(connection, _global, [{"id": 1}])
    pulled = {"pulled_at": at, "pulled_by": by, "reason": reason}
    free = update(_global).where(_global.c.pulled_at.is_(None))
    if connection.execute(free.values(pulled)).rowcount:
        _note(connection, "brake_pulled", None, by, reason, at, detail)
    return load_global_brake(connection)


def release_global_brake(connection: Connection, *, by: str, reason: str, at: datetime) -> None:
    """Release the brake of all; a merchant's own one stays as it is. Raises BadInput."""
    _check_reason(reason)
    connection.execute(update(_global).values(pulled_at=None, pulled_by=None, reason=None))
    _note(connection, "brake_released", None, by, reason, at)


def check_clock(connection: Connection, merchant: Merchant, *, at: datetime) -> Brake:
    """Compare the clock with that of the last run and note it; a jump pulls the brake.

    Only in the live environment: a sandbox is there to travel in time.
    """
    insert_unless_known(connection, _brakes, [{"merchant_id": merchant.id}])
    locked = select(_brakes.c.merchant_id).where(_brakes.c.merchant_id == merchant.id)
    connection.execute(locked.with_for_update()).all()
    brake = load_brake(connection, merchant.id)
    last = brake.last_run_at
    if merchant.environment == "live" and last is not None and brake.is_overtaken(at):
        hours = int((at - last).total_seconds() // 3600)
        reason = (
            f"the clock is {hours} hours ahead of the last run ({last:%Y-%m-%d %H:%M} UTC); "
            "if that is right (the machine was off), release the brake"
        )
        return pull_brake(connection, merchant, by="clock", reason=reason, at=at)
    if last is None or at > last:
        mine = update(_brakes).where(_brakes.c.merchant_id == merchant.id)
        connection.execute(mine.values(last_run_at=at))
    return brake


@lru_cache(maxsize=1024)
def _every_brake(merchant_id: str) -> CompoundSelect[Any]:
    """One statement: claims ask for the brake again and again."""
    own, of_all, restored = _brakes.c, _global.c, _restorations.c
    return union_all(
        select(
            _word(BrakeScope.MERCHANT), own.pulled_at, own.pulled_by, own.reason, own.last_run_at
        ).where(own.merchant_id == merchant_id),
        select(
            _word(BrakeScope.DATABASE), of_all.pulled_at, of_all.pulled_by, of_all.reason, null()
        ),
        select(
            _word(BrakeScope.RESTORED),
            restored.begun_at.label("pulled_at"),
            restored.begun_by.label("pulled_by"),
            restored.reason,
            null(),
        ).where(restored.state == "reconciling"),
    )


def _word(scope: BrakeScope) -> Label[str]:
    return literal(str(scope), String).label("scope")


def _brake(row: Row, scope: BrakeScope, last_run_at: datetime | None) -> Brake:
    return Brake(row["pulled_at"], row["pulled_by"], row["reason"], last_run_at, scope)


def _note(
    connection: Connection,
    kind: str,
    merchant_id: str | None,
    by: str,
    reason: str,
    at: datetime,
    detail: str | None = None,
) -> None:
    write_audit_event(
        connection,
        merchant_id=merchant_id,
        kind=kind,
        actor=by,
        reason=reason,
        at=at,
        detail=detail,
    )


def _check_reason(reason: str) -> None:
    if not reason.strip():
        raise BadInput(
            field="reason",
            value=reason,
            rule="whoever moves the brake says why",
            remedy="give a reason of a few words",
        )
