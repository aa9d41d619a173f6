"""What the refund scenarios share: a back office that asks, and time that passes."""

from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection
from support.shop import Shop

from billing import RefundRequest, request_refund, writing

DAY = date(2026, 11, 30)


def ask(
    shop: Shop,
    *,
    amount_yen: int | None,
    request_id: str = "first",
    connection: Connection | None = None,
    **target: Any,
) -> RefundRequest:
    """Ask for money back of sub-001, or of the target given."""
    wanted = (
        target
        if {"charge_id", "subscription_id"} & set(target)
        else {
            "subscription_id": "sub-001",
            **target,
        }
    )

    def work(inner: Connection) -> RefundRequest:
        return request_refund(
            inner,
            shop.engine.merchant,
            request_id=request_id,
            amount_yen=amount_yen,
            reason="goodwill",
            actor="staff",
            at=shop.clock.now(),
            **wanted,
        )

    return work(connection) if connection is not None else writing(shop.database, work)


def settle(shop: Shop, *, looks: int = 3) -> None:
    """Runs an hour apart: a refund is sent, looked at, and found done."""
    for _ in range(looks):
        at = shop.clock.now() + timedelta(hours=1)
        shop.amazon.set_clock(at)
        shop.clock.set(at)
        shop.engine.send_refunds()


def refund_rows(shop: Shop) -> list[dict[str, Any]]:
    """Every refund in the books, oldest first."""
    return shop.rows("SELECT * FROM refund ORDER BY id")


def states(shop: Shop) -> list[str]:
    """The states of every refund, oldest first."""
    return [row["state"] for row in refund_rows(shop)]


def amazons_refunds(shop: Shop) -> list[tuple[str, int]]:
    """What Amazon gave back, by its own list: (state, yen)."""
    return [(refund["state"], refund["amount"]) for refund in shop.amazon.refunds()]
