"""Calls on Charge Permissions. Source: API reference §7."""

from amazonpay.calls.common import Call, body_bytes, checked_id
from amazonpay.models import ChargePermission
from amazonpay.requests import CloseChargePermission, UpdateChargePermission


def get_charge_permission(charge_permission_id: str) -> Call[ChargePermission]:
    """GET /chargePermissions/{id}."""
    return Call(
        operation="GetChargePermission",
        method="GET",
        path=_path(charge_permission_id),
        about=("charge_permission_id", charge_permission_id),
        read=ChargePermission.from_json,
    )


def update_charge_permission(
    charge_permission_id: str, request: UpdateChargePermission | bytes
) -> Call[ChargePermission]:
    """PATCH /chargePermissions/{id}."""
    return Call(
        operation="UpdateChargePermission",
        method="PATCH",
        path=_path(charge_permission_id),
        about=("charge_permission_id", charge_permission_id),
        read=ChargePermission.from_json,
        body=body_bytes(request),
    )


def close_charge_permission(
    charge_permission_id: str,
    request: CloseChargePermission | bytes,
    *,
    simulation_code: str | None = None,
) -> Call[ChargePermission]:
    """DELETE /chargePermissions/{id}/close, with a body."""
    return Call(
        operation="CloseChargePermission",
        method="DELETE",
        path=f"{_path(charge_permission_id)}/close",
        about=("charge_permission_id", charge_permission_id),
        read=ChargePermission.from_json,
        body=body_bytes(request),
        simulation_code=simulation_code,
    )


def _path(charge_permission_id: str) -> str:
    return f"/chargePermissions/{checked_id('charge_permission_id', charge_permission_id)}"
