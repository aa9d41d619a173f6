"""The one place where a fraction becomes whole yen, by a named rule."""

from __future__ import annotations

from enum import StrEnum
from fractions import Fraction

__all__ = ["Rounding", "divide_yen", "round_yen"]


class Rounding(StrEnum):
    """What happens to a fraction of a yen; a merchant's setting wherever it is used."""

    FLOOR = "floor"  # 切捨て
    HALF_UP = "half_up"  # 四捨五入
    CEIL = "ceil"  # 切上げ


# Looking a member up on its class costs more than the division itself on Python 3.11.
_FLOOR = Rounding.FLOOR
_HALF_UP = Rounding.HALF_UP


def round_yen(exact: Fraction, rounding: Rounding) -> int:
    """Round to whole yen by magnitude: -10.5 rounds to what 10.5 rounds to, with a minus.

    So a return is the mirror of the sale it undoes, whatever the rule.
    """
    return divide_yen(exact.numerator, exact.denominator, rounding)


def divide_yen(numerator: int, denominator: int, rounding: Rounding) -> int:
    """Divide and round as `round_yen` does, without building the fraction.

    The denominator is a count of something and above 0.
    """
    if numerator < 0:
        return -divide_yen(-numerator, denominator, rounding)
    if rounding is _FLOOR:
        return numerator // denominator
    if rounding is _HALF_UP:
        return (2 * numerator + denominator) // (2 * denominator)
    return -(-numerator // denominator)
