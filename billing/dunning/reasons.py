"""Amazon's reason codes: which of them time may cure, and which only the buyer or a person can.

A code that stands in neither set is unknown: it is never a decline, its slot is set aside.
"""

from plans import DunningSchedule, Tries

__all__ = ["BUYER_MUST_ACT", "RETRYABLE", "tries_for"]

RETRYABLE = frozenset({"SoftDeclined", "TransactionTimedOut", "ProcessingFailure"})
BUYER_MUST_ACT = frozenset(
    {
        "HardDeclined",
        "PaymentMethodNotAllowed",
        "MFANotCompleted",
        "AmazonRejected",
        "InvalidChargePermissionStatus",
        "TransactionAmountExceeded",
        "TransactionCountExceeded",
        # Amazon does not know the permission: a wrong id, or one of another account. The back
        # office must act; the slot waits the same way and goes on once Amazon knows it.
        "ResourceNotFound",
        "UnauthorizedAccess",
        # A charge that was cancelled at Amazon, or lapsed there: a definite no.
        "AmazonCanceled",
        "BuyerCanceled",
        "ChargePermissionCanceled",
        "ExpiredUnused",
        "MerchantCanceled",
    }
)


def tries_for(schedule: DunningSchedule, reason_code: str) -> Tries | None:
    """The tries that follow a decline for this reason; None when only the buyer can cure it."""
    if reason_code not in RETRYABLE:
        return None
    special = {
        "TransactionTimedOut": schedule.timed_out,
        "ProcessingFailure": schedule.processing,
    }
    return special.get(reason_code) or schedule.soft
