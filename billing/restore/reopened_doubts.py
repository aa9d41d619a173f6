"""What restored books hold as unknown when they are opened without proof: no key of it is sent.

Such a key may have been proved since the backup to have had no effect, and its charge or refund
made under the next one. To Amazon it would be new.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, select, update

from amazonpay import Refund
from billing.restore.restoration import Restoration
from billing.store.merchants import Merchant
from billing.store.rows import fetch, insert_unless_known, is_word, table_of, update_many
from billing.tables import AttemptRow, ChargePermissionRow, DoubtRow, RefundRow, SlotRow

_attempts = table_of(AttemptRow)
_slots = table_of(SlotRow)
_permissions = table_of(ChargePermissionRow)
_refunds = table_of(RefundRow)
_doubts = table_of(DoubtRow)

MAY_BE_SENT = ("intended", "in_doubt")
# As in `billing.charging.resting`, a room of the same floor.
FAR, NOBODY = timedelta(days=36_500), ""
RESTORED = "restored"
"""Reason of what is set aside because a backup does not say what became of it."""


def rest_doubts(
    connection: Connection, merchant: Merchant, restoration: Restoration, *, at: datetime
) -> tuple[int, int]:
    """Let the janitor look for proofs of charges, and people for refunds; how many of each are.

    What was asked for after the restoration began is no part of the backup, and goes on.
    """
    unknown = (
        select(_attempts.c.id, _attempts.c.permission_id)
        .join(_slots, _slots.c.id == _attempts.c.slot_id)
        .where(_attempts.c.merchant_id == merchant.id, _attempts.c.charge_id.is_(None))
        .where(is_word(_attempts.c.state, *MAY_BE_SENT), _slots.c.state != "quarantined")
    )
    concerned = {row["permission_id"] for row in fetch(connection, unknown)}
    lock = select(_permissions.c.id).where(_permissions.c.id.in_(concerned))
    connection.execute(lock.order_by(_permissions.c.id).with_for_update()).all()
    ids = [row["id"] for row in fetch(connection, unknown)]
    _rest(connection, merchant, ids, at)
    mine = (
        _refunds.c.merchant_id == merchant.id,
        _refunds.c.refund_id.is_(None),
        is_word(_refunds.c.state, *MAY_BE_SENT),
        _refunds.c.requested_at < restoration.begun_at,
    )
    aside = update(_refunds).where(*mine).values(state="quarantined", reason_code=RESTORED)
    return len(ids), connection.execute(aside).rowcount


def _rest(connection: Connection, merchant: Merchant, ids: Sequence[int], at: datetime) -> None:
    """The keys rest as any (`billing.charging.resting`), and are never given back to the replays
    by the janitor itself: of money that moved it would ask by a key that Amazon may not know."""
    asleep = {"state": "in_doubt", "look_at": at + FAR, "worker_id": NOBODY}
    update_many(connection, _attempts, [{"id": each} | asleep for each in ids])
    # Opened before it began to rest: so a doubt looks that was given back once already.
    opened = {"merchant_id": merchant.id, "opened_at": at - timedelta(seconds=1)}
    resting = {"rested_at": at, "look_at": at, "settled_at": None}
    rows = [{"attempt_id": each} | opened | resting for each in ids]
    insert_unless_known(connection, _doubts, rows)
    mine = update(_doubts).where(_doubts.c.attempt_id.in_(ids))
    connection.execute(mine.values(resting | {"opened_at": opened["opened_at"]}))


def name_refund(
    connection: Connection, merchant: Merchant, refund: Refund, *, at: datetime
) -> bool:
    """Tell the open refund of a charge the one that Amazon made of it; false when there is none.

    Of another sum it was made after the open one had ended, however that was: a person decides.
    """
    statement = (
        select(_refunds.c.id, _refunds.c.amount_yen)
        .join(_attempts, _attempts.c.id == _refunds.c.attempt_id)
        .where(_refunds.c.merchant_id == merchant.id, _attempts.c.charge_id == refund.charge_id)
        .where(_refunds.c.refund_id.is_(None), is_word(_refunds.c.state, *MAY_BE_SENT))
        .with_for_update(of=_refunds)
    )
    found = fetch(connection, statement)
    if not found:
        return False
    (row,) = found
    if row["amount_yen"] != refund.refund_amount_yen:
        detail = f"{refund.refund_id} of the same charge was made after it"
        aside = {"state": "quarantined", "reason_code": RESTORED, "detail": detail}
        update_many(connection, _refunds, [{"id": row["id"]} | aside])
        return False
    named = {"state": "pending", "refund_id": refund.refund_id, "look_at": at}
    update_many(connection, _refunds, [{"id": row["id"]} | named])
    return True
