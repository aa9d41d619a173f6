"""The intent of an act: its row with key and frozen bytes, and the slot that waits for its answer.

After the commit a crash anywhere leaves an act whose very bytes can be sent again.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from amazonpay import CancelCharge, CaptureCharge
from billing.protocol.idempotency import idempotency_key
from billing.store.merchants import Merchant
from billing.store.rows import Row, insert_many, table_of, update_many
from billing.tables import ActRow, SlotRow

acts = table_of(ActRow)
slots = table_of(SlotRow)

CANCELLATION_REASONS = {
    "ended": "The agreement ended before the shipment",
    "reauthorize": "Authorised again before it lapses",
    "not_shipped": "The goods will not be shipped",
}
"""What Amazon is told: fixed words, so that the same act has the same bytes for ever."""


def capture_body(*, amount_yen: int) -> bytes:
    """The frozen Capture Charge body: no clock, no random, no free text in it."""
    return CaptureCharge(amount_yen=amount_yen).to_bytes()


def cancel_body(*, cause: str) -> bytes:
    """The frozen Cancel Charge body."""
    return CancelCharge(cancellation_reason=CANCELLATION_REASONS[cause]).to_bytes()


def act_row(
    charge: Row,
    merchant: Merchant,
    *,
    kind: str,
    cause: str,
    amount_yen: int | None,
    actor: str,
    at: datetime,
) -> dict[str, Any]:
    """An act on an authorised charge; `charge` is its slot with the attempt's columns beside it.

    A charge has at most one act of a kind: an authorisation ends once, and a declined capture
    ends it. So its number is 1, and the key a pure function of the attempt.
    """
    purpose = f"{charge['purpose']}/{kind}-1"
    captures = amount_yen is not None
    return {
        "merchant_id": merchant.id,
        "kind": kind,
        "permission_id": charge["permission_id"],
        "attempt_id": charge["attempt_id"],
        "number": 1,
        "reference": f"{charge['reference']}/{charge['attempt']}/{kind}",
        # No slot has such a purpose, so no charge can ever share an act's key.
        "idempotency_key": idempotency_key(
            merchant=merchant.id,
            environment=merchant.environment,
            subscription=charge["subscription"],
            cycle=charge["cycle"],
            purpose=purpose,
            attempt=charge["attempt"],
        ),
        "body": cancel_body(cause=cause)
        if amount_yen is None
        else capture_body(amount_yen=amount_yen),
        "amount_yen": amount_yen,
        "authorized_yen": charge["authorized_yen"] if captures else None,
        "cause": cause,
        "state": "intended",
        "actor": actor,
        "requested_at": at,
        "look_at": at,
        "sends": 0,
    }


def write_acts(
    connection: Connection, rows: Sequence[dict[str, Any]], opened: Sequence[dict[str, Any]]
) -> None:
    """Write acts and open their slots: money may be on its way, so nothing else begins there."""
    insert_many(connection, acts, list(rows))
    update_many(connection, slots, list(opened))
