"""The virtual clock: real time plus an offset that the control surface moves.

Everything that depends on time (signature window, timers, cap months, throttle, `Date` header)
reads this clock and no other, so that a year can pass in a second.
"""

import time

from amazonpay.sandbox.instants import LATEST_MS, iso


class ClockRefused(ValueError):
    """The clock cannot be moved as asked; the message says why and what to do."""


class VirtualClock:
    """Runs at the speed of real time from its last set point and never goes back by itself."""

    def __init__(self, *, offset_ms: int = 0) -> None:
        self.offset_ms = offset_ms
        self._latest_ms = 0

    def now(self) -> int:
        """The virtual instant in milliseconds; never smaller than an earlier answer."""
        self._latest_ms = max(self._latest_ms, self._real_ms() + self.offset_ms)
        return self._latest_ms

    def move_to(self, target_ms: int, *, force: bool = False) -> None:
        """Sets the clock; going back is refused unless forced, since timers fired already."""
        now_ms = self.now()
        if target_ms > LATEST_MS:
            raise ClockRefused(f"now {target_ms} ms lies beyond the year 9000")
        if target_ms < now_ms and not force:
            raise ClockRefused(
                f"now {iso(target_ms)} lies before the current virtual time {iso(now_ms)}; "
                'timers do not run backwards; add "force": true to do it all the same'
            )
        self._latest_ms = target_ms
        self.offset_ms = target_ms - self._real_ms()

    @staticmethod
    def _real_ms() -> int:
        return time.time_ns() // 1_000_000
