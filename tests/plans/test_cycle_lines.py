"""All lines of a cycle in their fixed order: prices, fees, add-ons, use, gifts, coupons."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from rich_catalogue import rich

from plans import (
    AddOnInForce,
    Amount,
    BadInput,
    CouponInForce,
    CouponsDoNotStack,
    Line,
    LineKind,
    PercentOff,
    Period,
    UsageCharge,
    cycle_lines,
)

CATALOGUE = rich()
PERIOD = Period(date(2026, 11, 22), date(2026, 12, 22))
BEFORE = Period(date(2026, 10, 22), date(2026, 11, 22))
EARLIER = Period(date(2026, 9, 22), date(2026, 10, 22))


def lines(code: str, *, cycle: int = 0, quantity: int = 1, **extra: object) -> tuple[Line, ...]:
    return cycle_lines(
        plan=CATALOGUE.plan(code),
        price=CATALOGUE.prices[code][0],
        quantity=quantity,
        cycle=cycle,
        first_cycle=0,
        period=PERIOD,
        **extra,
    )


def shown(made: tuple[Line, ...]) -> list[tuple[str, int]]:
    return [(each.kind.value, each.amount_yen) for each in made]


@pytest.mark.parametrize(
    ("cycle", "expected"),
    [
        pytest.param(0, [("first_cycle", 1_980), ("gift", 0)], id="1st: first price, spoon"),
        pytest.param(1, [("cycle_price", 2_500)], id="2nd"),
        pytest.param(2, [("cycle_price", 2_500)], id="3rd"),
        pytest.param(3, [("cycle_price", 0)], id="4th is free"),
        pytest.param(4, [("plan", 3_240)], id="5th"),
        pytest.param(5, [("plan", 3_240), ("gift", 0)], id="6th: mug"),
    ],
)
def test_prices_and_gifts_of_the_nth_cycle(cycle, expected):
    assert shown(lines("coffee", cycle=cycle)) == expected


def test_skipped_cycles_are_not_counted():
    # The cycle numbered 5 is only the third that is paid.
    assert shown(lines("coffee", cycle=5, paid_before=2)) == [("cycle_price", 2_500)]
    assert shown(lines("coffee", cycle=9, paid_before=5)) == [("plan", 3_240), ("gift", 0)]


def test_words_of_special_cycles():
    (second,) = lines("coffee", cycle=1)
    assert second.description_ja == "コーヒー豆(2回目価格) 2026年11月22日〜2026年12月21日"
    assert second.description_en == "Coffee beans (price of cycle 2), 2026-11-22 to 2026-12-21"
    _, mug = lines("coffee", cycle=5)
    assert mug.description_ja == "マグカップ(6回目特典) 0円"
    assert mug.description_en == "Mug (gift of cycle 6), ¥0"


def test_tiers_and_the_set_up_fee():
    seats, setup = lines("team", quantity=25)
    # 10 × 1000 + 15 × 900 + 500
    assert (seats.amount_yen, setup.amount_yen) == (24_000, 3_300)
    assert seats.description_ja == (
        "チーム 25席 2026年11月22日〜2026年12月21日 1,000円×10+900円×15+基本料500円=24,000円"
    )
    assert setup.description_en == "Team, set-up fee"
    assert setup.tax_category != seats.tax_category
    assert shown(lines("team", cycle=1, quantity=1)) == [("plan", 1_000)]


def in_force(code: str, quantity: int, since: int = 0) -> AddOnInForce:
    return AddOnInForce(CATALOGUE.add_ons[code][0], quantity, since)


def test_everything_at_once_in_its_order():
    charge = UsageCharge("calls", BEFORE, Amount(250, "利用", "used"))
    late = UsageCharge("calls", EARLIER, Amount(400, "利用", "used"), billed_yen=300, late=True)
    spring = replace(CATALOGUE.coupons["spring"][0], plans=frozenset())
    made = lines(
        "team",
        quantity=10,
        add_ons=[in_force("support", 1), in_force("seats", 6), in_force("bag", 2)],
        usage=[charge, late],
        coupons=[CouponInForce(spring), CouponInForce(CATALOGUE.coupons["half"][0])],
    )
    # half: 12.5 % of the plan's 10000; then 500 over what is left: 10850 standard, 3516 reduced.
    assert shown(made) == [
        ("plan", 10_000),
        ("setup_fee", 3_300),
        ("add_on", 216),  # bag: 2 × 108
        ("add_on", 1_200),  # seats: 6 × 200, by volume
        ("add_on", 550),
        ("usage_late", 100),  # 400 − 300
        ("usage", 250),
        ("discount", -1_250),
        ("discount", -378),  # 500 × 10850 / 14366 = 377.6
        ("discount", -122),  # 500 × 3516 / 14366 = 122.4
    ]
    assert sum(each.amount_yen for each in made) == 10_000 + 3_300 + 1_966 + 350 - 1_750


def test_words_of_add_ons_and_use():
    made = lines("light", add_ons=[in_force("bag", 2), in_force("seats", 3)])
    assert made[1].description_ja == "保存袋 ×2"
    assert made[2].description_en == ("Extra seats × 3, 2026-11-22 to 2026-12-21, ¥300 × 3 = ¥900")
    late = UsageCharge("calls", BEFORE, Amount(400, "400円", "¥400"), billed_yen=300, late=True)
    *_, use = lines("light", usage=[late])
    assert use.description_ja == (
        "calls 2026年10月22日〜2026年11月21日 400円、請求済み300円との差額"
    )
    assert (use.period, use.amount_yen) == (BEFORE, 100)


@pytest.mark.parametrize(
    ("code", "since", "cycle", "charged"),
    [
        pytest.param("support", 3, 2, False, id="recurring, not yet"),
        pytest.param("support", 3, 3, True, id="recurring, from then on"),
        pytest.param("support", 3, 9, True, id="recurring, later"),
        pytest.param("bag", 3, 3, True, id="once"),
        pytest.param("bag", 3, 4, False, id="not again"),
    ],
)
def test_when_add_ons_are_charged(code, since, cycle, charged):
    quantity = 2 if code == "bag" else 1
    made = lines("light", cycle=cycle, add_ons=[in_force(code, quantity, since)])
    assert (LineKind.ADD_ON in {each.kind for each in made}) is charged


@pytest.mark.parametrize(
    ("plan", "code", "quantity", "field"),
    [
        pytest.param("coffee", "support", 1, "add_on", id="not with this plan"),
        pytest.param("light", "support", 2, "quantity", id="a flat add-on twice"),
        pytest.param("light", "bag", 1, "quantity", id="below its least"),
        pytest.param("light", "bag", 6, "quantity", id="above its most"),
        pytest.param("light", "seats", 0, "quantity", id="none"),
    ],
)
def test_add_ons_that_are_refused(plan, code, quantity, field):
    with pytest.raises(BadInput) as refused:
        lines(plan, add_ons=[in_force(code, quantity)])
    assert refused.value.field == field


def test_used_up_and_foreign_coupons_take_nothing_off():
    spring = CATALOGUE.coupons["spring"][0]
    assert len(lines("light", coupons=[CouponInForce(spring, 2)])) == 2
    assert len(lines("light", coupons=[CouponInForce(spring, 3)])) == 1
    assert len(lines("team", cycle=1, coupons=[CouponInForce(spring)])) == 1


def test_coupons_that_stand_alone():
    half = replace(CATALOGUE.coupons["half"][0], stackable=False)
    with pytest.raises(CouponsDoNotStack):
        lines("light", coupons=[CouponInForce(half), CouponInForce(replace(half, code="other"))])


def test_a_coupon_of_100_percent_leaves_0_yen():
    free = replace(CATALOGUE.coupons["half"][0], off=PercentOff(Decimal(100)))
    assert sum(each.amount_yen for each in lines("light", coupons=[CouponInForce(free)])) == 0
