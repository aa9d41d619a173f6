"""Instants as whole milliseconds since 1970 UTC, and the four ways in which they are written.

Bodies use compact UTC (`20260401T000000Z`), the control surface ISO 8601, `Date` RFC 7231, and
`x-amz-pay-date` comes in two forms (signing.md §3).
"""

import calendar
import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Beyond this the thirteen-month expiry of a permission would leave the calendar.
LATEST_MS = 222_000_000_000_000
_PAY_DATE = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)T(\d\d):?(\d\d):?(\d\d)Z", re.ASCII)


def as_datetime(at_ms: int) -> datetime:
    """The aware UTC datetime of an instant."""
    return _EPOCH + timedelta(milliseconds=at_ms)


def as_ms(at: datetime) -> int:
    """The instant of an aware datetime, microseconds cut off."""
    return (at - _EPOCH) // timedelta(milliseconds=1)


@lru_cache(maxsize=4096)
def _compact_second(second: int) -> str:
    return as_datetime(second * 1000).strftime("%Y%m%dT%H%M%SZ")


def compact(at_ms: int) -> str:
    """`20260401T000000Z`, as in API bodies."""
    return _compact_second(at_ms // 1000)


def iso(at_ms: int) -> str:
    """`2026-04-01T00:00:00.000Z`, as on the control surface."""
    return as_datetime(at_ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@lru_cache(maxsize=64)
def http_date(second: int) -> bytes:
    """RFC 7231 date of a whole second since 1970, for the `Date` header."""
    return format_datetime(as_datetime(second * 1000), usegmt=True).encode()


def parse_instant(text: str) -> int:
    """The instant of an ISO 8601 text that carries its offset; ValueError says what is wrong."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            f"{text!r} is not an ISO 8601 instant such as 2026-04-01T00:00:00Z"
        ) from None
    if at.tzinfo is None:
        raise ValueError(f"{text!r} has no offset; write 2026-04-01T00:00:00Z or …+09:00")
    at_ms = as_ms(at)
    if not 0 <= at_ms <= LATEST_MS:
        raise ValueError(f"{text!r} lies outside 1970 to 9000")
    return at_ms


@lru_cache(maxsize=256)
def parse_pay_date(text: str) -> int | None:
    """The instant of an `x-amz-pay-date` value in either documented form, None for any other."""
    match = _PAY_DATE.fullmatch(text)
    if match is None:
        return None
    try:
        return as_ms(datetime(*(int(part) for part in match.groups()), tzinfo=UTC))  # type: ignore[misc,arg-type]  # six groups, six parts
    except ValueError:
        return None


def add_months(at_ms: int, months: int) -> int:
    """The same UTC day and time some months later, clamped to the end of that month."""
    at = as_datetime(at_ms)
    year, month0 = divmod(at.year * 12 + at.month - 1 + months, 12)
    day = min(at.day, calendar.monthrange(year, month0 + 1)[1])
    return as_ms(at.replace(year=year, month=month0 + 1, day=day))


def month_of(at_ms: int, zone: ZoneInfo) -> str:
    """The calendar month `2026-04` in which an instant lies, as seen in a zone."""
    return as_datetime(at_ms).astimezone(zone).strftime("%Y-%m")
