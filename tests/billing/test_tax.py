"""Consumption tax: vectors of the reference, dated rates, one rounding per rate, discounts."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.tax import PriceMode, TaxLine, TaxRate, TaxRounding, split_discount, tax_by_rate
from plans import BadInput, TaxCategory

STANDARD, REDUCED = TaxCategory.STANDARD, TaxCategory.REDUCED
FLOOR, HALF_UP, CEIL = TaxRounding.FLOOR, TaxRounding.HALF_UP, TaxRounding.CEIL
TODAY = date(2026, 11, 22)


def _tax(
    *amounts: int,
    category: TaxCategory = STANDARD,
    rounding: TaxRounding = FLOOR,
    prices: PriceMode = PriceMode.INCLUSIVE,
    on: date = TODAY,
) -> int:
    lines = [TaxLine(amount, category) for amount in amounts]
    (row,) = tax_by_rate(lines=lines, on=on, rounding=rounding, prices=prices).rates
    assert row.net_yen + row.tax_yen == row.gross_yen
    return row.tax_yen


@pytest.mark.parametrize(
    ("total", "category", "floor", "half_up", "ceil"),
    [
        pytest.param(2940, STANDARD, 267, 267, 268, id="2940×10/110 = 267.27"),
        pytest.param(6912, STANDARD, 628, 628, 629, id="6912×10/110 = 628.36"),
        pytest.param(1080, REDUCED, 80, 80, 80, id="1080×8/108 = 80"),
        pytest.param(11000, STANDARD, 1000, 1000, 1000, id="11000×10/110 = 1000"),
        pytest.param(1, STANDARD, 0, 0, 1, id="1×10/110 = 0.09"),
        pytest.param(5, STANDARD, 0, 0, 1, id="5×10/110 = 0.45"),
        pytest.param(6, STANDARD, 0, 1, 1, id="6×10/110 = 0.55"),
        pytest.param(7, REDUCED, 0, 1, 1, id="7×8/108 = 0.52"),
        pytest.param(0, STANDARD, 0, 0, 0, id="nothing"),
        pytest.param(-2940, STANDARD, -267, -267, -268, id="a return mirrors its sale"),
        pytest.param(-6, STANDARD, 0, -1, -1, id="a small return"),
    ],
)
def test_tax_inside_an_inclusive_total(total, category, floor, half_up, ceil):
    found = tuple(
        _tax(total, category=category, rounding=rounding) for rounding in (FLOOR, HALF_UP, CEIL)
    )
    assert found == (floor, half_up, ceil)


def test_lines_are_summed_before_the_one_rounding():
    # 3 × 105 × 10% = 31.5 → 31; line by line it would be 3 × 10 = 30
    assert _tax(105, 105, 105, prices=PriceMode.EXCLUSIVE) == 31


def test_net_and_separate_returns_may_differ_by_a_yen():
    # Separate: 880 → 80, 455 → 41.36 → 41, 39 in all. Net: 425 → 38.64 → 38.
    assert _tax(880) - _tax(455) == 39
    assert _tax(880, -455) == 38


def test_an_exclusive_list_adds_the_tax():
    lines = [TaxLine(1000, STANDARD), TaxLine(1000, REDUCED)]
    result = tax_by_rate(lines=lines, on=TODAY, rounding=FLOOR, prices=PriceMode.EXCLUSIVE)
    assert [(row.net_yen, row.tax_yen, row.gross_yen) for row in result.rates] == [
        (1000, 100, 1100),
        (1000, 80, 1080),
    ]
    assert result.total_yen == 2180


def test_one_row_per_category_standard_first():
    lines = [TaxLine(1080, REDUCED), TaxLine(600, STANDARD), TaxLine(500, STANDARD)]
    result = tax_by_rate(lines=lines, on=TODAY, rounding=FLOOR)
    assert [(row.category, row.rate_percent, row.gross_yen) for row in result.rates] == [
        (STANDARD, Decimal(10), 1100),
        (REDUCED, Decimal(8), 1080),
    ]
    assert result.total_yen == 2180


@pytest.mark.parametrize(
    "category", [TaxCategory.EXEMPT, TaxCategory.NON_TAXABLE, TaxCategory.OUT_OF_SCOPE]
)
def test_untaxed_categories_keep_a_row_of_their_own(category):
    result = tax_by_rate(lines=[TaxLine(1000, category)], on=TODAY, rounding=CEIL)
    (row,) = result.rates
    assert (row.rate_percent, row.tax_yen, row.net_yen) == (Decimal(0), 0, 1000)


@pytest.mark.parametrize(
    ("on", "tax"),
    [
        pytest.param("2014-04-01", 80, id="8% begins: 1080×8/108"),
        pytest.param("2019-09-30", 80, id="its last day"),
        pytest.param("2019-10-01", 98, id="10% begins: 1080×10/110 = 98.18"),
    ],
)
def test_the_standard_rate_follows_the_date_of_supply(on, tax):
    assert _tax(1080, on=date.fromisoformat(on)) == tax


def test_rates_are_data():
    # A reduced rate of 0 % was promised once; it would be one more row.
    rates = [TaxRate(REDUCED, Decimal(0), date(2027, 4, 1))]
    lines = [TaxLine(1080, REDUCED)]
    result = tax_by_rate(lines=lines, on=date(2027, 4, 1), rounding=FLOOR, rates=rates)
    assert result.rates[0].tax_yen == 0


@pytest.mark.parametrize(
    ("lines", "on", "field"),
    [
        pytest.param([], "2026-11-22", "lines", id="no lines"),
        pytest.param([TaxLine(1, STANDARD)], "2014-03-31", "on", id="before all rates"),
        pytest.param(
            [TaxLine(1, STANDARD), TaxLine(1, REDUCED)],
            "2019-09-30",
            "lines[1].category",
            id="no reduced rate yet",
        ),
    ],
)
def test_refused(lines, on, field):
    with pytest.raises(BadInput) as refused:
        tax_by_rate(lines=lines, on=date.fromisoformat(on), rounding=FLOOR)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("discount", "amounts", "parts"),
    [
        # 500×3300/4380 = 376.71, 500×1080/4380 = 123.29
        pytest.param(500, [3300, 1080], (377, 123), id="two rates"),
        pytest.param(1, [100, 100], (1, 0), id="the earlier of equals"),
        pytest.param(2, [1, 1, 1], (1, 1, 0), id="2/3 each"),
        pytest.param(4380, [3300, 1080], (3300, 1080), id="everything"),
        pytest.param(0, [3300, 1080], (0, 0), id="nothing"),
        pytest.param(0, [0, 0], (0, 0), id="nothing of nothing"),
        pytest.param(5, [0, 10], (0, 5), id="an empty amount takes nothing"),
    ],
)
def test_split_discount(discount, amounts, parts):
    assert split_discount(discount_yen=discount, amounts_yen=amounts) == parts


@pytest.mark.parametrize(
    ("discount", "amounts", "field"),
    [
        pytest.param(-1, [10], "discount_yen", id="negative"),
        pytest.param(11, [10], "discount_yen", id="more than there is"),
        pytest.param(1, [10, -5], "amounts_yen[1]", id="over a credit"),
    ],
)
def test_split_discount_refuses(discount, amounts, field):
    with pytest.raises(BadInput) as refused:
        split_discount(discount_yen=discount, amounts_yen=amounts)
    assert refused.value.field == field


@settings(deadline=None)
@given(st.data(), st.lists(st.integers(0, 10**6), min_size=1, max_size=8))
def test_discount_parts_sum_and_stay_proportional(data, amounts):
    whole = sum(amounts)
    discount = data.draw(st.integers(0, whole))
    parts = split_discount(discount_yen=discount, amounts_yen=amounts)
    assert sum(parts) == discount
    for part, amount in zip(parts, amounts, strict=True):
        assert 0 <= part <= amount
        assert not whole or abs(part - Fraction(discount * amount, whole)) < 1


@settings(deadline=None)
@given(
    st.lists(
        st.builds(TaxLine, st.integers(-(10**6), 10**6), st.sampled_from(TaxCategory)), min_size=1
    ),
    st.sampled_from(TaxRounding),
    st.sampled_from(PriceMode),
)
def test_totals_agree_whatever_the_lines(lines, rounding, prices):
    result = tax_by_rate(lines=lines, on=TODAY, rounding=rounding, prices=prices)
    assert {row.category for row in result.rates} == {line.tax_category for line in lines}
    assert result.total_yen == sum(row.gross_yen for row in result.rates)
    for row in result.rates:
        rate = Fraction(row.rate_percent)
        # The amount that was given is exact; the tax is off by less than the one rounding.
        inside = row.gross_yen * rate / (100 + rate)
        on_top = row.net_yen * rate / 100
        exact = inside if prices is PriceMode.INCLUSIVE else on_top
        assert abs(row.tax_yen - exact) < 1

    mirrored = [TaxLine(-line.amount_yen, line.tax_category) for line in lines]
    back = tax_by_rate(lines=mirrored, on=TODAY, rounding=rounding, prices=prices)
    assert [row.tax_yen for row in back.rates] == [-row.tax_yen for row in result.rates]
