"""Which tax rates a refund reverses: exact over any number of parts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.refunds.returned_tax import TaxPart, split_by_rate, taxes_from_json, taxes_to_json

STANDARD = TaxPart(tax_category="standard", rate_percent="10", gross_yen=1_100, tax_yen=100)
REDUCED = TaxPart(tax_category="reduced", rate_percent="8", gross_yen=1_080, tax_yen=80)


def gross_and_tax(parts: tuple[TaxPart, ...]) -> dict[str, tuple[int, int]]:
    return {part.tax_category: (part.gross_yen, part.tax_yen) for part in parts}


@pytest.mark.parametrize(
    ("amount", "returned", "expected"),
    [
        # 1,000 × 1,080/2,180 = 495.41 and × 1,100/2,180 = 504.59: the larger remainder gets the yen
        pytest.param(
            1_000, {}, {"reduced": (495, 36), "standard": (505, 45)}, id="by largest remainder"
        ),
        pytest.param(2_180, {}, {"reduced": (1_080, 80), "standard": (1_100, 100)}, id="all of it"),
        # The reduced rate was given back before, so only the standard one is left: 500 × 100/1,100
        pytest.param(500, {"reduced": 1_080}, {"standard": (500, 45)}, id="what is left"),
        pytest.param(0, {}, {}, id="nothing"),
        # More was given back elsewhere than we know: the invoice's own mix, 1 yen to the larger
        pytest.param(
            1, {"reduced": 1_080, "standard": 1_100}, {"standard": (1, 0)}, id="nothing is left"
        ),
    ],
)
def test_an_amount_is_split_over_what_is_left(
    amount: int, returned: dict[str, int], expected: dict[str, tuple[int, int]]
) -> None:
    parts = split_by_rate(amount, invoiced=[REDUCED, STANDARD], returned=returned)
    assert gross_and_tax(parts) == expected


invoices = st.lists(
    st.tuples(st.integers(1, 100_000), st.integers(0, 10)), min_size=1, max_size=3
).map(
    lambda rows: [
        TaxPart(
            tax_category=f"c{n}",
            rate_percent=str(rate),
            gross_yen=gross,
            tax_yen=gross * rate // (100 + rate),
        )
        for n, (gross, rate) in enumerate(rows)
    ]
)


@given(invoiced=invoices, shares=st.lists(st.integers(1, 100), min_size=1, max_size=8))
def test_parts_that_give_all_back_reverse_every_rate_to_the_yen(
    invoiced: list[TaxPart], shares: list[int]
) -> None:
    left = sum(part.gross_yen for part in invoiced)
    returned: dict[str, int] = {}
    taxes: dict[str, int] = {}
    for position, share in enumerate(shares):
        amount = left if position == len(shares) - 1 else min(left, left * share // 200)
        parts = split_by_rate(amount, invoiced=invoiced, returned=returned)
        assert sum(part.gross_yen for part in parts) == amount
        for part in parts:
            assert part.tax_yen >= 0
            assert part.net_yen >= 0
            category = part.tax_category
            returned[category] = returned.get(category, 0) + part.gross_yen
            taxes[category] = taxes.get(category, 0) + part.tax_yen
        left -= amount
    assert returned == {part.tax_category: part.gross_yen for part in invoiced}
    assert taxes == {part.tax_category: part.tax_yen for part in invoiced}


@given(
    gross=st.integers(1, 100_000),
    before=st.integers(0, 100_000),
    amount=st.integers(1, 100_000),
)
def test_the_tax_of_a_part_is_within_a_yen_of_its_share(
    gross: int, before: int, amount: int
) -> None:
    before, amount = min(before, gross - 1), min(amount, gross)
    amount = min(amount, gross - before)
    part = TaxPart(
        tax_category="standard", rate_percent="10", gross_yen=gross, tax_yen=gross * 10 // 110
    )
    (share,) = split_by_rate(amount, invoiced=[part], returned={"standard": before})
    assert abs(share.tax_yen * gross - amount * part.tax_yen) <= gross


def test_parts_come_back_from_their_json() -> None:
    assert taxes_from_json(taxes_to_json([STANDARD, REDUCED])) == (STANDARD, REDUCED)
