"""Instants of this room: every form a query may use, and the forms that report rows use."""

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Final
from zoneinfo import ZoneInfo

from amazonpay.sandbox.instants import LATEST_MS, as_datetime, as_ms
from amazonpay.sandbox.refusals import invalid_value

# The documents' samples have dashes within the time of day; a `+` of an unencoded query is a space.
_FORM: Final = re.compile(
    r"(\d{4})-?(\d\d)-?(\d\d)T(\d\d)[:-]?(\d\d)[:-]?(\d\d)(?:\.(\d{1,9}))?"
    r"(?:(Z)|([-+ ])(\d\d):?(\d\d))",
    re.ASCII,
)
_TOKYO: Final = ZoneInfo("Asia/Tokyo")


def read_instant(name: str, text: str) -> int:
    """The instant of a date and time in any documented form; anything else is a 400."""
    match = _FORM.fullmatch(text)
    if match is None:
        raise invalid_value(name, " Write an ISO 8601 date and time such as 20260401T000000Z.")
    try:
        at_ms = as_ms(_as_datetime(match))
    except ValueError:
        raise invalid_value(name, " There is no such date or time.") from None
    if not 0 <= at_ms <= LATEST_MS:
        raise invalid_value(name, " It lies outside 1970 to 9000.")
    return at_ms


def _as_datetime(match: re.Match[str]) -> datetime:
    year, month, day, hour, minute, second = (int(match[n]) for n in range(1, 7))
    microsecond = int(((match[7] or "") + "000000")[:6])
    zone = UTC
    if match[8] is None:
        offset = timedelta(hours=int(match[10]), minutes=int(match[11]))
        zone = timezone(-offset if match[9] == "-" else offset)
    return datetime(year, month, day, hour, minute, second, microsecond, tzinfo=zone)


def posted(at_ms: int) -> str:
    """`2026-04-01T00:00:00-0000`: UTC, as in the rows of a report."""
    return as_datetime(at_ms).strftime("%Y-%m-%dT%H:%M:%S-0000")


def in_japan(at_ms: int) -> str:
    """`2026-04-01T09:00:00+0900`, as in the head of a settlement report."""
    return as_datetime(at_ms).astimezone(_TOKYO).strftime("%Y-%m-%dT%H:%M:%S%z")
