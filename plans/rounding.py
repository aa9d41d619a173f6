"""The one place where a fraction becomes whole yen, by a named rule."""

from __future__ import annotations

from enum import StrEnum
from fractions import Fraction

__all__ = ["Rounding", "round_yen"]


class Rounding(StrEnum):
    """What happens to a fraction of a yen; a merchant's setting wherever it is used."""

    FLOOR = "floor"  # 切捨て
    HALF_UP = "half_up"  # 四捨五入
    CEIL = "ceil"  # 切上げ


def round_yen(exact: Fraction, rounding: Rounding) -> int:
    """Round to whole yen by magnitude: -10.5 rounds to what 10.5 rounds to, with a minus.

    So a return is the mirror of the sale it undoes, whatever the rule.
    """
    magnitude = _round_magnitude(abs(exact), rounding)
    return magnitude if exact >= 0 else -magnitude


def _round_magnitude(exact: Fraction, rounding: Rounding) -> int:
    match rounding:
        case Rounding.FLOOR:
            return exact.numerator // exact.denominator
        case Rounding.HALF_UP:
            return (2 * exact.numerator + exact.denominator) // (2 * exact.denominator)
        case Rounding.CEIL:
            return -(-exact.numerator // exact.denominator)
