"""Money on its way back. Source: API reference §9."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from amazonpay.models.common import kept
from amazonpay.reading import (
    optional_instant,
    optional_text,
    required_object,
    required_text,
    required_yen,
)
from amazonpay.states import RefundReason, RefundState


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """Money on its way back to the buyer; final only when Refunded or Declined."""

    refund_id: str
    charge_id: str
    state: RefundState
    refund_amount_yen: int
    reason_code: RefundReason | None = None
    reason_description: str | None = None
    created_at: datetime | None = None
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
            refund_id=required_text(source, "refundId"),
            charge_id=required_text(source, "chargeId"),
            state=RefundState(required_text(status, "state")),
            refund_amount_yen=required_yen(source, "refundAmount"),
            reason_code=None if reason is None else RefundReason(reason),
            reason_description=optional_text(status, "reasonDescription"),
            created_at=optional_instant(source, "creationTimestamp"),
            state_changed_at=optional_instant(status, "lastUpdatedTimestamp"),
            release_environment=optional_text(source, "releaseEnvironment"),
            request_id=request_id,
            raw=kept(source),
        )
