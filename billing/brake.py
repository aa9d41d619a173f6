"""The brake: a person, the audit or a clock that jumped stops new charges; replays go on.

What is under way is still asked about with its own key: that can only remove doubt. Nothing new
gets a key until somebody releases the brake and says why.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, select, update

from billing.merchants import Merchant
from billing.rows import fetch, insert_many, insert_unless_known, table_of
from billing.tables import BrakeRow
from plans import BadInput

__all__ = ["Brake", "check_clock", "load_brake", "pull_brake", "release_brake"]

_brakes = table_of(BrakeRow)

# A clock this far ahead of the last run is more likely wrong than right: charges would come early.
LONGEST_GAP = timedelta(hours=26)


@dataclass(frozen=True, slots=True)
class Brake:
    """Whether the brake of a merchant is pulled: since when, by whom and why."""

    pulled_at: datetime | None = None
    pulled_by: str | None = None
    reason: str | None = None
    last_run_at: datetime | None = None

    @property
    def is_pulled(self) -> bool:
        """Nothing new may be charged."""
        return self.pulled_at is not None

    @property
    def words(self) -> str:
        """Say it to the person who wonders why nothing is charged."""
        return (
            f"the brake is pulled since {self.pulled_at:%Y-%m-%d %H:%M} UTC by {self.pulled_by}: "
            f"{self.reason}; nothing new is charged until: autopay brake release --reason TEXT"
        )


def load_brake(connection: Connection, merchant_id: str) -> Brake:
    """Read the brake of a merchant; one that was never pulled is released."""
    rows = fetch(connection, select(_brakes).where(_brakes.c.merchant_id == merchant_id))
    if not rows:
        return Brake()
    row = rows[0]
    return Brake(row["pulled_at"], row["pulled_by"], row["reason"], row["last_run_at"])


def pull_brake(
    connection: Connection, merchant: Merchant, *, by: str, reason: str, at: datetime
) -> Brake:
    """Let nothing new be charged; a brake that is pulled already keeps its first reason.

    Raises BadInput without a reason.
    """
    _check_reason(reason)
    insert_unless_known(connection, _brakes, [{"merchant_id": merchant.id}])
    free = _brakes.c.merchant_id == merchant.id, _brakes.c.pulled_at.is_(None)
    connection.execute(
        update(_brakes).where(*free).values(pulled_at=at, pulled_by=by, reason=reason)
    )
    return load_brake(connection, merchant.id)


def release_brake(connection: Connection, merchant: Merchant, *, reason: str, at: datetime) -> None:
    """Let charging go on from now; the clock of now is taken for right. Raises BadInput."""
    _check_reason(reason)
    released = {"pulled_at": None, "pulled_by": None, "reason": None, "last_run_at": at}
    mine = update(_brakes).where(_brakes.c.merchant_id == merchant.id)
    if connection.execute(mine.values(released)).rowcount == 0:
        insert_many(connection, _brakes, [{"merchant_id": merchant.id} | released])


def check_clock(connection: Connection, merchant: Merchant, *, at: datetime) -> Brake:
    """Compare the clock with that of the last run and note it; a jump pulls the brake.

    Only in the live environment: a sandbox is there to travel in time.
    """
    insert_unless_known(connection, _brakes, [{"merchant_id": merchant.id}])
    locked = select(_brakes.c.merchant_id).where(_brakes.c.merchant_id == merchant.id)
    connection.execute(locked.with_for_update()).all()
    brake = load_brake(connection, merchant.id)
    last = brake.last_run_at
    if merchant.environment == "live" and last is not None and at - last > LONGEST_GAP:
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


def _check_reason(reason: str) -> None:
    if not reason.strip():
        raise BadInput(
            field="reason",
            value=reason,
            rule="whoever moves the brake says why",
            remedy="give a reason of a few words",
        )
