"""Hours in which nobody is charged again, because nobody would see the message about it. Pure."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from billing.dates import charge_instant
from plans import DunningSchedule

__all__ = ["next_waking_hour"]


def next_waking_hour(*, schedule: DunningSchedule, at: datetime, timezone: str) -> datetime | None:
    """When a try that is due at `at` may be made: None for now, else the schedule's next morning.

    A run that comes late, after a standstill, may find yesterday's tries due in the night.
    """
    local = at.astimezone(ZoneInfo(timezone))
    if schedule.from_hour <= local.hour < schedule.until_hour:
        return None
    today = local.date()
    morning = today if local.hour < schedule.from_hour else today + timedelta(days=1)
    return charge_instant(on=morning, timezone=timezone, hour=schedule.from_hour)
