"""Calls on Charges. Source: API reference §8."""

from amazonpay.calls.common import Call, body_bytes, checked_charge_id
from amazonpay.models import Charge
from amazonpay.requests import CancelCharge, CaptureCharge, CreateCharge, UpdateCharge


def create_charge(
    request: CreateCharge | bytes, *, idempotency_key: str, simulation_code: str | None = None
) -> Call[Charge]:
    """POST /charges."""
    return Call(
        operation="CreateCharge",
        method="POST",
        path="/charges",
        read=Charge.from_json,
        body=body_bytes(request),
        idempotency_key=idempotency_key,
        simulation_code=simulation_code,
    )


def get_charge(charge_id: str) -> Call[Charge]:
    """GET /charges/{id}."""
    return Call(
        operation="GetCharge",
        method="GET",
        path=_path(charge_id),
        about=("charge_id", charge_id),
        read=Charge.from_json,
    )


def update_charge(charge_id: str, request: UpdateCharge | bytes) -> Call[Charge]:
    """PATCH /charges/{id}."""
    return Call(
        operation="UpdateCharge",
        method="PATCH",
        path=_path(charge_id),
        about=("charge_id", charge_id),
        read=Charge.from_json,
        body=body_bytes(request),
    )


def capture_charge(
    charge_id: str,
    request: CaptureCharge | bytes,
    *,
    idempotency_key: str,
    simulation_code: str | None = None,
) -> Call[Charge]:
    """POST /charges/{id}/capture."""
    return Call(
        operation="CaptureCharge",
        method="POST",
        path=f"{_path(charge_id)}/capture",
        about=("charge_id", charge_id),
        read=Charge.from_json,
        body=body_bytes(request),
        idempotency_key=idempotency_key,
        simulation_code=simulation_code,
    )


def cancel_charge(
    charge_id: str, request: CancelCharge | bytes, *, simulation_code: str | None = None
) -> Call[Charge]:
    """DELETE /charges/{id}/cancel, with a body."""
    return Call(
        operation="CancelCharge",
        method="DELETE",
        path=f"{_path(charge_id)}/cancel",
        about=("charge_id", charge_id),
        read=Charge.from_json,
        body=body_bytes(request),
        simulation_code=simulation_code,
    )


def _path(charge_id: str) -> str:
    return f"/charges/{checked_charge_id(charge_id)}"
