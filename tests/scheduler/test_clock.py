"""The clocks tell aware UTC; a shifted one goes on at the machine's pace."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from freezegun import freeze_time

from scheduler.clock import ShiftedClock, SystemClock

AT = datetime(2026, 12, 1, 0, 0, tzinfo=UTC)


def test_the_system_clock_tells_utc() -> None:
    with freeze_time("2026-11-22 03:00:00"):
        now = SystemClock().now()
    assert now == datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
    assert now.utcoffset() == timedelta(0)


def test_a_shifted_clock_starts_where_it_is_told_and_goes_on() -> None:
    with freeze_time("2026-11-22 03:00:00") as machine:
        clock = ShiftedClock(AT)
        assert clock.now() == AT
        machine.tick(90)
        assert clock.now() == AT + timedelta(seconds=90)


def test_it_can_be_set_anew_also_backwards() -> None:
    with freeze_time("2026-11-22 03:00:00") as machine:
        clock = ShiftedClock(AT)
        machine.tick(90)
        clock.set(AT - timedelta(days=31))
        assert clock.now() == AT - timedelta(days=31)
        machine.tick(1)
        assert clock.now() == AT - timedelta(days=31) + timedelta(seconds=1)


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York", "UTC"])
def test_whatever_the_zone_it_is_given_it_tells_utc(zone: str) -> None:
    now = ShiftedClock(AT.astimezone(ZoneInfo(zone))).now()
    assert AT <= now < AT + timedelta(seconds=60)
    assert now.utcoffset() == timedelta(0)


def test_a_change_of_the_machines_time_does_not_move_it() -> None:
    """It counts monotonic time, so a correction by NTP is no jump in the books."""
    clock = ShiftedClock(AT)
    with freeze_time("2030-01-01", ignore=["scheduler.clock"]):
        assert clock.now() - AT < timedelta(seconds=60)
