"""Instants of the state machine's model: whole milliseconds since 1970 UTC, months as in Japan."""

import calendar
from datetime import UTC, datetime, timedelta

SECOND = 1_000
DAY = 86_400_000
_JAPAN = 9 * 3_600_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def as_datetime(at: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=at)


def as_ms(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def ms(text: str) -> int:
    """An instant of the control surface, or a whole second of an API body."""
    return as_ms(datetime.fromisoformat(text))


def iso(at: int) -> str:
    return as_datetime(at).isoformat(timespec="milliseconds")


def month_of(at: int) -> str:
    """The calendar month in Japan."""
    return f"{as_datetime(at + _JAPAN):%Y-%m}"


def next_month(at: int) -> int:
    """When the next month begins in Japan."""
    japan = as_datetime(at + _JAPAN)
    first = japan.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return as_ms((first + timedelta(days=32)).replace(day=1)) - _JAPAN


def months_later(at: int, months: int) -> int:
    """The same UTC day and time, or the last day of a shorter month."""
    moment = as_datetime(at)
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    day = min(moment.day, calendar.monthrange(year, month + 1)[1])
    return as_ms(moment.replace(year=year, month=month + 1, day=day))
