"""The pace of each operation: a token bucket that starts from Amazon's table and learns from 429s.

`Bucket` is a value: time is an argument, in whole nanoseconds of a clock that never goes back, and
the arithmetic is whole numbers. `Pacer` is the thin shell that threads and event loops share.

The law: a 429 halves the operation's rate, never below a sixteenth of the full one, and spends
what was left in the bucket; every ten seconds without another give back a sixteenth of the full
rate. Source: errors-and-throttling §5.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from amazonpay.errors import InvalidArgument
from amazonpay.keys import Environment

_SECOND: Final = 1_000_000_000
_STEP: Final = 10 * _SECOND
_SHARES: Final = 16
_RATE_UNITS: Final = 1_000_000
"""A rate is whole calls per a million seconds, so that a share of a small rate stays exact."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """What Amazon grants one operation: so many calls at once, and then so many a second."""

    burst: int
    per_second: int

    def __post_init__(self) -> None:
        for name, value in (("burst", self.burst), ("per_second", self.per_second)):
            if value < 1:
                raise InvalidArgument(name, value, "1 or more", "Take it from Amazon's table")


UNLISTED: Final[Mapping[Environment, Quota]] = MappingProxyType(
    {"live": Quota(burst=20, per_second=2), "sandbox": Quota(burst=5, per_second=1)}
)
"""For operations that Amazon's table leaves out."""

_TABLE: Final[Mapping[str, tuple[int, int, int, int]]] = MappingProxyType(
    {  # live burst and rate, then sandbox burst and rate
        "CancelCharge": (10, 2, 2, 1),
        "CaptureCharge": (20, 4, 2, 1),
        "CloseChargePermission": (10, 2, 2, 1),
        "CompleteCheckoutSession": (20, 4, 2, 1),
        "CreateCharge": (10, 4, 2, 1),
        "CreateCheckoutSession": (40, 16, 5, 1),
        "CreateRefund": (10, 4, 2, 1),
        "CreateDeliveryTracker": (10, 1, 1, 1),
        "GetCharge": (20, 4, 5, 1),
        "GetChargePermission": (20, 4, 10, 1),
        "GetCheckoutSession": (40, 8, 10, 1),
        "GetRefund": (20, 4, 5, 1),
        "UpdateChargePermission": (10, 2, 5, 1),
        "UpdateCheckoutSession": (20, 8, 5, 1),
    }
)
PUBLISHED: Final[Mapping[Environment, Mapping[str, Quota]]] = MappingProxyType(
    {
        "live": MappingProxyType(
            {
                **{name: Quota(burst=row[0], per_second=row[1]) for name, row in _TABLE.items()},
                "GetAuthorizationToken": Quota(burst=5, per_second=1),  # live only
            }
        ),
        "sandbox": MappingProxyType(
            {name: Quota(burst=row[2], per_second=row[3]) for name, row in _TABLE.items()}
        ),
    }
)
"""Amazon's published quotas per operation; the Japanese block may differ, see `Pacing.quotas`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pacing:
    """How fast a client may go: a share of Amazon's quotas, in percent of burst and rate.

    The share leaves room for the merchant's other programs. `quotas` replaces or adds rows of the
    table by operation name, such as "CreateCharge".
    """

    share_percent: int = 80
    quotas: Mapping[str, Quota] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 1 <= self.share_percent <= 100:
            raise InvalidArgument(
                "share_percent", self.share_percent, "1 to 100", "Use the default of 80"
            )

    def bucket(self, *, operation: str, environment: Environment) -> "Bucket":
        """The full bucket that an operation starts with."""
        table = PUBLISHED[environment]
        quota = self.quotas.get(operation) or table.get(operation, UNLISTED[environment])
        return Bucket(
            # Rounded up: a share of a burst of 1 must not be 0, and none exceeds the quota.
            burst=-(-quota.burst * self.share_percent // 100),
            full_rate=quota.per_second * _RATE_UNITS * self.share_percent // 100,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """How far the calls of one operation are booked ahead, and how fast they may go.

    `full_rate` is in calls per million seconds. `busy_until` is the instant at which all calls
    booked so far would have been served one by one at the rates they were booked with; a call may
    leave up to a whole burst before that. Calls are served in the order they were booked.
    """

    burst: int
    full_rate: int
    busy_until: int = 0
    slowed_rate: int | None = None
    slowed_at: int = 0

    def rate(self, *, at: int) -> int:
        """Calls per million seconds at an instant: the full rate, or what a 429 left of it."""
        if self.slowed_rate is None:
            return self.full_rate
        steps = max(0, at - self.slowed_at) // _STEP
        return min(self.full_rate, self.slowed_rate + self.full_rate * steps // _SHARES)

    def booked(self, *, at: int) -> tuple["Bucket", int]:
        """The bucket after one more call, and how many nanoseconds that call has to wait."""
        start = max(at, self.busy_until)
        # A burst is counted at the full rate, also while slowed: no window ever holds more than
        # burst + full rate × its length.
        ahead = (self.burst - 1) * _interval(self.full_rate)
        booked = replace(self, busy_until=start + _interval(self.rate(at=at)))
        return booked, max(0, start - ahead - at)

    def slowed(self, *, at: int, sent_at: int, at_least: int = 0) -> "Bucket":
        """The bucket after a 429 for a call sent at `sent_at`; the next waits `at_least` so long.

        Of calls that were under way together only one halves the rate: they tell one thing.
        """
        fresh = self.slowed_rate is None or sent_at >= self.slowed_at
        rate = self.rate(at=at)
        # The floor is never above the rate itself: it holds for the smallest rates too.
        halved = max(rate // 2, min(rate, -(-self.full_rate // _SHARES))) if fresh else rate
        pause = max(at_least, _interval(halved))
        spent = at + pause + (self.burst - 1) * _interval(self.full_rate)
        busy_until = max(self.busy_until, spent)
        if not fresh:
            return replace(self, busy_until=busy_until)
        return replace(self, busy_until=busy_until, slowed_rate=halved, slowed_at=at)


def _interval(rate: int) -> int:
    """Nanoseconds between two calls, rounded up."""
    return -(-_RATE_UNITS * _SECOND // rate)


class Pacer:
    """The buckets of one merchant in one environment, for as many clients as share them.

    Safe among threads and event loops: nothing waits inside, the caller does.
    """

    def __init__(self, *, environment: Environment, pacing: Pacing | None = None) -> None:
        self.environment = environment
        self._pacing = pacing or Pacing()
        self._buckets: dict[str, Bucket] = {}
        self._lock = threading.Lock()

    def book(self, operation: str, *, at: int, within: int) -> tuple[bool, int]:
        """Books one call: (True, wait before it), or (False, wait needed) and books nothing.

        All in nanoseconds; the wait of a booked call is shorter than `within`.
        """
        with self._lock:
            booked, wait = self._bucket(operation).booked(at=at)
            # An idle bucket serves at once, however little is left of the caller's deadline.
            fits = wait == 0 or wait < within
            if fits:
                self._buckets[operation] = booked
            return fits, wait

    def slow_down(self, operation: str, *, at: int, sent_at: int, at_least: int = 0) -> None:
        """Learns from a 429, all in nanoseconds."""
        with self._lock:
            bucket = self._bucket(operation)
            self._buckets[operation] = bucket.slowed(at=at, sent_at=sent_at, at_least=at_least)

    def calls_per_million_seconds(self, operation: str, *, at: int) -> int:
        """The operation's rate at an instant, for a look from outside."""
        with self._lock:
            return self._bucket(operation).rate(at=at)

    def _bucket(self, operation: str) -> Bucket:
        bucket = self._buckets.get(operation)
        if bucket is None:
            bucket = self._pacing.bucket(operation=operation, environment=self.environment)
        return bucket
