"""Yen, quantities and roundings as people read them, in Japanese and English."""

from __future__ import annotations

from decimal import Decimal

from plans.errors import BadInput
from plans.rounding import Rounding

__all__ = [
    "DECIMALS_MAX",
    "ROUNDING_EN",
    "ROUNDING_JA",
    "YEN_MAX",
    "check_yen",
    "decimals",
    "number_text",
    "plain",
    "yen_en",
    "yen_ja",
]

# Of metered quantities and of their unit prices: nobody meters or prices finer.
DECIMALS_MAX = 9

# The dearest thing a price list may hold: a slip of the keyboard above it is caught at import.
YEN_MAX = 10_000_000

ROUNDING_JA = {
    Rounding.FLOOR: "1円未満切捨て",
    Rounding.HALF_UP: "1円未満四捨五入",
    Rounding.CEIL: "1円未満切上げ",
}
ROUNDING_EN = {
    Rounding.FLOOR: "rounded down",
    Rounding.HALF_UP: "rounded half up",
    Rounding.CEIL: "rounded up",
}


def yen_ja(amount: int | Decimal) -> str:
    """Write yen in Japanese: 「1,980円」, 「−367円」."""
    sign = "−" if amount < 0 else ""
    return f"{sign}{number_text(Decimal(amount).copy_abs())}円"


def yen_en(amount: int | Decimal) -> str:
    """Write yen in English: "¥1,980", "−¥367"."""
    sign = "−" if amount < 0 else ""
    return f"{sign}¥{number_text(Decimal(amount).copy_abs())}"


def number_text(number: int | Decimal) -> str:
    """Write an exact number with commas and only the decimals it has: "1,000", "0.5"."""
    head, _, tail = plain(Decimal(number)).partition(".")
    return f"{int(head):,}" + (f".{tail}" if tail else "")


def plain(number: Decimal) -> str:
    """Write a decimal so that 0.5 and 0.50 are the same text."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def decimals(number: Decimal) -> int:
    """Count the decimals a finite number needs: 0.5 and 0.50 need one."""
    return len(plain(number).partition(".")[2])


def check_yen(field: str, value: int, *, least: int = 1) -> None:
    """Refuse yen outside the range of a price list, and what is no `int`; raises BadInput."""
    # A bool or a float would pass the comparison, and 0.5 yen would go on into every sum.
    if type(value) is not int or not least <= value <= YEN_MAX:
        raise BadInput(
            field=field,
            value=value,
            rule=f"is whole yen from {least} to {YEN_MAX:,}, tax included",
            remedy="correct the amount",
        )
