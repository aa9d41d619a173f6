"""Bodies of Update and Close Charge Permission. Source: API reference §7."""

from dataclasses import dataclass

from amazonpay.requests.common import (
    MerchantMetadata,
    RecurringMetadata,
    canonical,
    check_changes,
    check_text,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateChargePermission:
    """Tell Amazon, and through it the buyer, about new texts or a new plan."""

    merchant_metadata: MerchantMetadata | None = None
    recurring_metadata: RecurringMetadata | None = None

    def __post_init__(self) -> None:
        check_changes("merchant_metadata", self.merchant_metadata, self.recurring_metadata)

    def to_bytes(self) -> bytes:
        """The body of Update Charge Permission."""
        return canonical(
            merchantMetadata=self.merchant_metadata and self.merchant_metadata.to_json(),
            recurringMetadata=self.recurring_metadata and self.recurring_metadata.to_json(),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseChargePermission:
    """End the agreement for good; `cancel_pending_charges` also releases authorised charges."""

    closure_reason: str
    cancel_pending_charges: bool = False

    def __post_init__(self) -> None:
        check_text("closure_reason", self.closure_reason, at_least=1, at_most=255)

    def to_bytes(self) -> bytes:
        """The body of Close Charge Permission."""
        return canonical(
            closureReason=self.closure_reason,
            cancelPendingCharges=self.cancel_pending_charges,
        )
