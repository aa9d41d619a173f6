"""Free first days in a quote: a line that says so, then the first price and the coupon."""

from datetime import date

import pytest
from quote_cases import asked, signed_up, stranger

from billing.quotes import Situation
from plans import parse_catalogue

NOV_15, NOV_27, DEC_27 = date(2026, 11, 15), date(2026, 11, 27), date(2026, 12, 27)


def shop(first_period: str) -> Situation:
    """A plan of 3,000 yen, the first cycle 1,000, and a coupon of 500 yen for one cycle."""
    return stranger(
        catalogue=parse_catalogue(f"""plans:
  - {{code: fixed, name: {{ja: 会費, en: Dues}}, price: 3000, tax: standard, first_price: 1000,
     every: {{unit: month, count: 1}}, anchor_day: 27, first_period: {first_period}}}
coupons: [{{code: once, name: {{ja: 割, en: Less}}, off: {{yen: 500}}}}]
""")
    )


@pytest.mark.parametrize(
    ("first_period", "bills"),
    [
        pytest.param(
            "free",
            [
                (NOV_15, [("free_days", 0)]),
                (NOV_27, [("first_cycle", 1000), ("discount", -500)]),
                (DEC_27, [("plan", 3000)]),
            ],
            id="free",
        ),
        # 12 of 31 days of the first price: 1,000 × 12 ÷ 31 = 387.09…, and the coupon takes it all.
        pytest.param(
            "prorate",
            [
                (NOV_15, [("first_cycle", 387), ("discount", -387)]),
                (NOV_27, [("plan", 3000)]),
                (DEC_27, [("plan", 3000)]),
            ],
            id="prorated",
        ),
        pytest.param(
            "full",
            [
                (NOV_15, [("first_cycle", 1000), ("discount", -500)]),
                (NOV_27, [("plan", 3000)]),
                (DEC_27, [("plan", 3000)]),
            ],
            id="full",
        ),
    ],
)
def test_the_first_three_bills(first_period, bills):
    command = signed_up("fixed", NOV_15, coupons=("once",))
    found = asked(shop(first_period), command, NOV_15)
    told = [
        (bill.on, [(line.kind, line.amount_yen) for line in bill.lines])
        for bill in (*found.today, *found.coming)
    ]
    assert told[:3] == bills


def test_the_line_says_which_days_are_free():
    (bill,) = asked(shop("free"), signed_up("fixed", NOV_15), NOV_15).today
    (line,) = bill.lines
    assert line.text_ja == "会費 2026年11月15日〜2026年11月26日 初回 12日分は無料"
    assert line.text_en == "Dues, 2026-11-15 to 2026-11-26, the first 12 days are free"
    assert (bill.charge_yen, bill.credit_yen) == (0, 0)
