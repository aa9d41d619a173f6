"""How figures and times are shown (japan.md §5.1): ¥3,300, −¥1,100, and times of the merchant."""

from datetime import datetime
from zoneinfo import ZoneInfo

MINUS = "−"


def yen(amount_yen: int) -> str:
    """¥3,300; a negative amount gets a real minus sign in front: −¥1,100."""
    sign = MINUS if amount_yen < 0 else ""
    return f"{sign}¥{abs(amount_yen):,}"


def count(number: int) -> str:
    """1,234."""
    return f"{number:,}"


def file_size(size: int) -> str:
    """ "2.4 MB" or "16 KB", rounded up: what is too large never looks as large as the limit."""
    unit, name = (1024 * 1024, "MB") if size >= 1024 * 1024 else (1024, "KB")
    tenths = -(-size * 10 // unit)
    whole, rest = divmod(tenths, 10)
    return f"{whole:,}.{rest} {name}" if rest else f"{whole:,} {name}"


def local_time(at: datetime, *, timezone: str) -> str:
    """2026-12-01 09:00, in the merchant's zone."""
    return f"{at.astimezone(ZoneInfo(timezone)):%Y-%m-%d %H:%M}"


def zone_name(at: datetime, *, timezone: str) -> str:
    """JST, or the name that the zone itself uses."""
    return at.astimezone(ZoneInfo(timezone)).tzname() or timezone


def iso_day(at: datetime, *, timezone: str) -> str:
    """2026-12-01, the civil day in the merchant's zone; for tables."""
    return f"{at.astimezone(ZoneInfo(timezone)):%Y-%m-%d}"


def percent(part: int, whole: int) -> str:
    """12.3%, rounded down to a tenth; a dash for a part of nothing."""
    if whole == 0:
        return "—"
    tenths = part * 1000 // whole
    return f"{tenths // 10}.{tenths % 10}%"
