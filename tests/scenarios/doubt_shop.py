"""Shops with a charge that Amazon never answers, and what a test does to them."""

from datetime import date, timedelta

from support.shop import MERCHANT, OpenShop, Shop, subscriber

from billing import insert_many, table_of
from billing.tables import NotificationRow

REFERENCE = "sub-001-0010-renewal"
PERMISSION = "C03-0000001-0000001"
DAY = date(2026, 11, 15)
MIDMONTH = {"started_on": date(2026, 1, 15), "anchor_day": 15, "next_charge_on": DAY}


def open_in_doubt(opened: OpenShop, kind: str) -> Shop:
    """A shop whose one charge was replayed for a day; its key has just been put to rest.

    The caller turns replays within a run off: they would only cost seconds.
    """
    shop = opened(subscribers=[subscriber(1, **MIDMONTH)])
    shop.amazon.faults([{"operation": "createCharge", "kind": kind, "times": 1_000}])
    for hour in range(9, 18):
        shop.charge_on(DAY, hour=hour)
    shop.charge_on(DAY + timedelta(days=1), hour=10)
    (row,) = shop.rows("SELECT rested_at FROM doubt")
    assert row["rested_at"] is not None
    return shop


def move(shop: Shop, *, hours: float) -> None:
    """Let time pass."""
    at = shop.clock.now() + timedelta(hours=hours)
    shop.amazon.set_clock(at)
    shop.clock.set(at)


def look(shop: Shop, *, hours: float) -> dict[str, str]:
    """Let the janitor look so many hours after the last look."""
    move(shop, hours=hours)
    return shop.engine.clear_doubts().rulings


def replay_in_vain(shop: Shop) -> None:
    """Replays go on for their whole time once more, and the key rests again."""
    for hours in (*[1] * 8, 17):
        move(shop, hours=hours)
        shop.engine.run_due()


def hear(shop: Shop, object_id: str = "C03-0000009-0000009", kind: str = "REFUND") -> None:
    """A genuine message about some object arrives now."""
    now = shop.clock.now()
    number = len(shop.rows("SELECT id FROM notification"))
    with shop.database.begin() as connection:
        row = {
            "merchant_id": MERCHANT,
            "message_id": f"message-{number}",
            "kind": "change",
            "topic_arn": "arn:aws:sns:ap-northeast-1:291180941288:topic",
            "object_type": kind,
            "object_id": object_id,
            "permission_amazon_id": PERMISSION,
            "sent_at": now,
            "received_at": now,
            "state": "parked",
            "look_at": now + timedelta(days=1),
            "tries": 0,
        }
        insert_many(connection, table_of(NotificationRow), [row])


def attempt(shop: Shop) -> dict[str, object]:
    (row,) = shop.rows("SELECT state, reason_code, sends FROM attempt WHERE number = 1")
    return row


def proofs(shop: Shop) -> list[tuple[str, str]]:
    found = shop.rows("SELECT kind, verdict FROM proof ORDER BY id")
    return [(row["kind"], row["verdict"]) for row in found]
