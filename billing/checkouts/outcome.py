"""How the first charge of a sign-up stands, in one word for the page that waits for it."""

from dataclasses import dataclass

from sqlalchemy import Connection, select

from billing.store.rows import fetch, table_of
from billing.tables import SlotRow, SubscriptionRow

__all__ = ["FirstCharge", "first_charge"]

slots = table_of(SlotRow)
subscriptions = table_of(SubscriptionRow)

WORDS = {
    "paid": "paid",
    "authorized": "authorized",
    "waiting_buyer": "declined",
    "refused": "capped",
    "uncollectible": "ended",
    "quarantined": "unknown",
    "open": "unknown",
}


@dataclass(frozen=True, slots=True)
class FirstCharge:
    """`word`: free, paid, authorized, waiting (not sent yet), unknown (no definite answer yet),
    declined, capped or ended; `amount_yen` of the charge, `reason` why it was declined."""

    word: str
    subscription: str
    amount_yen: int = 0
    reason: str | None = None


def first_charge(connection: Connection, *, subscription_id: int) -> FirstCharge:
    """How the first charge stands of a subscription by its row id; raises `LookupError`."""
    name = connection.execute(
        select(subscriptions.c.external_id).where(subscriptions.c.id == subscription_id)
    ).scalar()
    if name is None:
        raise LookupError(f"no subscription has the row {subscription_id}")
    statement = select(slots).where(slots.c.subscription_id == subscription_id).order_by(slots.c.id)
    found = fetch(connection, statement.limit(1))
    if not found:
        return FirstCharge("free", name)
    row = found[0]
    declined = row["state"] == "due" and row["declines"] > 0
    word = "declined" if declined else WORDS.get(row["state"], "waiting")
    return FirstCharge(word, name, row["amount_yen"], row["reason"])
