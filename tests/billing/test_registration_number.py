"""Registration numbers: what people type, and the check digit of corporate numbers."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.registration_number import check_digit_holds, normalise_registration_number

VALID = ("4011001098993", "7123456789012", "8010601046367", "7000012050002", "2120901007402")


@pytest.mark.parametrize(
    ("typed", "normalised"),
    [
        pytest.param("T4011001098993", "T4011001098993", id="as it should be"),
        pytest.param("Ｔ 4011-0010-98993", "T4011001098993", id="full-width T, space, hyphens"),
        pytest.param("t4011001098993", "T4011001098993", id="lower case"),
        pytest.param("4011001098993", "T4011001098993", id="without T"),
        pytest.param("ｔ４０１１００１０９８９９３", "T4011001098993", id="full width"),
        pytest.param("T4011ー0010−98993", "T4011001098993", id="long vowel and minus as hyphens"),
        pytest.param("T4011‐0010–98—993", "T4011001098993", id="typographic hyphens"),
        pytest.param("\u3000T4011001098993\n", "T4011001098993", id="ideographic space"),
        pytest.param("T401100\u200b1098993\ufeff", "T4011001098993", id="invisible signs"),
        pytest.param("T401100109899", None, id="12 digits"),
        pytest.param("T40110010989933", None, id="14 digits"),
        pytest.param("TT4011001098993", None, id="T twice"),
        pytest.param("4011001098993T", None, id="T behind"),
        pytest.param("S4011001098993", None, id="another letter"),
        pytest.param("T401100109899٣", None, id="Arabic digit"),
        pytest.param("", None, id="empty"),
        pytest.param("-", None, id="only a hyphen"),
    ],
)
def test_normalise(typed, normalised):
    assert normalise_registration_number(typed) == normalised


@pytest.mark.parametrize("digits", VALID)
def test_valid_check_digits(digits):
    assert check_digit_holds(f"T{digits}")


@pytest.mark.parametrize("digits", VALID)
@pytest.mark.parametrize("place", range(13))
@pytest.mark.parametrize("step", [1, -1])
def test_one_digit_off_is_noticed(digits, place, step):
    changed = int(digits[place]) + step
    if 0 <= changed <= 9:  # 0 ↔ 9 are the same to this check: both are 0 mod 9
        assert not check_digit_holds(f"T{digits[:place]}{changed}{digits[place + 1 :]}")


@settings(deadline=None)
@given(st.text())
def test_normalising_is_stable(typed):
    normalised = normalise_registration_number(typed)
    if normalised is not None:
        assert normalise_registration_number(normalised) == normalised
        assert isinstance(check_digit_holds(normalised), bool)


@settings(deadline=None)
@given(st.from_regex(r"[0-9]{12}", fullmatch=True))
def test_the_first_digit_is_9_minus_the_weighted_sum_mod_9(base):
    # From the right, odd places weigh 1 and even places 2.
    weighted = sum(int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(base)))
    assert check_digit_holds(f"T{9 - weighted % 9}{base}")
