"""What the notification scenarios share: messages in the inbox, and polling without them."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from support.shop import MERCHANT, Shop

from billing.notifications import Arrival, Kept, keep_arrival

DAY = date(2026, 11, 30)
PERMISSION = "C03-0000001-0000001"


def hint(object_type: str, object_id: str, permission_id: str = PERMISSION) -> dict[str, Any]:
    """What a genuine message says: which object, never how it stands."""
    return {"object_type": object_type, "object_id": object_id, "permission_id": permission_id}


def of_permission(permission_id: str = PERMISSION) -> dict[str, Any]:
    """A message about a charge permission."""
    return hint("CHARGE_PERMISSION", permission_id, permission_id)


def deliver(shop: Shop, *hints: dict[str, Any], first: int = 1) -> list[Kept]:
    """Put verified messages into the inbox, numbered from `first`."""
    at = shop.clock.now()
    return [
        keep_arrival(
            shop.database,
            MERCHANT,
            Arrival(
                message_id=f"m-{number}",
                kind="change",
                topic_arn="arn:aws:sns:ap-northeast-1:000000000000:local",
                sent_at=at,
                **each,
            ),
            at=at,
        )
        for number, each in enumerate(hints, start=first)
    ]


def inbox(shop: Shop) -> list[tuple[str, str | None]]:
    """State and result of every message, oldest first."""
    rows = shop.rows("SELECT state, result FROM notification ORDER BY id")
    return [(row["state"], row["result"]) for row in rows]


def asked(shop: Shop) -> dict[str, int]:
    """How often each operation was called at Amazon."""
    counts: dict[str, int] = {}
    for request in shop.amazon.requests():
        counts[request["operation"]] = counts.get(request["operation"], 0) + 1
    return counts


def later(shop: Shop, **time: float) -> None:
    """Let time pass at both ends."""
    at = shop.clock.now() + timedelta(**time)
    shop.amazon.set_clock(at)
    shop.clock.set(at)


def notices(shop: Shop, *without: str) -> list[str]:
    """Kinds of the notices in the outbox, oldest first."""
    rows: Sequence[dict[str, Any]] = shop.rows("SELECT kind FROM notice ORDER BY id")
    return [row["kind"] for row in rows if row["kind"] not in without]
