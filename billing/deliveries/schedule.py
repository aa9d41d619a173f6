"""When a delivery that failed is tried again: three times the wait before, for three days. Pure."""

from datetime import datetime, timedelta

__all__ = ["GIVEN_UP_AFTER", "LEASE", "RETRY_SECONDS", "STALE_AFTER", "next_try"]

GIVEN_UP_AFTER = timedelta(days=3)
# 30 s, then three times as long each time up to 18.2 hours, and what is left of the three days.
_GROWING = tuple(min(30 * 3**n, 30 * 3**7) for n in range(10))
RETRY_SECONDS = (*_GROWING, int(GIVEN_UP_AFTER.total_seconds()) - sum(_GROWING))
# A mail that waited so long for a mail server at all is not sent any more: it would only confuse.
STALE_AFTER = timedelta(days=4)
# A slice is sent within it (see `scheduler.deliveries`); a dead worker's slice is free after it.
LEASE = timedelta(seconds=60)


def next_try(*, tries: int, at: datetime) -> datetime | None:
    """When to try again after the `tries`-th failure at `at`; None when it is given up."""
    if tries > len(RETRY_SECONDS):
        return None
    return at + timedelta(seconds=RETRY_SECONDS[tries - 1])
