"""Calls on Refunds. Source: API reference §9."""

from amazonpay.calls.common import Call, body_bytes, checked_id
from amazonpay.models import Refund
from amazonpay.requests import CreateRefund


def create_refund(
    request: CreateRefund | bytes, *, idempotency_key: str, simulation_code: str | None = None
) -> Call[Refund]:
    """POST /refunds."""
    return Call(
        operation="CreateRefund",
        method="POST",
        path="/refunds",
        read=Refund.from_json,
        body=body_bytes(request),
        idempotency_key=idempotency_key,
        simulation_code=simulation_code,
    )


def get_refund(refund_id: str) -> Call[Refund]:
    """GET /refunds/{id}."""
    return Call(
        operation="GetRefund",
        method="GET",
        path=f"/refunds/{checked_id('refund_id', refund_id)}",
        about=("refund_id", refund_id),
        read=Refund.from_json,
    )
