"""Calls on delivery trackers. Source: API reference §10."""

from amazonpay.calls.common import Call, body_bytes
from amazonpay.models import DeliveryTracker
from amazonpay.requests import CreateDeliveryTracker


def create_delivery_tracker(
    request: CreateDeliveryTracker | bytes, *, idempotency_key: str
) -> Call[DeliveryTracker]:
    """POST /deliveryTrackers."""
    return Call(
        operation="CreateDeliveryTracker",
        method="POST",
        path="/deliveryTrackers",
        read=DeliveryTracker.from_json,
        body=body_bytes(request),
        idempotency_key=idempotency_key,
    )
