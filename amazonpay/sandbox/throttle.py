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


QUOTAS: Final[dict[ThrottleTable, dict[str, Quota]]] = {
    "live": {
        "CancelCharge": Quota(10, 2),
        "CaptureCharge": Quota(20, 4),
        "CloseChargePermission": Quota(10, 2),
        "CreateCharge": Quota(10, 4),
        "CreateRefund": Quota(10, 4),
        "GetCharge": Quota(20, 4),
        "GetChargePermission": Quota(20, 4),
        "GetRefund": Quota(20, 4),
        "UpdateChargePermission": Quota(10, 2),
    },
    "sandbox": {
        "CancelCharge": Quota(2, 1),
        "CaptureCharge": Quota(2, 1),
        "CloseChargePermission": Quota(2, 1),
        "CreateCharge": Quota(2, 1),
        "CreateRefund": Quota(2, 1),
        "GetCharge": Quota(5, 1),
        "GetChargePermission": Quota(10, 1),
        "GetRefund": Quota(5, 1),
        "UpdateChargePermission": Quota(5, 1),
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
