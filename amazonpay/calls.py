"""The eight calls of the client as plain values: method, path, body, headers, and how to read.

Both clients send these; neither knows anything about an operation itself. Source: API reference
§7 to §9.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from amazonpay.errors import InvalidArgument
from amazonpay.models import Charge, ChargePermission, Refund
from amazonpay.requests import (
    CancelCharge,
    CaptureCharge,
    CloseChargePermission,
    CreateCharge,
    CreateRefund,
    UpdateChargePermission,
)

T = TypeVar("T")

_ID: Final = re.compile(r"[A-Za-z0-9-]{1,64}")
_KEY: Final = re.compile(r"[A-Za-z0-9_-]{1,32}")
_SIMULATION_CODE: Final = re.compile(r"[A-Za-z0-9]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[T]):
    """One operation, ready to be signed; `path` is what follows the version segment."""

    method: str
    path: str
    read: Callable[..., T]
    body: bytes = b""
    idempotency_key: str | None = None
    simulation_code: str | None = None

    def __post_init__(self) -> None:
        if self.idempotency_key is not None and not _KEY.fullmatch(self.idempotency_key):
            raise InvalidArgument(
                "idempotency_key",
                self.idempotency_key,
                "1 to 32 characters of A-Z a-z 0-9 - _",
                "Derive a shorter key; a dashed UUID loses its dashes",
            )
        if self.simulation_code is not None and not _SIMULATION_CODE.fullmatch(
            self.simulation_code
        ):
            raise InvalidArgument(
                "simulation_code",
                self.simulation_code,
                "letters and digits only",
                "Use a code of the sandbox simulation table, such as SoftDeclined",
            )


def get_charge_permission(charge_permission_id: str) -> Call[ChargePermission]:
    """GET /chargePermissions/{id}."""
    path = f"/chargePermissions/{_checked('charge_permission_id', charge_permission_id)}"
    return Call(method="GET", path=path, read=ChargePermission.from_json)


def update_charge_permission(
    charge_permission_id: str, request: UpdateChargePermission | bytes
) -> Call[ChargePermission]:
    """PATCH /chargePermissions/{id}."""
    path = f"/chargePermissions/{_checked('charge_permission_id', charge_permission_id)}"
    return Call(method="PATCH", path=path, read=ChargePermission.from_json, body=_bytes(request))


def close_charge_permission(
    charge_permission_id: str,
    request: CloseChargePermission | bytes,
    *,
    simulation_code: str | None,
) -> Call[ChargePermission]:
    """DELETE /chargePermissions/{id}/close, with a body."""
    path = f"/chargePermissions/{_checked('charge_permission_id', charge_permission_id)}/close"
    return Call(
        method="DELETE",
        path=path,
        read=ChargePermission.from_json,
        body=_bytes(request),
        simulation_code=simulation_code,
    )


def create_charge(
    request: CreateCharge | bytes, *, idempotency_key: str, simulation_code: str | None
) -> Call[Charge]:
    """POST /charges."""
    return Call(
        method="POST",
        path="/charges",
        read=Charge.from_json,
        body=_bytes(request),
        idempotency_key=idempotency_key,
        simulation_code=simulation_code,
    )


def get_charge(charge_id: str) -> Call[Charge]:
    """GET /charges/{id}."""
    path = f"/charges/{_checked('charge_id', charge_id)}"
    return Call(method="GET", path=path, read=Charge.from_json)


def capture_charge(
    charge_id: str,
    request: CaptureCharge | bytes,
    *,
    idempotency_key: str,
    simulation_code: str | None,
) -> Call[Charge]:
    """POST /charges/{id}/capture."""
    return Call(
        method="POST",
        path=f"/charges/{_checked('charge_id', charge_id)}/capture",
        read=Charge.from_json,
        body=_bytes(request),
        idempotency_key=idempotency_key,
        simulation_code=simulation_code,
    )


def cancel_charge(
    charge_id: str, request: CancelCharge | bytes, *, simulation_code: str | None
) -> Call[Charge]:
    """DELETE /charges/{id}/cancel, with a body."""
    return Call(
        method="DELETE",
        path=f"/charges/{_checked('charge_id', charge_id)}/cancel",
        read=Charge.from_json,
        body=_bytes(request),
        simulation_code=simulation_code,
    )


def create_refund(
    request: CreateRefund | bytes, *, idempotency_key: str, simulation_code: str | None
) -> Call[Refund]:
    """POST /refunds."""
    return Call(
        method="POST",
        path="/refunds",
        read=Refund.from_json,
        body=_bytes(request),
        idempotency_key=idempotency_key,
        simulation_code=simulation_code,
    )


def get_refund(refund_id: str) -> Call[Refund]:
    """GET /refunds/{id}."""
    path = f"/refunds/{_checked('refund_id', refund_id)}"
    return Call(method="GET", path=path, read=Refund.from_json)


_Request = (
    CreateCharge
    | CaptureCharge
    | CancelCharge
    | CreateRefund
    | UpdateChargePermission
    | CloseChargePermission
)


def _bytes(request: _Request | bytes) -> bytes:
    return request if isinstance(request, bytes) else request.to_bytes()


def _checked(field: str, value: str) -> str:
    # An id becomes part of a signed path: nothing in it may open another path.
    if _ID.fullmatch(value):
        return value
    raise InvalidArgument(
        field, value, "letters, digits and hyphens, 1 to 64", "Give the id as Amazon Pay wrote it"
    )
