"""Token buckets per operation on the virtual clock (errors-and-throttling.md §5)."""

from dataclasses import dataclass
from typing import Final

from amazonpay.sandbox.options import ThrottleTable
from amazonpay.sandbox.refusals import Refused


@dataclass(frozen=True, slots=True)
class Quota:
    """Burst size and calls restored per second."""

    burst: int
    per_second: int


# Not in Amazon's table, so by analogy: buyers, reports, disbursements, Finalize, Update Charge.
QUOTAS: Final[dict[ThrottleTable, dict[str, Quota]]] = {
    "live": {
        "CancelCharge": Quota(10, 2),
        "CancelReportSchedule": Quota(20, 2),
        "CaptureCharge": Quota(20, 4),
        "CloseChargePermission": Quota(10, 2),
        "CompleteCheckoutSession": Quota(20, 4),
        "CreateCharge": Quota(10, 4),
        "CreateCheckoutSession": Quota(40, 16),
        "CreateDeliveryTracker": Quota(10, 1),
        "CreateRefund": Quota(10, 4),
        "CreateReport": Quota(20, 2),
        "CreateReportSchedule": Quota(20, 2),
        "FinalizeCheckoutSession": Quota(20, 4),
        "GetAuthorizationToken": Quota(5, 1),
        "GetBuyer": Quota(20, 2),
        "GetCharge": Quota(20, 4),
        "GetChargePermission": Quota(20, 4),
        "GetCheckoutSession": Quota(40, 8),
        "GetDisbursements": Quota(20, 2),
        "GetRefund": Quota(20, 4),
        "GetReportById": Quota(20, 2),
        "GetReportDocument": Quota(20, 2),
        "GetReportScheduleById": Quota(20, 2),
        "GetReportSchedules": Quota(20, 2),
        "GetReports": Quota(20, 2),
        "UpdateCharge": Quota(10, 2),
        "UpdateChargePermission": Quota(10, 2),
        "UpdateCheckoutSession": Quota(20, 8),
    },
    "sandbox": {
        "CancelCharge": Quota(2, 1),
        "CancelReportSchedule": Quota(5, 1),
        "CaptureCharge": Quota(2, 1),
        "CloseChargePermission": Quota(2, 1),
        "CompleteCheckoutSession": Quota(2, 1),
        "CreateCharge": Quota(2, 1),
        "CreateCheckoutSession": Quota(5, 1),
        "CreateDeliveryTracker": Quota(1, 1),
        "CreateRefund": Quota(2, 1),
        "CreateReport": Quota(5, 1),
        "CreateReportSchedule": Quota(5, 1),
        "FinalizeCheckoutSession": Quota(2, 1),
        "GetAuthorizationToken": Quota(5, 1),
        "GetBuyer": Quota(5, 1),
        "GetCharge": Quota(5, 1),
        "GetChargePermission": Quota(10, 1),
        "GetCheckoutSession": Quota(10, 1),
        "GetDisbursements": Quota(5, 1),
        "GetRefund": Quota(5, 1),
        "GetReportById": Quota(5, 1),
        "GetReportDocument": Quota(5, 1),
        "GetReportScheduleById": Quota(5, 1),
        "GetReportSchedules": Quota(5, 1),
        "GetReports": Quota(5, 1),
        "UpdateCharge": Quota(5, 1),
        "UpdateChargePermission": Quota(5, 1),
        "UpdateCheckoutSession": Quota(5, 1),
    },
    "off": {},
}


@dataclass(slots=True)
class _Bucket:
    """`millitokens` counts thousandths of a call: one call a second is one per millisecond."""

    millitokens: int
    at_ms: int


class Throttle:
    """Refuses calls over quota with 429 `TooManyRequests`."""

    def __init__(self, table: ThrottleTable) -> None:
        self._quotas = QUOTAS[table]
        self._buckets: dict[str, _Bucket] = {}

    def take(self, operation: str, now: int) -> None:
        """Uses one token of the operation's bucket."""
        quota = self._quotas.get(operation)
        if quota is None:
            return
        bucket = self._buckets.setdefault(operation, _Bucket(quota.burst * 1000, now))
        restored = max(now - bucket.at_ms, 0) * quota.per_second
        bucket.millitokens = min(bucket.millitokens + restored, quota.burst * 1000)
        bucket.at_ms = now
        if bucket.millitokens < 1000:
            raise Refused(429, "TooManyRequests", f"The request rate of {operation} is exceeded.")
        bucket.millitokens -= 1000

    def reset(self) -> None:
        """Fills every bucket."""
        self._buckets.clear()
