"""Money, dates and frequencies as a buyer reads them; times are Japanese time."""

from typing import Final
from zoneinfo import ZoneInfo

from amazonpay.sandbox.fields import Json
from amazonpay.sandbox.instants import as_datetime
from amazonpay.sandbox.pages.words import Words

_JAPAN: Final = ZoneInfo("Asia/Tokyo")


def yen(amount: int | str, words: Words) -> str:
    """`1,980円` or `¥1,980`; a figure that is no whole number is shown as it is."""
    text = str(amount)
    return words("money", figure=f"{int(text):,}" if text.isascii() and text.isdigit() else text)


def price(value: Json | None, words: Words) -> str | None:
    """A price object, None when there is none."""
    return None if not value else yen(value["amount"], words)


def day(at_ms: int, words: Words) -> str:
    """A date in Japan."""
    at = as_datetime(at_ms).astimezone(_JAPAN)
    month = words(f"month.{at.month}")
    return words("date", year=at.year, month=month, day=at.day)


def moment(at_ms: int, words: Words) -> str:
    """A date and time in Japan."""
    clock = as_datetime(at_ms).astimezone(_JAPAN).strftime("%H:%M")
    return words("moment", day=day(at_ms, words), clock=clock)


def every(frequency: Json | None, words: Words) -> str:
    """`毎月`, `3か月ごと`, `every 2 weeks`; irregular and unknown cadences in words."""
    if not frequency or frequency.get("unit") == "Variable":
        return words("every.variable")
    unit, count = str(frequency["unit"]), str(frequency["value"])
    if count == "1":
        return words(f"every.1.{unit}")
    return words(f"every.n.{unit}", count=count)


def plan(recurring: Json | None, words: Words) -> str:
    """`毎月 1,980円`, `¥1,980 every month`; without an amount it says that amounts differ."""
    recurring = recurring or {}
    frequency = recurring.get("frequency")
    amount = price(recurring.get("amount"), words)
    variable = not frequency or frequency.get("unit") == "Variable"
    if amount is None:
        return words(
            "plan.open.variable" if variable else "plan.open", every=every(frequency, words)
        )
    key = "plan.variable" if variable else "plan"
    return words(key, amount=amount, every=every(frequency, words))
