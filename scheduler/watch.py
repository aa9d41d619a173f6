"""Reads charge permissions: those that wait for their buyer every hour, the others every night.

What is read is recorded by one function, whoever asked for it: see `billing.record_permissions`.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from sqlalchemy import Engine

from amazonpay import AmazonPayClient, AmazonPayError, ChargePermission, Throttled
from billing import (
    Merchant,
    SweepMark,
    WatchedPermission,
    end_waits,
    permissions_to_read,
    permissions_to_sweep,
    record_permissions,
)
from scheduler.paced_calls import GET_CHARGE_PERMISSION, Call, PacedCalls
from scheduler.pacing import Quota

# Read together at most; under the throttle `PacedCalls` takes fewer.
SLICE = 200
# A sweep gives way after so long and is gone on with an hour later: it must never become one run
# that lasts all day and dies with its process.
SWEEP_SECONDS = 3000.0


@dataclass(frozen=True, slots=True)
class Reading:
    """What came of reading a permission; None when it could not be read now."""

    watched: WatchedPermission
    permission: ChargePermission | None = None
    is_throttled: bool = False


@dataclass(slots=True)
class Watched:
    """How many permissions were read, and the slots that became due by it."""

    read: int = 0
    became_due: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class PermissionWatch:
    """Reads permissions of one merchant; `quota` None means unpaced."""

    engine: Engine
    merchant: Merchant
    make_client: Callable[[], AmazonPayClient]
    quota: Quota | None
    now: Callable[[], datetime]

    def waiting(self, *, stopping: Callable[[], bool] = lambda: False) -> Watched:
        """Read every permission that a slot waits for, then end the waits that are over.

        One that cannot be read now keeps its state and is read again an hour later.
        """
        done = Watched()
        while not stopping():
            watched = permissions_to_read(
                self.engine, self.merchant, at=self.now(), limit=self._slice
            )
            if not watched:
                break
            self._look(watched, done)
        end_waits(self.engine, self.merchant, at=self.now())
        return done

    def coming(
        self,
        *,
        seconds: float = SWEEP_SECONDS,
        stopping: Callable[[], bool] = lambda: False,
    ) -> Watched:
        """Read every permission that is charged within the merchant's days, soonest first.

        Ends after `seconds`, or when `stopping` turns true; what is left is read the next time.
        """
        done = Watched()
        ends = time.monotonic() + seconds
        mark: SweepMark | None = None
        while time.monotonic() < ends and not stopping():
            found = permissions_to_sweep(
                self.engine, self.merchant, at=self.now(), after=mark, limit=self._slice
            )
            self._look(found.permissions, done)
            mark = found.next_from
            if mark is None:
                break
        return done

    def _look(self, watched: Sequence[WatchedPermission], done: Watched) -> None:
        seen = self._calls.make([permission_call(permission) for permission in watched])
        pairs = [(reading.watched, reading.permission) for reading in seen]
        done.became_due += record_permissions(self.engine, self.merchant, pairs, at=self.now())
        done.read += sum(1 for reading in seen if reading.permission is not None)

    @property
    def _slice(self) -> int:
        return min(SLICE, self._calls.slice)

    @property
    def _calls(self) -> PacedCalls[Reading]:
        return PacedCalls(
            engine=self.engine,
            merchant_id=self.merchant.id,
            make_client=self.make_client,
            quota=self.quota,
            now=self.now,
            operation_of=lambda _reading: GET_CHARGE_PERMISSION,
            is_throttled=lambda reading: reading.is_throttled,
        )


def permission_call(watched: WatchedPermission) -> Call[Reading]:
    """The call that reads one permission."""
    return Call(
        operation=GET_CHARGE_PERMISSION,
        make=partial(_read, watched=watched),
        failed=lambda _error: Reading(watched),
    )


def _read(client: AmazonPayClient, *, watched: WatchedPermission) -> Reading:
    try:
        return Reading(watched, client.get_charge_permission(watched.amazon_id))
    except Throttled:
        return Reading(watched, is_throttled=True)
    except AmazonPayError:
        return Reading(watched)
