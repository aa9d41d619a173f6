"""Calls on Checkout Sessions. Source: API reference §6."""

from amazonpay.calls.common import ByStatus, Call, body_bytes, checked_id
from amazonpay.models import CheckoutSession
from amazonpay.requests import (
    CompleteCheckoutSession,
    CreateCheckoutSession,
    FinalizeCheckoutSession,
    UpdateCheckoutSession,
)


def create_checkout_session(
    request: CreateCheckoutSession | bytes, *, idempotency_key: str
) -> Call[CheckoutSession]:
    """POST /checkoutSessions."""
    return Call(
        operation="CreateCheckoutSession",
        method="POST",
        path="/checkoutSessions",
        read=CheckoutSession.from_json,
        body=body_bytes(request),
        idempotency_key=idempotency_key,
    )


def get_checkout_session(checkout_session_id: str) -> Call[CheckoutSession]:
    """GET /checkoutSessions/{id}."""
    return Call(
        operation="GetCheckoutSession",
        method="GET",
        path=_path(checkout_session_id),
        about=("checkout_session_id", checkout_session_id),
        read=CheckoutSession.from_json,
    )


def update_checkout_session(
    checkout_session_id: str, request: UpdateCheckoutSession | bytes
) -> Call[CheckoutSession]:
    """PATCH /checkoutSessions/{id}."""
    return Call(
        operation="UpdateCheckoutSession",
        method="PATCH",
        path=_path(checkout_session_id),
        about=("checkout_session_id", checkout_session_id),
        read=CheckoutSession.from_json,
        body=body_bytes(request),
    )


def complete_checkout_session(
    checkout_session_id: str,
    request: CompleteCheckoutSession | bytes,
    *,
    idempotency_key: str,
    simulation_code: str | None = None,
) -> Call[CheckoutSession]:
    """POST /checkoutSessions/{id}/complete: 200 when done, 202 when still pending."""
    return Call(
        operation="CompleteCheckoutSession",
        method="POST",
        path=f"{_path(checkout_session_id)}/complete",
        about=("checkout_session_id", checkout_session_id),
        read=ByStatus(CheckoutSession.from_completion),
        body=body_bytes(request),
        idempotency_key=idempotency_key,
        simulation_code=simulation_code,
    )


def finalize_checkout_session(
    checkout_session_id: str,
    request: FinalizeCheckoutSession | bytes,
    *,
    idempotency_key: str,
    simulation_code: str | None = None,
) -> Call[CheckoutSession]:
    """POST /checkoutSessions/{id}/finalize: 200 when done, 202 when still pending."""
    return Call(
        operation="FinalizeCheckoutSession",
        method="POST",
        path=f"{_path(checkout_session_id)}/finalize",
        about=("checkout_session_id", checkout_session_id),
        read=ByStatus(CheckoutSession.from_completion),
        body=body_bytes(request),
        idempotency_key=idempotency_key,
        simulation_code=simulation_code,
    )


def _path(checkout_session_id: str) -> str:
    return f"/checkoutSessions/{checked_id('checkout_session_id', checkout_session_id)}"
