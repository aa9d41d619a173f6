"""From the merchant's civil dates to instants and back, and the months a charge may fall in."""

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

# Between committing an intent and Amazon booking the charge at most this much time passes; a
# later send is a replay, which reserves its own months first.
SEND_WINDOW = timedelta(minutes=10)
# A call that begins at the window's end is still under way, and may be booked a little later.
ANSWER_MARGIN = timedelta(minutes=3)
# Our clock may be so far from Amazon's, either way (docs/decisions/0018-clock-margin.md).
CLOCK_MARGIN = timedelta(minutes=3)
JAPAN = ZoneInfo("Asia/Tokyo")


def charge_instant(*, on: date, timezone: str, hour: int) -> datetime:
    """When a charge of civil date `on` is due: `hour` o'clock in the merchant's zone, as UTC."""
    return datetime.combine(on, time(hour), tzinfo=ZoneInfo(timezone)).astimezone(UTC)


def civil_date(*, at: datetime, timezone: str) -> date:
    """The merchant's date at instant `at`."""
    return at.astimezone(ZoneInfo(timezone)).date()


def possible_months(*, at: datetime, timezone: str) -> tuple[str, ...]:
    """Every calendar month ("2026-12") that a charge sent at `at` could count in, ascending.

    Amazon does not say whose midnight resets the cap, so the merchant's zone, Japan's and UTC
    count. So does a month that by a clock `CLOCK_MARGIN` fast or slow has not ended yet, or begins
    before the last possible answer.
    """
    instants = (at - CLOCK_MARGIN, at + SEND_WINDOW + ANSWER_MARGIN + CLOCK_MARGIN)
    return tuple(sorted({f"{i.astimezone(z):%Y-%m}" for z in _zones(timezone) for i in instants}))


def certain_from(month: str, *, timezone: str) -> datetime:
    """When a charge can only count in `month` or later, whoever's midnight and clock is right."""
    first = date.fromisoformat(f"{month}-01")
    midnights = (datetime.combine(first, time(), tzinfo=zone) for zone in _zones(timezone))
    return max(midnight.astimezone(UTC) for midnight in midnights) + CLOCK_MARGIN


def _zones(timezone: str) -> tuple[tzinfo, ...]:
    return (ZoneInfo(timezone), JAPAN, UTC)


def first_of_next_month(on: date) -> date:
    """The first day of the month after `on`'s."""
    return date(on.year + on.month // 12, on.month % 12 + 1, 1)
