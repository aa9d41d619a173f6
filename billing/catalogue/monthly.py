"""What an agreement is worth by the month, whatever the length of its cycles. Pure."""

from fractions import Fraction

__all__ = ["monthly_yen"]

# 365.2425 days of an average year, by 12.
_DAYS_OF_A_MONTH = Fraction(3_652_425, 120_000)
_PER_MONTH = {
    "month": Fraction(1),
    "year": Fraction(1, 12),
    "day": _DAYS_OF_A_MONTH,
    "week": _DAYS_OF_A_MONTH * Fraction(1, 7),
}


def monthly_yen(
    *, amount_yen: int, interval_unit: str, interval_count: int, quantity: int
) -> Fraction:
    """A price by the month: ¥98,000 a year is ¥98,000 ÷ 12. `quantity` is 1 unless per seat."""
    return amount_yen * quantity * _PER_MONTH[interval_unit] * Fraction(1, interval_count)
