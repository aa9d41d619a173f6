"""Rounding: by magnitude, by a named rule, on fractions and on bare division alike."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plans import Rounding, round_yen
from plans.rounding import divide_yen


@pytest.mark.parametrize(
    ("numerator", "denominator", "expected"),
    [
        # (floor, half up, ceil)
        pytest.param(21, 2, (10, 11, 11), id="a half"),  # 10.5
        pytest.param(-21, 2, (-10, -11, -11), id="a half below 0"),  # -10.5
        pytest.param(31, 3, (10, 10, 11), id="a third"),  # 10.33
        pytest.param(-32, 3, (-10, -11, -11), id="two thirds below 0"),  # -10.67
        pytest.param(30, 3, (10, 10, 10), id="nothing to round"),
        pytest.param(0, 30, (0, 0, 0), id="nothing"),
        pytest.param(1_099_000, 92, (11945, 11946, 11946), id="a quarter's day"),  # 11,945.65
    ],
)
def test_division(numerator, denominator, expected):
    modes = (Rounding.FLOOR, Rounding.HALF_UP, Rounding.CEIL)
    assert tuple(divide_yen(numerator, denominator, mode) for mode in modes) == expected


@given(st.integers(-(10**15), 10**15), st.integers(1, 10**6), st.sampled_from(Rounding))
def test_division_is_the_rounded_fraction(numerator, denominator, rounding):
    exact = Fraction(numerator, denominator)
    rounded = divide_yen(numerator, denominator, rounding)
    assert rounded == round_yen(exact, rounding) == -divide_yen(-numerator, denominator, rounding)
    assert abs(rounded - exact) < 1
    if rounding is Rounding.FLOOR:
        assert abs(rounded) <= abs(exact)
    if rounding is Rounding.CEIL:
        assert abs(rounded) >= abs(exact)
    if rounding is Rounding.HALF_UP:
        assert abs(rounded - exact) <= Fraction(1, 2)


@given(st.integers(0, 10**12), st.integers(0, 10**6), st.integers(1, 10**4))
def test_the_three_rules_are_ordered_and_a_yen_apart(numerator, more, denominator):
    low, middle, high = (divide_yen(numerator, denominator, mode) for mode in Rounding)
    assert low <= middle <= high <= low + 1
    for mode in Rounding:
        bigger = divide_yen(numerator + more, denominator, mode)
        assert bigger >= divide_yen(numerator, denominator, mode)
