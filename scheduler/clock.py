"""The clocks. Only this package and `app` read one; everything below gets the time as argument."""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Something that knows what time it is."""

    def now(self) -> datetime:
        """The current instant, aware, in UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The current instant, aware, in UTC."""
        return datetime.now(UTC)


class ShiftedClock:
    """Runs at the machine's pace from an instant of your choice; for `--at` and for the demo."""

    def __init__(self, at: datetime) -> None:
        self.set(at)

    def set(self, at: datetime) -> None:
        """Go on from another instant."""
        self._at = at.astimezone(UTC)
        self._started = time.monotonic()

    def now(self) -> datetime:
        """The chosen instant plus the time that has passed since."""
        return self._at + timedelta(seconds=time.monotonic() - self._started)
