"""One taking of money. Source: API reference §8."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from amazonpay.models.common import kept, merchant_reference
from amazonpay.reading import (
    optional_instant,
    optional_text,
    optional_yen,
    required_object,
    required_text,
    required_yen,
)
from amazonpay.states import ChargeReason, ChargeState


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """One taking of money. Amounts are whole yen; `captured_yen` is None until something is."""

    charge_id: str
    charge_permission_id: str
    state: ChargeState
    charge_amount_yen: int
    captured_yen: int | None = None
    refunded_yen: int | None = None
    reason_code: ChargeReason | None = None
    reason_description: str | None = None
    merchant_reference_id: str | None = None
    created_at: datetime | None = None
    expires_at: datetime | None = None
    state_changed_at: datetime | None = None
    release_environment: str | None = None
    request_id: str | None = field(default=None, compare=False)
    raw: Mapping[str, object] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def from_json(cls, source: Mapping[str, object], *, request_id: str | None = None) -> Self:
        """Reads Amazon's object. Raises MalformedResponse naming the field at fault."""
        status = required_object(source, "statusDetails")
        reason = optional_text(status, "reasonCode")
        return cls(
            charge_id=required_text(source, "chargeId"),
            charge_permission_id=required_text(source, "chargePermissionId"),
            state=ChargeState(required_text(status, "state")),
            charge_amount_yen=required_yen(source, "chargeAmount"),
            captured_yen=optional_yen(source, "captureAmount"),
            refunded_yen=optional_yen(source, "refundedAmount"),
            reason_code=None if reason is None else ChargeReason(reason),
            reason_description=optional_text(status, "reasonDescription"),
            merchant_reference_id=merchant_reference(source),
            created_at=optional_instant(source, "creationTimestamp"),
            expires_at=optional_instant(source, "expirationTimestamp"),
            state_changed_at=optional_instant(status, "lastUpdatedTimestamp"),
            release_environment=optional_text(source, "releaseEnvironment"),
            request_id=request_id,
            raw=kept(source),
        )
