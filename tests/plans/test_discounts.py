"""Coupons: who may use them, how they stack, and how a discount is split to the yen."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from plans import (
    ALWAYS,
    AmountOff,
    BadInput,
    Coupon,
    CouponInForce,
    CouponNotForPlan,
    CouponOutsideCampaign,
    CouponScope,
    CouponsDoNotStack,
    CouponUsedBefore,
    Line,
    LineKind,
    PercentOff,
    Period,
    Rounding,
    TaxCategory,
    check_coupon,
    discount_lines,
    split_yen,
)

PERIOD = Period(date(2026, 11, 22), date(2026, 12, 22))
STANDARD, REDUCED = TaxCategory.STANDARD, TaxCategory.REDUCED


def coupon(code: str, off: AmountOff | PercentOff, **terms: object) -> Coupon:
    return Coupon(code, ALWAYS, f"{code}割", code.title(), off, **terms)


SPRING = coupon("spring", AmountOff(500), stackable=True)
HALF = coupon("half", PercentOff(Decimal(50)), stackable=True)


def line(yen: int, category: TaxCategory = STANDARD, kind: LineKind = LineKind.PLAN) -> Line:
    return Line(kind, "品", "thing", 1, yen, yen, category, PERIOD)


def discounts(lines: list[Line], *coupons: Coupon) -> list[tuple[int, TaxCategory]]:
    made = discount_lines(lines=lines, coupons=coupons, period=PERIOD)
    assert {each.kind for each in made} <= {LineKind.DISCOUNT}
    return [(each.amount_yen, each.tax_category) for each in made]


@pytest.mark.parametrize(
    ("total", "weights", "parts"),
    [
        # 500 × 3300/4380 = 376.7, 500 × 1080/4380 = 123.3 (japan.md §7)
        pytest.param(500, [3_300, 1_080], (377, 123), id="two rates"),
        pytest.param(100, [1, 1, 1], (34, 33, 33), id="equal remainders: the earlier one"),
        pytest.param(2, [1, 1, 1], (1, 1, 0), id="less than one each"),
        pytest.param(0, [5, 0], (0, 0), id="nothing to split"),
        pytest.param(0, [], (), id="over nothing"),
        pytest.param(7, [0, 7, 0], (0, 7, 0), id="zeros get nothing"),
    ],
)
def test_split(total, weights, parts):
    assert split_yen(total, weights) == parts


@pytest.mark.parametrize("arguments", [(-1, [1]), (1, []), (1, [0]), (1, [2, -1])], ids=str)
def test_a_split_that_means_nothing_is_refused(arguments):
    with pytest.raises(BadInput, match="weights"):
        split_yen(*arguments)


@given(st.lists(st.integers(0, 10**7), min_size=1, max_size=9), st.integers(0, 10**8))
def test_parts_sum_exactly_and_lie_within_a_yen(weights, total):
    assume(sum(weights))
    parts = split_yen(total, weights)
    assert sum(parts) == total
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part - Fraction(total * weight, sum(weights))) < 1
        assert total > sum(weights) or part <= weight


@pytest.mark.parametrize(
    ("lines", "coupons", "expected"),
    [
        pytest.param(
            [line(3_300), line(1_080, REDUCED)],
            [SPRING],
            [(-377, STANDARD), (-123, REDUCED)],
            id="over two rates: 2923 and 957 remain",
        ),
        pytest.param([line(300)], [SPRING], [(-300, STANDARD)], id="never more than there is"),
        pytest.param([line(980)], [HALF], [(-490, STANDARD)], id="980 × 50 %"),
        pytest.param([line(985)], [HALF], [(-492, STANDARD)], id="492.5, floor"),
        pytest.param(
            [line(985)],
            [coupon("up", PercentOff(Decimal(50), Rounding.CEIL))],
            [(-493, STANDARD)],
            id="492.5, ceil",
        ),
        pytest.param(
            [line(985)], [coupon("all", PercentOff(Decimal(100)))], [(-985, STANDARD)], id="100 %"
        ),
        pytest.param(
            [line(2_000)],
            [SPRING, HALF],
            [(-1_000, STANDARD), (-500, STANDARD)],
            id="same rank, by code: half of 2000, then 500",
        ),
        pytest.param(
            [line(2_000)],
            [replace(HALF, rank=2), SPRING],
            [(-500, STANDARD), (-750, STANDARD)],
            id="by rank: 500, then half of 1500",
        ),
        pytest.param(
            [line(1_000), line(550, kind=LineKind.ADD_ON)],
            [coupon("plan", PercentOff(Decimal(10)), scope=CouponScope.PLAN)],
            [(-100, STANDARD)],
            id="the plan's line only",
        ),
        pytest.param(
            [line(1_000), line(-400, kind=LineKind.USAGE_LATE)],
            [HALF],
            [(-500, STANDARD)],
            id="a credit is no base",
        ),
        pytest.param([line(0)], [SPRING], [], id="nothing to take off"),
    ],
)
def test_discount_lines(lines, coupons, expected):
    assert discounts(lines, *coupons) == expected


def test_words_name_the_base_and_the_share():
    lines = [line(3_300), line(1_080, REDUCED)]
    one, other = discount_lines(lines=lines, coupons=[SPRING], period=PERIOD)
    assert (
        one.description_ja == "クーポン「spring割」 500円引き(対象4,380円のうち標準税率3,300円分)"
    )
    assert other.description_en == (
        'Coupon "Spring", ¥500 off (on ¥4,380, part of ¥1,080 at reduced rate)'
    )


def test_words_say_when_a_coupon_is_cut():
    (cut,) = discount_lines(lines=[line(300)], coupons=[SPRING], period=PERIOD)
    assert cut.description_ja == "クーポン「spring割」 500円引き・対象額が上限(対象300円)"
    assert cut.description_en == 'Coupon "Spring", ¥500 off, at most what it applies to (on ¥300)'
    (floor,) = discount_lines(lines=[line(985)], coupons=[HALF], period=PERIOD)
    assert floor.description_ja == "クーポン「half割」 50%引き・1円未満切捨て(対象985円)"


LINES = st.lists(
    st.builds(line, st.integers(0, 100_000), st.sampled_from(TaxCategory)), min_size=1, max_size=6
)
OFFS = st.one_of(
    st.integers(1, 100_000).map(AmountOff),
    st.integers(1, 100).map(lambda percent: PercentOff(Decimal(percent), Rounding.CEIL)),
)


@given(LINES, st.lists(OFFS, max_size=4))
def test_no_coupon_makes_any_category_negative(lines, offs):
    coupons = [coupon(f"c{n}", off, stackable=True) for n, off in enumerate(offs)]
    everything = [*lines, *discount_lines(lines=lines, coupons=coupons, period=PERIOD)]
    for category in TaxCategory:
        assert sum(each.amount_yen for each in everything if each.tax_category is category) >= 0


LIMITED = coupon(
    "limited",
    AmountOff(1),
    first_day=date(2026, 3, 1),
    last_day=date(2026, 4, 30),
    once_per_buyer=True,
    plans=frozenset({"light"}),
)


@pytest.mark.parametrize(
    ("plan", "on", "used", "error"),
    [
        pytest.param("light", "2026-03-01", False, None, id="first day"),
        pytest.param("light", "2026-04-30", False, None, id="last day"),
        pytest.param("light", "2026-02-28", False, CouponOutsideCampaign, id="too early"),
        pytest.param("light", "2026-05-01", False, CouponOutsideCampaign, id="too late"),
        pytest.param("pro", "2026-04-01", False, CouponNotForPlan, id="another plan"),
        pytest.param("light", "2026-04-01", True, CouponUsedBefore, id="had it"),
    ],
)
def test_redeeming(plan, on, used, error):
    arguments = {"plan_code": plan, "on": date.fromisoformat(on), "used_by_buyer": used}
    if error is None:
        check_coupon(coupon=LIMITED, **arguments)
        return
    with pytest.raises(error, match="limited"):
        check_coupon(coupon=LIMITED, **arguments)


@pytest.mark.parametrize(
    "coupons",
    [
        pytest.param([SPRING, LIMITED], id="one of them stands alone"),
        pytest.param([SPRING, SPRING], id="the same one twice"),
    ],
)
def test_coupons_that_do_not_stack(coupons):
    with pytest.raises(CouponsDoNotStack):
        discount_lines(lines=[line(1_000)], coupons=coupons, period=PERIOD)


@pytest.mark.parametrize(
    ("cycles", "used", "live"),
    [(1, 0, True), (1, 1, False), (3, 2, True), (3, 3, False), (None, 999, True)],
    ids=str,
)
def test_how_long_a_coupon_lasts(cycles, used, live):
    assert CouponInForce(replace(SPRING, cycles=cycles), used).is_live is live


@pytest.mark.parametrize(
    ("make", "field"),
    [
        pytest.param(lambda: AmountOff(0), "yen", id="0 yen"),
        pytest.param(lambda: PercentOff(Decimal("100.1")), "percent", id="over 100 %"),
        pytest.param(lambda: PercentOff(Decimal(0)), "percent", id="0 %"),
        pytest.param(lambda: replace(SPRING, cycles=0), "cycles", id="0 cycles"),
        pytest.param(lambda: replace(LIMITED, last_day=date(2026, 2, 1)), "until", id="window"),
    ],
)
def test_coupons_that_cannot_be(make, field):
    with pytest.raises(BadInput) as refused:
        make()
    assert refused.value.field == field
