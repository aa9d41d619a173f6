"""The merchant's events: notices in the order of a cursor that never skips what comes late.

Row ids are no cursor: a transaction that began early may commit late, behind a reader who has seen
higher ids already. So a notice gets its position afterwards, once it is visible, under a lock per
merchant: whoever sees position n sees every position below it, then and for ever.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, select, update

from billing.deliveries.signing import message_hash
from billing.store.merchants import Merchant
from billing.store.rows import Row, fetch, insert_unless_known, table_of, update_many
from billing.tables import CustomerRow, EventHeadRow, NoticeRow, SubscriptionRow
from plans import BadInput

__all__ = [
    "MOST_EVENTS",
    "MerchantEvent",
    "event_body",
    "event_id",
    "events_after",
    "events_selected",
    "place_events",
]

_heads = table_of(EventHeadRow)
_notices = table_of(NoticeRow)
_subscriptions = table_of(SubscriptionRow)
_customers = table_of(CustomerRow)

MOST_EVENTS = 1_000


@dataclass(frozen=True, slots=True)
class MerchantEvent:
    """One thing that happened, as its merchant's programs are told; `position` is the cursor.

    It names customer and subscription by the merchant's own ids and holds nothing personal.
    """

    position: int
    id: str
    kind: str
    at: datetime
    data: Mapping[str, Any]

    @property
    def document(self) -> dict[str, Any]:
        """The event as its JSON says it."""
        return {
            "id": self.id,
            "type": self.kind,
            "timestamp": self.at.isoformat(),
            "cursor": self.position,
            "data": dict(self.data),
        }


def place_events(connection: Connection, merchant: Merchant, *, limit: int) -> list[Row]:
    """Give up to `limit` notices their positions and return them, oldest id first.

    While another worker does so this one does nothing, and returns none.
    """
    insert_unless_known(connection, _heads, [{"merchant_id": merchant.id, "position": 0}])
    lock = select(_heads.c.position).where(_heads.c.merchant_id == merchant.id)
    last = connection.execute(lock.with_for_update(skip_locked=True)).scalar()
    if last is None:
        return []
    # A statement of its own after the lock: on PostgreSQL it sees all that was committed until now.
    statement = (
        select(_notices)
        .where(_notices.c.merchant_id == merchant.id, _notices.c.position.is_(None))
        .order_by(_notices.c.id)
        .limit(limit)
    )
    found: list[Row] = [
        {**row, "position": last + n} for n, row in enumerate(fetch(connection, statement), start=1)
    ]
    if found:
        places = [{"id": row["id"], "position": row["position"]} for row in found]
        update_many(connection, _notices, places)
        head = update(_heads).where(_heads.c.merchant_id == merchant.id)
        connection.execute(head.values(position=last + len(found)))
    return found


def events_after(
    connection: Connection, merchant: Merchant, *, after: int, limit: int = 100
) -> list[MerchantEvent]:
    """Events behind the cursor `after` (0: from the beginning), in order.

    Raises BadInput for a cursor below 0, or a limit outside 1 to 1,000.
    """
    if after < 0:
        raise BadInput(
            field="after",
            value=after,
            rule="is no cursor",
            remedy="use the position of the last event you have, or 0",
        )
    if not 1 <= limit <= MOST_EVENTS:
        raise BadInput(
            field="limit",
            value=limit,
            rule=f"is a number from 1 to {MOST_EVENTS:,}",
            remedy="ask again behind the last one for more",
        )
    statement = events_selected(merchant.id).where(_notices.c.position > after).limit(limit)
    return [_event(row) for row in fetch(connection, statement)]


def events_selected(merchant_id: str) -> Select[Any]:
    """The query of a merchant's placed events, in order."""
    return (
        select(
            _notices,
            _subscriptions.c.external_id.label("subscription"),
            _customers.c.external_id.label("customer"),
        )
        .outerjoin(_subscriptions, _subscriptions.c.id == _notices.c.subscription_id)
        .outerjoin(_customers, _customers.c.id == _subscriptions.c.customer_id)
        .where(_notices.c.merchant_id == merchant_id, _notices.c.position.is_not(None))
        .order_by(_notices.c.position)
    )


def event_id(merchant_id: str, dedup_key: str) -> str:
    """The id of an event: of merchant and cause alone, so that it survives a restored backup."""
    return "msg_" + message_hash(("event-v1", merchant_id, dedup_key))


def event_body(row: Row) -> bytes:
    """The bytes of a webhook; the same for the same row of `events_selected`."""
    return json_bytes(_event(row).document)


def json_bytes(document: Mapping[str, Any]) -> bytes:
    """JSON in one form only, so that what is signed is what is sent."""
    text = json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode("utf-8", "replace")


def _event(row: Row) -> MerchantEvent:
    next_try_at = row["next_try_at"]
    data = {
        "subscription": row["subscription"],
        "customer": row["customer"],
        "reference": row["reference"],
        "amount": row["amount_yen"],
        "reason": row["reason"],
        "next_try_at": None if next_try_at is None else next_try_at.isoformat(),
        **_public(row["facts"]),
    }
    return MerchantEvent(
        position=row["position"],
        id=event_id(row["merchant_id"], row["dedup_key"]),
        kind=row["kind"],
        at=row["written_at"],
        data=data,
    )


# What makes a sign-in link, and whom it goes to, is nobody else's.
PRIVATE = ("seed", "address", "to")


def _public(facts: str | None) -> dict[str, Any]:
    told: dict[str, Any] = dict(json.loads(facts)) if facts else {}
    return {name: value for name, value in told.items() if name not in PRIVATE}
