"""A handful of calls to Amazon that only read, each under the pacing of its own operation.

Amazon throttles each operation apart, so reading never takes a turn from charging.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from sqlalchemy import Engine

from amazonpay import AmazonPayClient
from scheduler import pacing
from scheduler.pacing import Quota
from scheduler.senders import Senders

GET_CHARGE = "get_charge"
GET_CHARGE_PERMISSION = "get_charge_permission"
GET_REFUND = "get_refund"
THREADS = 4
LARGEST_SLICE = 200

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Call(Generic[Result]):
    """One call; `failed` turns an exception that `make` does not handle into a result."""

    operation: str
    make: Callable[[AmazonPayClient], Result]
    failed: Callable[[Exception], Result]


@dataclass(frozen=True, slots=True)
class PacedCalls(Generic[Result]):
    """Makes calls of one merchant; `quota` None means unpaced.

    `operation_of` and `is_throttled` tell of a result which operation it was and whether Amazon
    answered 429.
    """

    engine: Engine
    merchant_id: str
    make_client: Callable[[], AmazonPayClient]
    quota: Quota | None
    now: Callable[[], datetime]
    operation_of: Callable[[Result], str]
    is_throttled: Callable[[Result], bool]

    @property
    def slice(self) -> int:
        """So many calls at once at most: about ten seconds under the throttle."""
        if self.quota is None:
            return LARGEST_SLICE
        return max(4, min(LARGEST_SLICE, self.quota.per_second * 10))

    def make(self, calls: Sequence[Call[Result]]) -> list[Result]:
        """Make the calls and wait for all of them; results come in any order."""
        if not calls:
            return []
        results: list[Result] = []
        with Senders[Result](self.make_client, threads=min(THREADS, len(calls))) as senders:
            for call, wait in zip(calls, self._waits(calls), strict=True):
                senders.submit(call.make, failed=call.failed, wait_seconds=wait)
            while senders.outstanding:
                results += senders.collect(wait_seconds=1.0)
        self._learn(results)
        return results

    def _waits(self, calls: Sequence[Call[Result]]) -> list[float]:
        """Seconds that each call waits for its turn, in the order of the calls."""
        quota = self.quota
        if quota is None:
            return [0.0] * len(calls)
        turns = {
            operation: iter(
                pacing.take(
                    self.engine,
                    merchant_id=self.merchant_id,
                    operation=operation,
                    quota=quota,
                    calls=sum(1 for call in calls if call.operation == operation),
                    now=self.now(),
                )
            )
            for operation in sorted({call.operation for call in calls})
        }
        return [next(turns[call.operation]) for call in calls]

    def _learn(self, results: Sequence[Result]) -> None:
        if self.quota is None:
            return
        for operation in sorted({self.operation_of(result) for result in results}):
            mine = [result for result in results if self.operation_of(result) == operation]
            pacing.learn(
                self.engine,
                merchant_id=self.merchant_id,
                operation=operation,
                quota=self.quota,
                throttled=any(self.is_throttled(result) for result in mine),
            )
