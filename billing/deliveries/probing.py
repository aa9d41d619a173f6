"""A signed event of type `test`, to see whether an endpoint takes and verifies what it is sent."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from billing.deliveries.claiming import OutgoingWebhook
from billing.deliveries.endpoints import endpoint_row, endpoint_secrets
from billing.deliveries.events import json_bytes
from billing.deliveries.signing import message_hash
from billing.store.merchants import Merchant

__all__ = ["probe_webhook"]


def probe_webhook(
    connection: Connection, merchant: Merchant, *, code: str, at: datetime, master_key: bytes
) -> OutgoingWebhook:
    """Make a webhook that stands for nothing; it is no event and is not kept.

    Raises BadInput for a code the merchant does not have, and CannotUnseal.
    """
    row = endpoint_row(connection, merchant, code)
    name = "msg_" + message_hash(("test-v1", merchant.id, code, at.isoformat()))
    document: dict[str, Any] = {
        "id": name,
        "type": "test",
        "timestamp": at.isoformat(),
        "cursor": None,
        "data": {},
    }
    return OutgoingWebhook(
        delivery_id=0,
        tries=1,
        message_id=name,
        endpoint=code,
        url=row["url"],
        body=json_bytes(document),
        secrets=endpoint_secrets(row, at=at, master_key=master_key),
    )
