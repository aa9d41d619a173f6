"""What was sent and what waits, for tests and people to compare with what arrived."""

import json
from collections import defaultdict

from amazonpay.sandbox.control_input import Json
from amazonpay.sandbox.instants import iso
from amazonpay.sandbox.notifications.outbox import (
    Delivery,
    Endpoint,
    Message,
    as_message,
    as_uuid,
)
from amazonpay.sandbox.world import World


def endpoint_item(world: World, endpoint: Endpoint) -> Json:
    """An endpoint with the switches that were set for it."""
    return {
        "id": endpoint.id,
        "url": endpoint.url,
        "subscriptionArn": f"{world.ipn_topic_arn}:{endpoint.id}",
        "confirmed": endpoint.confirmed,
        "style": endpoint.style,
        "createdAt": iso(endpoint.created_at),
    }


def messages(world: World, *, limit: int, after: int, object_id: str | None) -> Json:
    """`{"items": […], "next": token or null}`, oldest first, with every try of every delivery."""
    execute = world.store.connection.execute
    if object_id is None:
        query = "SELECT * FROM ipn_messages WHERE seq > ? ORDER BY seq LIMIT ?"
        rows = execute(query, (after, limit + 1)).fetchall()
    else:
        query = "SELECT * FROM ipn_messages WHERE object_id = ? AND seq > ? ORDER BY seq LIMIT ?"
        rows = execute(query, (object_id, after, limit + 1)).fetchall()
    shown = [as_message(row) for row in rows[:limit]]
    deliveries = _deliveries(world, shown)
    return {
        "items": [message_item(message, deliveries[message.seq]) for message in shown],
        "next": str(shown[-1].seq) if len(rows) > limit else None,
    }


def _deliveries(world: World, shown: list[Message]) -> dict[int, list[Delivery]]:
    found: dict[int, list[Delivery]] = defaultdict(list)
    for message in shown:
        rows = world.store.connection.execute(
            "SELECT * FROM ipn_deliveries WHERE message = ? ORDER BY seq", (message.seq,)
        )
        found[message.seq] = [Delivery(*row) for row in rows]
    return found


def message_item(message: Message, deliveries: list[Delivery]) -> Json:
    """A message with its deliveries."""
    return {
        "messageId": as_uuid(message.message_id),
        "type": message.type,
        "objectType": message.object_type,
        "objectId": message.object_id,
        "chargePermissionId": message.permission_id,
        "notificationType": message.notification_type,
        "notificationId": as_uuid(message.notification_id),
        "at": None if message.at is None else iso(message.at),
        "style": message.style,
        "deliveries": [_delivery_item(row) for row in deliveries],
    }


def _delivery_item(row: Delivery) -> Json:
    return {
        "url": row.url,
        "state": row.state,
        "fault": row.fault,
        "nextTryAt": None if row.due_at is None else iso(row.due_at),
        "attempts": json.loads(row.attempts),
    }
