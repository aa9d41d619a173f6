"""The objects that Amazon keeps, one dataclass per table row; field order is column order.

Amounts are whole yen, instants whole milliseconds since 1970 UTC. `due_at` is when the row's
next timer fires.
"""

from dataclasses import dataclass
from typing import Literal

PermissionState = Literal["Chargeable", "NonChargeable", "Closed"]
ChargeState = Literal[
    "AuthorizationInitiated", "Authorized", "CaptureInitiated", "Captured", "Canceled", "Declined"
]
RefundState = Literal["RefundInitiated", "Refunded", "Declined"]


@dataclass(frozen=True, slots=True)
class Permission:
    """A Charge Permission: the consent of one buyer."""

    seq: int
    id: str
    buyer_id: str
    kind: str
    state: PermissionState
    reason_code: str | None
    reason_description: str | None
    changed_at: int
    created_at: int
    expires_at: int
    amount_limit: int
    recurring: str | None
    metadata: str
    behaviour: str
    details: str = "{}"


@dataclass(frozen=True, slots=True)
class Charge:
    """One authorization and, once captured, the money taken."""

    seq: int
    id: str
    permission_id: str
    amount: int
    state: ChargeState
    reason_code: str | None
    reason_description: str | None
    changed_at: int
    created_at: int
    expires_at: int
    authorized_at: int | None
    capture_now: int
    capture_amount: int | None
    refund_reserved: int
    refunded: int
    refund_count: int
    cap_month: str
    idempotency_key: str | None
    merchant_reference_id: str | None
    details: str
    due_at: int | None
    due_state: ChargeState | None
    due_reason: str | None


@dataclass(frozen=True, slots=True)
class Refund:
    """Money given back from one captured Charge."""

    seq: int
    id: str
    charge_id: str
    amount: int
    state: RefundState
    reason_code: str | None
    reason_description: str | None
    changed_at: int
    created_at: int
    idempotency_key: str | None
    due_at: int | None


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """The first answer to an idempotency key, replayed for ever."""

    fingerprint: bytes
    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """One line of the request log."""

    at: int
    operation: str
    idempotency_key: str | None
    body_sha256: str
    status: int | None
    replayed: int
    reason_code: str | None
    fault: str | None
    request_id: str
    object_id: str | None
