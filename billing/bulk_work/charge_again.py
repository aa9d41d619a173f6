"""Charges many failed slots again: a dry run in a few queries, then each by `make_due`.

The dry run says what `make_due` would say, and leaves out besides what has no room under the cap:
asking for that again would only move it to another month.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from billing.bulk_work.values import BulkJob, BulkRow, PlannedRow, RowOutcome, RowState
from billing.charging.retrying import CHARGEABLE, UNSETTLED, make_due
from billing.dates import possible_months
from billing.store.cap_room import cap_months, effective_limit_yen
from billing.store.merchants import Merchant
from billing.store.rows import Row, among, fetch, is_word, table_of
from billing.tables import AttemptRow, ChargePermissionRow, SlotRow, SubscriptionRow
from plans import BadInput

__all__ = ["CHARGE_AGAIN", "ChargeAgainPlan", "charge_again", "plan_charge_again"]

CHARGE_AGAIN = "charge_again"
MOST_ROWS = 5_000

slots = table_of(SlotRow)
attempts = table_of(AttemptRow)
permissions = table_of(ChargePermissionRow)
subscriptions = table_of(SubscriptionRow)


@dataclass(frozen=True, slots=True)
class ChargeAgainPlan:
    """What a dry run found: every row, with the reason where it is left out; yen are whole."""

    rows: tuple[PlannedRow, ...]

    @property
    def amount_yen(self) -> int:
        """What would be asked for."""
        return sum(row.amount_yen or 0 for row in self.rows if row.reason is None)


def plan_charge_again(
    connection: Connection, merchant: Merchant, *, slot_ids: Collection[int], at: datetime
) -> ChargeAgainPlan:
    """Try dry to charge these slots of the merchant at `at`; oldest due time first.

    A slot of another merchant is as if it were not there. Raises `BadInput` for more than 5,000.
    """
    if len(slot_ids) > MOST_ROWS:
        raise BadInput(
            field="rows",
            value=len(slot_ids),
            rule=f"at most {MOST_ROWS:,} rows are charged again at once",
            remedy="narrow the list, for example by reason",
        )
    found = _slots(connection, merchant, slot_ids)
    owners = {row["permission_id"] for row in found}
    busy = _under_way(connection, owners)
    room = _rooms(connection, merchant, found, at)
    return ChargeAgainPlan(tuple(_planned(row, busy, room, at) for row in found))


def charge_again(
    connection: Connection, merchant: Merchant, job: BulkJob, rows: Sequence[BulkRow], at: datetime
) -> list[RowOutcome]:
    """Make each slot due now, or say why not; the charge itself goes the way of every charge."""
    return [_made_due(connection, merchant, row, at) for row in rows]


def _made_due(connection: Connection, merchant: Merchant, row: BulkRow, at: datetime) -> RowOutcome:
    try:
        make_due(connection, merchant, reference=row.subject, at=at)
    except BadInput as refusal:
        return _refused(connection, merchant, row, at, refusal)
    tries = select(slots.c.attempts).where(slots.c.id == row.subject_id)
    after = {"attempt": connection.execute(tries).scalar_one() + 1}
    return RowOutcome(row.position, RowState.DONE, after=after)


def _refused(
    connection: Connection, merchant: Merchant, row: BulkRow, at: datetime, refusal: BadInput
) -> RowOutcome:
    """Why, in the word that the dry run would say now; else in the words of the refusal."""
    ids = [] if row.subject_id is None else [row.subject_id]
    now = plan_charge_again(connection, merchant, slot_ids=ids, at=at).rows
    reason, detail = (now[0].reason, now[0].detail) if now else (None, None)
    if reason is None and detail not in (None, "Chargeable"):
        reason = "permission"
    if reason is None:
        reason, detail = "refused", refusal.rule
    return RowOutcome(row.position, RowState.REFUSED, reason, detail)


def _slots(connection: Connection, merchant: Merchant, slot_ids: Collection[int]) -> list[Row]:
    statement = (
        select(
            slots,
            subscriptions.c.state.label("subscription_state"),
            permissions.c.state.label("permission_state"),
            permissions.c.amount_limit_yen,
        )
        .join(subscriptions, subscriptions.c.id == slots.c.subscription_id)
        .join(permissions, permissions.c.id == slots.c.permission_id)
        .where(slots.c.merchant_id == merchant.id, among(connection, slots.c.id, slot_ids))
        .order_by(slots.c.due_at, slots.c.id)
    )
    return fetch(connection, statement)


def _under_way(connection: Connection, owners: Collection[int]) -> dict[int, str]:
    """Permissions with a charge that has no definite answer, and the name of that charge."""
    statement = (
        select(attempts.c.permission_id, slots.c.reference)
        .join(slots, slots.c.id == attempts.c.slot_id)
        .where(
            is_word(attempts.c.state, *UNSETTLED),
            among(connection, attempts.c.permission_id, owners),
            slots.c.state != "quarantined",
        )
    )
    return {row.permission_id: row.reference for row in connection.execute(statement)}


def _rooms(
    connection: Connection, merchant: Merchant, found: Sequence[Row], at: datetime
) -> dict[int, int]:
    """Yen that each permission has left in every month a charge sent now may count in."""
    limits = {
        row["permission_id"]: effective_limit_yen(
            merchant=merchant, amount_limit_yen=row["amount_limit_yen"]
        )
        for row in found
    }
    months = possible_months(at=at, timezone=merchant.timezone)
    statement = select(cap_months).where(
        among(connection, cap_months.c.permission_id, list(limits)), cap_months.c.month.in_(months)
    )
    room = dict(limits)
    for row in fetch(connection, statement):
        owner, learned = row["permission_id"], row["learned_limit_yen"]
        limit = limits[owner] if learned is None else min(limits[owner], learned)
        left = max(0, limit - row["used_yen"] - row["held_yen"])
        room[owner] = min(room[owner], left)
    return room


def _planned(row: Row, busy: dict[int, str], room: dict[int, int], at: datetime) -> PlannedRow:
    reason, detail = next(_obstacles(row, busy, room, at), (None, None))
    if reason is None:
        room[row["permission_id"]] -= row["amount_yen"]
        # The books may be behind: Amazon is asked before such a row is charged.
        if row["permission_state"] != "Chargeable" or row["state"] == "waiting_buyer":
            detail = row["permission_state"]
    return PlannedRow(row["reference"], row["id"], row["amount_yen"], reason, detail)


def _obstacles(
    row: Row, busy: dict[int, str], room: dict[int, int], at: datetime
) -> Iterator[tuple[str, Any]]:
    """Why a slot cannot be charged now, the gravest reason first."""
    if row["state"] not in ("due", "waiting_buyer"):
        yield f"is_{row['state']}", None
    if row["subscription_state"] not in CHARGEABLE:
        yield "subscription", row["subscription_state"]
    if row["permission_state"] == "Closed":
        yield "permission_closed", None
    if row["permission_id"] in busy:
        yield "under_way", busy[row["permission_id"]]
    if row["state"] == "due" and row["due_at"] <= at:
        yield "due_already", None
    if row["amount_yen"] > room[row["permission_id"]]:
        yield "cap", str(room[row["permission_id"]])
