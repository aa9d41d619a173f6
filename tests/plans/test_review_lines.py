"""Laws of a cycle's lines, for any price, coupons and use: exact, never negative, once only."""

from collections import Counter
from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plans import (
    ALWAYS,
    AddOn,
    AddOnInForce,
    Amount,
    AmountOff,
    Coupon,
    CouponInForce,
    CouponScope,
    CyclePrice,
    Flat,
    Gift,
    Interval,
    LineKind,
    PercentOff,
    Period,
    PerSeat,
    Plan,
    Price,
    RemainingPercent,
    Rounding,
    SetupFee,
    TaxCategory,
    Tier,
    Tiered,
    TierMode,
    Unit,
    UsageCharge,
    amount_of,
    cancellation_fee,
    cycle_lines,
    price_agreed,
    round_yen,
    split_yen,
)
from plans.catalogue.price_migrations import PriceMigration, PriceRef

PLAN = Plan("a", "甲", "A")
DECEMBER = Period(date(2026, 12, 1), date(2027, 1, 1))
NOVEMBER = Period(date(2026, 11, 1), date(2026, 12, 1))
YEN_MAX = 10_000_000
PLAN_KINDS = {LineKind.PLAN, LineKind.FIRST_CYCLE, LineKind.CYCLE_PRICE}

categories = st.sampled_from(TaxCategory)
yen = st.integers(1, YEN_MAX) | st.sampled_from([1, YEN_MAX])
yen_or_0 = st.just(0) | yen


@st.composite
def tiered(draw):
    """Tiers of either mode, up to three of them."""
    bounds = sorted(draw(st.sets(st.integers(1, 50), max_size=2)))
    tiers = tuple(
        Tier(bound, draw(st.integers(1, 10_000)), draw(st.integers(0, 5_000)))
        for bound in (*bounds, None)
    )
    return Tiered(draw(st.sampled_from(TierMode)), tiers)


@st.composite
def prices(draw):
    """Any price: flat, per seat or tiered, with set-up fee, own prices of cycles, and gifts."""
    tiers = draw(st.none() | tiered())
    special = draw(st.sets(st.integers(2, 8), max_size=3))
    return Price(
        plan_code="a",
        valid_from=ALWAYS,
        amount_yen=draw(yen) if tiers is None else amount_of(tiers).yen,
        tax_category=draw(categories),
        interval=Interval(Unit.MONTH),
        per_seat=tiers is not None or draw(st.booleans()),
        first_amount_yen=draw(st.none() | yen_or_0),
        setup_fee=draw(st.none() | st.builds(SetupFee, yen, categories)),
        cycle_prices=tuple(CyclePrice(nth, nth, draw(yen_or_0)) for nth in special),
        gifts=(Gift(draw(st.integers(1, 8)), "mug", "杯", "Mug", draw(categories)),),
        tiers=tiers,
    )


@st.composite
def coupons_in_force(draw):
    """Up to four stackable coupons, some of them used up."""
    offs = st.builds(AmountOff, yen) | st.builds(
        PercentOff,
        st.decimals("0.01", 100, places=2),
        st.sampled_from(Rounding),
    )
    found = []
    for number in range(draw(st.integers(0, 4))):
        cycles = draw(st.none() | st.integers(1, 3))
        coupon = Coupon(
            code=f"c{number}",
            valid_from=ALWAYS,
            name_ja="割",
            name_en="off",
            off=draw(offs),
            cycles=cycles,
            scope=draw(st.sampled_from(CouponScope)),
            stackable=True,
            rank=draw(st.integers(0, 2)),
        )
        found.append(CouponInForce(coupon, draw(st.integers(0, 3))))
    return found


@st.composite
def extras(draw):
    """Add-ons and use of any tax category; a late correction among them."""
    add_on = AddOn("x", ALWAYS, "他", "X", PerSeat(draw(yen)), draw(categories))
    amount = Amount(draw(st.integers(0, 10**9)), "利用", "used")
    billed_yen = draw(st.integers(0, 10**9))
    return {
        "add_ons": [AddOnInForce(add_on, draw(st.integers(1, 9)), 0)],
        "usage": [UsageCharge("calls", NOVEMBER, amount, billed_yen, late=bool(billed_yen))],
    }


def made(price, *, cycle=0, **given_terms):
    return cycle_lines(
        plan=PLAN, price=price, cycle=cycle, first_cycle=0, period=DECEMBER, **given_terms
    )


@given(prices(), st.integers(1, 500), st.integers(0, 9), coupons_in_force(), extras())
def test_no_cycle_and_no_category_of_it_is_ever_negative(price, seats, cycle, coupons, more):
    quantity = seats if price.per_seat else 1
    lines = made(price, quantity=quantity, cycle=cycle, coupons=coupons, **more)
    totals = Counter()
    for line in lines:
        totals[line.tax_category] += line.amount_yen
        assert (line.amount_yen < 0) <= (line.kind is LineKind.DISCOUNT)
    assert all(total >= 0 for total in totals.values())


@given(prices(), st.integers(1, 500), coupons_in_force(), extras(), st.sampled_from(CouponScope))
def test_coupons_take_one_after_the_other_what_each_says(price, seats, coupons, more, scope):
    """Written down anew: of what is left, so much; none twice, none that is used up."""
    coupons = [replace(each, coupon=replace(each.coupon, scope=scope)) for each in coupons]
    lines = made(price, quantity=seats if price.per_seat else 1, coupons=coupons, **more)
    counted = [line for line in lines if scope is CouponScope.ORDER or line.kind in PLAN_KINDS]
    base_yen = left_yen = sum(max(0, line.amount_yen) for line in counted)
    live = [x.coupon for x in coupons if not x.coupon.cycles or x.cycles_used < x.coupon.cycles]
    for coupon in sorted(live, key=lambda each: (each.rank, each.code)):
        off = coupon.off
        if isinstance(off, AmountOff):
            left_yen -= min(off.yen, left_yen)
        else:
            left_yen -= round_yen(left_yen * Fraction(off.percent) / 100, off.rounding)
    taken_yen = -sum(line.amount_yen for line in lines if line.kind is LineKind.DISCOUNT)
    assert taken_yen == base_yen - left_yen


@given(st.integers(0, 10**9), st.lists(st.integers(0, 10**9), min_size=1, max_size=8))
def test_a_split_is_exact_fair_and_never_above_its_part(total_yen, weights):
    whole = sum(weights)
    total_yen = min(total_yen, whole)
    parts = split_yen(total_yen, weights)
    assert sum(parts) == total_yen
    exact = [Fraction(total_yen * weight, whole or 1) for weight in weights]
    for part, share, weight in zip(parts, exact, weights, strict=True):
        assert abs(part - share) < 1
        assert 0 <= part <= weight
    # The largest remainders get the odd yen: nobody rounded down had more left over.
    up = [share - int(share) for part, share in zip(parts, exact, strict=True) if part > share]
    down = [share - int(share) for part, share in zip(parts, exact, strict=True) if part < share]
    assert not up or not down or min(up) >= max(down)


@given(st.lists(st.tuples(prices(), st.integers(1, 3)), min_size=1, max_size=6), st.integers(0, 3))
def test_the_set_up_fee_is_charged_once_whatever_happens_to_the_plan(path, number):
    """Paid cycles with gaps between their numbers (skipped, paused), the plan changed at each.

    The very first ones may have been skipped, too: the fee waits for the first that is paid.
    """
    fees = []
    for paid_before, (price, gap) in enumerate(path):
        lines = made(price, quantity=1, cycle=number, paid_before=paid_before)
        fees += [line for line in lines if line.kind is LineKind.SETUP_FEE]
        number += gap
    first = path[0][0].setup_fee
    assert [line.amount_yen for line in fees] == ([] if first is None else [first.amount_yen])
    assert all(line.tax_category is first.tax_category for line in fees)


@given(prices(), st.integers(1, 500), st.integers(1, 9))
def test_a_cycle_costs_its_own_price_or_the_regular_one(price, seats, nth):
    quantity = seats if price.per_seat else 1
    plan_line = made(price, quantity=quantity, cycle=nth - 1)[0]
    own = {special.cycle: special.amount_yen for special in price.cycle_prices}
    if price.first_amount_yen is not None:
        own[1] = price.first_amount_yen
    regular = amount_of(price.model, quantity=quantity).yen
    assert plan_line.amount_yen == (own[nth] * quantity if nth in own else regular)
    assert plan_line.tax_category is price.tax_category
    assert price.cycle_yen(quantity=quantity, nth=nth) == plan_line.amount_yen


@given(tiered(), st.integers(1, 200))
def test_tiers_add_up_seat_by_seat(model, quantity):
    def tier_of(seat):
        return next(t for t in model.tiers if t.up_to is None or seat <= t.up_to)

    if model.mode is TierMode.VOLUME:
        tier = tier_of(quantity)
        expected = tier.unit_yen * quantity + tier.flat_fee_yen
    else:
        reached = {id(tier_of(seat)): tier_of(seat) for seat in range(1, quantity + 1)}
        expected = sum(tier_of(seat).unit_yen for seat in range(1, quantity + 1))
        expected += sum(tier.flat_fee_yen for tier in reached.values())
    assert amount_of(model, quantity=quantity).yen == expected


@given(prices(), st.integers(1, 24), st.integers(0, 30), st.decimals("0.01", 100, places=2))
def test_leaving_never_costs_more_than_staying(price, term, done, percent):
    price = replace(price, minimum_cycles=term, cancellation=RemainingPercent(percent))
    fee = cancellation_fee(price=price, quantity=1, cycles_done=done)
    staying = sum(price.cycle_yen(quantity=1, nth=nth) for nth in range(done + 1, term + 1))
    assert fee.yen == staying * int(percent * 100) // 10_000
    assert fee.cycles_left == max(0, term - done)


@pytest.mark.parametrize(
    ("on", "yen_of"),
    [("2026-06-30", ALWAYS), ("2026-07-01", date(2026, 6, 1)), ("2026-07-02", date(2026, 6, 1))],
)
def test_a_migration_moves_on_its_very_day(on, yen_of):
    old, new = PriceRef("a", ALWAYS), PriceRef("a", date(2026, 6, 1))
    move = PriceMigration("m", ALWAYS, old, new, date(2026, 5, 1), date(2026, 7, 1))
    found = price_agreed(
        migrations=[move], agreed=old, subscribed_on=ALWAYS, on=date.fromisoformat(on)
    )
    assert found.valid_from == yen_of


def test_the_use_of_a_cycle_is_told_under_its_own_period():
    charge = UsageCharge("calls", NOVEMBER, Amount(5, "利用", "used"))
    price = Price("a", ALWAYS, 1, TaxCategory.REDUCED, Interval(Unit.MONTH))
    line = made(price, quantity=1, usage=[charge])[-1]
    assert (line.kind, line.period, line.tax_category) == (
        LineKind.USAGE,
        NOVEMBER,
        TaxCategory.REDUCED,
    )


def test_a_flat_add_on_and_a_tiny_percentage():
    half_a_yen = Coupon("c", ALWAYS, "割", "off", PercentOff(Decimal("0.01")))
    price = Price("a", ALWAYS, 1, TaxCategory.STANDARD, Interval(Unit.MONTH))
    add_on = AddOnInForce(AddOn("x", ALWAYS, "他", "X", Flat(1), TaxCategory.REDUCED), 1, 0)
    lines = made(price, quantity=1, add_ons=[add_on], coupons=[CouponInForce(half_a_yen)])
    assert [line.amount_yen for line in lines] == [1, 1]  # 2 × 0.01 % is no yen
