"""An attempt as it is stored, turned into what a sender needs."""

from datetime import datetime

from billing.charging.outcome import OpenAttempt
from billing.dates import SEND_WINDOW
from billing.store.rows import Row


def open_attempt(row: Row, permission: Row, *, at: datetime) -> OpenAttempt:
    """The attempt with its frozen bytes; it may be sent until the window from `at` ends."""
    return OpenAttempt(
        id=row["id"],
        slot_id=row["slot_id"],
        permission_amazon_id=permission["amazon_id"],
        idempotency_key=row["idempotency_key"],
        body=row["body"],
        amount_yen=row["amount_yen"],
        send_by=at + SEND_WINDOW,
        charge_id=row["charge_id"],
    )
