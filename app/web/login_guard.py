"""The staff password and the brake on guessing it.

Failures are counted per address, so that nobody can lock the owner out from elsewhere. After
three failures each further guess must wait twice as long as the one before; a guess that comes
too early is not even looked at.
"""

import hashlib
import hmac
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

STAFF = "staff"
FREE_FAILURES = 3
LONGEST_WAIT_SECONDS = 15 * 60
FORGET_AFTER_SECONDS = 60 * 60
MOST_ADDRESSES = 10_000


@dataclass(slots=True)
class _Failures:
    number: int
    last: float


class LoginGuard:
    """Knows the password of `staff`; `ticks` is a stop-watch in seconds."""

    def __init__(self, password: str, *, ticks: Callable[[], float] = time.monotonic) -> None:
        self._user = _digest(STAFF)
        self._password = _digest(password)
        self._ticks = ticks
        self._failures: dict[str, _Failures] = {}

    def wait_seconds(self, address: str) -> int:
        """Whole seconds until this address may try again; 0 = it may now."""
        failed = self._failures.get(address)
        if failed is None or failed.number < FREE_FAILURES:
            return 0
        doublings = min(failed.number - FREE_FAILURES + 1, 20)
        wait = min(1 << doublings, LONGEST_WAIT_SECONDS)
        return max(0, math.ceil(failed.last + wait - self._ticks()))

    def admits(self, *, user: str, password: str, address: str) -> bool:
        """Compare in constant time; a failure is counted against the address."""
        right_user = hmac.compare_digest(_digest(user), self._user)
        right_password = hmac.compare_digest(_digest(password), self._password)
        if right_user and right_password:
            self._failures.pop(address, None)
            return True
        self._count_failure(address)
        return False

    def _count_failure(self, address: str) -> None:
        at = self._ticks()
        if len(self._failures) >= MOST_ADDRESSES:
            self._forget_oldest(at)
        known = self._failures.get(address)
        number = known.number if known and at - known.last < FORGET_AFTER_SECONDS else 0
        self._failures[address] = _Failures(number + 1, at)

    def _forget_oldest(self, at: float) -> None:
        """Keep the newest half of those that still count: memory stays bounded under attack."""
        fresh = [
            item for item in self._failures.items() if at - item[1].last < FORGET_AFTER_SECONDS
        ]
        fresh.sort(key=lambda item: item[1].last)
        self._failures = dict(fresh[-MOST_ADDRESSES // 2 :])


def _digest(text: str) -> bytes:
    # Equal lengths whatever was typed, so that the comparison tells nothing about the password.
    return hashlib.sha256(text.encode(errors="replace")).digest()
