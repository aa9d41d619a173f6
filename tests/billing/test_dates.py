"""Civil dates and instants, and the months that a charge could count in."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.dates import (
    CLOCK_MARGIN,
    SEND_WINDOW,
    certain_from,
    charge_instant,
    civil_date,
    first_of_next_month,
    possible_months,
)

TOKYO = "Asia/Tokyo"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("on", "timezone", "hour", "instant"),
    [
        pytest.param(date(2026, 12, 1), TOKYO, 9, "2026-12-01T00:00", id="9:00 JST is 0:00 UTC"),
        pytest.param(date(2026, 12, 1), TOKYO, 0, "2026-11-30T15:00", id="0:00 JST, day before"),
        pytest.param(date(2027, 1, 1), TOKYO, 8, "2026-12-31T23:00", id="8:00 JST, year before"),
        pytest.param(date(2026, 12, 1), TOKYO, 23, "2026-12-01T14:00", id="23:00 JST"),
        pytest.param(date(2026, 7, 1), "UTC", 9, "2026-07-01T09:00", id="UTC itself"),
        # New York is 4 hours behind UTC in July and 5 in December.
        pytest.param(date(2026, 7, 1), "America/New_York", 9, "2026-07-01T13:00", id="summer"),
        pytest.param(date(2026, 12, 1), "America/New_York", 9, "2026-12-01T14:00", id="winter"),
    ],
)
def test_charge_instant(on: date, timezone: str, hour: int, instant: str) -> None:
    found = charge_instant(on=on, timezone=timezone, hour=hour)
    assert found == utc(instant)
    assert found.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("at", "on"),
    [
        pytest.param("2026-11-30T14:59:59.999999", date(2026, 11, 30), id="last moment of a day"),
        pytest.param("2026-11-30T15:00:00", date(2026, 12, 1), id="midnight in Tokyo"),
        pytest.param("2026-12-01T00:00:00", date(2026, 12, 1), id="midnight UTC"),
        pytest.param("2026-12-31T15:00:00", date(2027, 1, 1), id="new year in Tokyo"),
        pytest.param("2028-02-28T15:00:00", date(2028, 2, 29), id="leap day"),
    ],
)
def test_civil_date(at: str, on: date) -> None:
    assert civil_date(at=utc(at), timezone=TOKYO) == on


@given(
    on=st.dates(date(2000, 1, 1), date(2100, 1, 1)),
    hour=st.integers(0, 23),
)
def test_a_charge_falls_on_its_own_civil_date(on: date, hour: int) -> None:
    instant = charge_instant(on=on, timezone=TOKYO, hour=hour)
    assert civil_date(at=instant, timezone=TOKYO) == on


NOVEMBER, DECEMBER = ("2026-11",), ("2026-12",)
BOTH = ("2026-11", "2026-12")


@pytest.mark.parametrize(
    ("at", "months"),
    [
        # JST month edge: 1 December 00:00 JST = 30 November 15:00 UTC; 10 minutes in which
        # a send may begin, 3 for its answer, and 3 by which our clock may be slow.
        pytest.param("2026-11-30T14:43:59", NOVEMBER, id="answered 1 s before JST midnight"),
        pytest.param("2026-11-30T14:44:00", BOTH, id="may be answered on JST midnight"),
        pytest.param("2026-11-30T14:59:59", BOTH, id="1 s before JST midnight"),
        pytest.param("2026-11-30T15:00:00", BOTH, id="JST midnight, November in UTC"),
        pytest.param("2026-11-30T23:49:59", BOTH, id="8:49:59 JST on the 1st"),
        pytest.param("2026-11-30T23:50:00", BOTH, id="a send may begin on UTC midnight"),
        pytest.param("2026-11-30T23:59:59.999999", BOTH, id="last moment before 9:00 JST"),
        # Our clock may be 3 minutes fast.
        pytest.param("2026-12-01T00:00:00", BOTH, id="9:00 JST, by a fast clock November"),
        pytest.param("2026-12-01T00:02:59.999999", BOTH, id="last moment of the margin"),
        pytest.param("2026-12-01T00:03:00", DECEMBER, id="9:03 JST, December everywhere"),
        pytest.param("2026-12-15T03:00:00", DECEMBER, id="mid-month"),
        pytest.param("2026-12-31T20:00:00", ("2026-12", "2027-01"), id="over the year's edge"),
        pytest.param("2028-02-28T23:59:00", ("2028-02",), id="29 February is no edge"),
        pytest.param("2028-02-29T16:00:00", ("2028-02", "2028-03"), id="leap year's edge"),
    ],
)
def test_possible_months_around_the_edge(at: str, months: tuple[str, ...]) -> None:
    assert possible_months(at=utc(at), timezone=TOKYO) == months


instants = st.integers(0, 100 * 365 * 86_400_000).map(
    lambda ms: datetime(2000, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
)
# Random instants rarely meet an edge, so half of them are drawn close to one.
near_an_edge = st.builds(
    lambda year, month, seconds: datetime(year, month, 1, tzinfo=UTC) + timedelta(seconds=seconds),
    st.integers(2000, 2100),
    st.integers(1, 12),
    st.integers(-11 * 3600, 3600),
)


@given(at=instants | near_an_edge, wrong_us=st.integers(0, CLOCK_MARGIN // timedelta.resolution))
def test_a_clock_wrong_by_the_margin_changes_no_possible_month(at: datetime, wrong_us: int) -> None:
    """What a right clock would hold at the very send is held, fast or slow as ours may be."""
    wrong = timedelta(microseconds=wrong_us)
    for true in (at - wrong, at + wrong + SEND_WINDOW):
        booked = {f"{true.astimezone(zone):%Y-%m}" for zone in (ZoneInfo(TOKYO), UTC)}
        assert booked <= set(possible_months(at=at, timezone=TOKYO))


@pytest.mark.parametrize("timezone", [TOKYO, "UTC", "America/New_York"])
def test_certain_is_the_first_moment_at_which_only_one_month_counts(timezone: str) -> None:
    certain = certain_from("2026-12", timezone=timezone)
    assert possible_months(at=certain, timezone=timezone) == DECEMBER
    assert possible_months(at=certain - timedelta.resolution, timezone=timezone) == BOTH


def test_a_merchant_west_of_utc_counts_in_the_old_month_too() -> None:
    # 1 December 03:00 UTC is 30 November 22:00 in New York.
    assert possible_months(at=utc("2026-12-01T03:00"), timezone="America/New_York") == BOTH


@given(at=instants | near_an_edge, late_us=st.integers(0, SEND_WINDOW // timedelta(microseconds=1)))
def test_every_month_the_charge_could_be_booked_in_is_possible(at: datetime, late_us: int) -> None:
    months = possible_months(at=at, timezone=TOKYO)
    booked = at + timedelta(microseconds=late_us)
    assert f"{booked.astimezone(ZoneInfo(TOKYO)):%Y-%m}" in months
    assert f"{booked:%Y-%m}" in months


@given(at=instants | near_an_edge)
def test_one_or_two_neighbouring_months_ascending(at: datetime) -> None:
    months = possible_months(at=at, timezone=TOKYO)
    assert 1 <= len(months) <= 2
    if len(months) == 2:
        first = date.fromisoformat(f"{months[0]}-01")
        assert months[1] == f"{first_of_next_month(first):%Y-%m}"


@pytest.mark.parametrize(
    ("on", "first"),
    [
        pytest.param(date(2026, 11, 1), date(2026, 12, 1), id="from the 1st"),
        pytest.param(date(2026, 11, 30), date(2026, 12, 1), id="from the last day"),
        pytest.param(date(2026, 12, 31), date(2027, 1, 1), id="over the year"),
        pytest.param(date(2028, 2, 29), date(2028, 3, 1), id="from the leap day"),
    ],
)
def test_first_of_next_month(on: date, first: date) -> None:
    assert first_of_next_month(on) == first
