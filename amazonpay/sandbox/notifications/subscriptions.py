"""Subscriptions of endpoints to the topic: confirmed, or ended, by a GET of a URL (ipn.md §8).

Notifications go to every endpoint, confirmed or not: Seller Central's seem to need no confirmation.
"""

from typing import Final

from amazonpay.sandbox.notifications import outbox
from amazonpay.sandbox.world import World

_TOKEN_LENGTH: Final = 64


def confirm(world: World, topic_arn: str | None, token: str | None) -> str | None:
    """Marks the endpoint of a token as confirmed; returns its ARN, None for a wrong token."""
    if topic_arn != world.ipn_topic_arn or token is None or len(token) != _TOKEN_LENGTH:
        return None
    row = world.store.connection.execute(
        "SELECT endpoint FROM ipn_messages WHERE message_id = ? AND notification_id = ? "
        "AND type <> 'Notification'",
        (token[:32], token[32:]),
    ).fetchone()
    endpoint = None if row is None else outbox.endpoint_by(world.store, "seq", row[0])
    if endpoint is None:
        return None
    outbox.mark_confirmed(world.store, endpoint)
    return f"{topic_arn}:{endpoint.id}"


def unsubscribe(world: World, subscription_arn: str | None) -> str | None:
    """Removes an endpoint, as SNS does for whoever calls; None for an unknown ARN."""
    head, _, endpoint_id = (subscription_arn or "").rpartition(":")
    endpoint = outbox.endpoint_by(world.store, "id", endpoint_id)
    if head != world.ipn_topic_arn or endpoint is None:
        return None
    outbox.remove_endpoint(world.store, endpoint)
    return subscription_arn
