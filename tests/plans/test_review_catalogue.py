"""A price list as an auditor plays it: what must be refused when a catalogue is built in code."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from plans import (
    ALWAYS,
    AddOn,
    AmountOff,
    BadInput,
    Catalogue,
    Coupon,
    CyclePrice,
    FixedFee,
    Flat,
    Gift,
    Grandfathering,
    Interval,
    PercentOff,
    PerSeat,
    Plan,
    PlanFamily,
    Price,
    PriceMigration,
    PriceRef,
    RemainingCapped,
    RemainingPercent,
    SetupFee,
    TaxCategory,
    Tier,
    Tiered,
    TierMode,
    Unit,
    amount_of,
    cancellation_fee,
    cycle_lines,
)
from plans.calendar import Period

MONTHLY = Interval(Unit.MONTH)
STANDARD = TaxCategory.STANDARD
DECEMBER = Period(date(2026, 12, 1), date(2027, 1, 1))
YEN_MAX = 10_000_000


def plan(code="a"):
    return Plan(code, "甲", "A")


def price(code="a", yen=1000, **terms):
    given = {"valid_from": ALWAYS, "interval": MONTHLY, "tax_category": STANDARD, **terms}
    return Price(plan_code=code, amount_yen=yen, **given)


def family(code, *ranks):
    return PlanFamily(code, ALWAYS, tuple(frozenset(rank) for rank in ranks))


def with_families(*families):
    codes = sorted(frozenset().union(*(each.plans for each in families)))
    return Catalogue.of(
        plans=[plan(code) for code in codes],
        prices=[price(code) for code in codes],
        families=families,
    )


@pytest.mark.parametrize(
    "families",
    [
        pytest.param([family("x", "a", "b"), family("y", "b", "c"), family("z", "c", "a")], id="3"),
        pytest.param([family("x", *"abcd"), family("y", *"defga")], id="7 over two families"),
        pytest.param([family("x", "a", "b", "a")], id="a plan above itself"),
        pytest.param([family("x", "ab"), family("y", "a", "b")], id="equal here, smaller there"),
        pytest.param(
            [family("x", "ab"), family("y", "a", "c"), family("z", "c", "b")],
            id="equal here, smaller by a third",
        ),
        pytest.param(
            [family("w", "ab"), family("x", "bc"), family("y", "c", "a")], id="equals of equals"
        ),
    ],
)
def test_families_that_contradict_each_other(families):
    with pytest.raises(BadInput) as refused:
        with_families(*families)
    assert refused.value.field == "plans"
    assert "circle" in refused.value.rule


@pytest.mark.parametrize(
    "families",
    [
        pytest.param([family("x", *"abc"), family("y", "a", "c")], id="the same order"),
        pytest.param([family("x", "ab", "c"), family("y", "ab", "d")], id="the same equals"),
        pytest.param([family("x", "ab"), family("y", "bc"), family("z", "abc", "d")], id="equals"),
    ],
)
def test_families_that_agree(families):
    assert len(with_families(*families).families) == len(families)


def test_an_empty_rank_is_refused():
    with pytest.raises(BadInput) as refused:
        with_families(family("x", "a", "", "b"))
    assert refused.value.field == "plans"


DAYS = [ALWAYS, date(2026, 6, 1), date(2026, 9, 1)]
REFS = [PriceRef("a", day) for day in DAYS]


def migration(old, new, effective_on, **terms):
    notice_on = date(2026, 1, 1)
    return PriceMigration(
        f"m{old}{new}", ALWAYS, REFS[old], REFS[new], notice_on, effective_on, **terms
    )


def with_migrations(*migrations):
    prices = [price(yen=1000 + n, valid_from=day) for n, day in enumerate(DAYS)]
    return Catalogue.of(plans=[plan()], prices=prices, migrations=migrations)


def test_a_chain_of_migrations_moves_step_by_step():
    catalogue = with_migrations(
        migration(0, 1, date(2026, 7, 1)), migration(1, 2, date(2026, 10, 1))
    )
    moved = [
        catalogue.price_agreed(REFS[0], subscribed_on=ALWAYS, on=on).amount_yen
        for on in (date(2026, 6, 30), date(2026, 7, 1), date(2026, 9, 30), date(2026, 10, 1))
    ]
    assert moved == [1000, 1001, 1001, 1002]


@pytest.mark.parametrize("second", [date(2026, 9, 1), date(2026, 10, 1)])
def test_a_migration_to_a_price_that_is_left_already_is_refused(second):
    # Told of 1,001 yen from October on, these subscribers would at once pay 1,002.
    with pytest.raises(BadInput) as refused:
        with_migrations(migration(0, 1, date(2026, 10, 1)), migration(1, 2, second))
    assert refused.value.field == "to"


def test_a_migration_that_moves_nobody_ever_is_refused():
    with pytest.raises(BadInput) as refused:
        with_migrations(migration(0, 1, date(2026, 7, 1), grandfathered=Grandfathering()))
    assert refused.value.field == "grandfather"


def test_of_two_migrations_of_one_price_none_is_chosen():
    with pytest.raises(BadInput) as refused:
        with_migrations(migration(0, 1, date(2026, 7, 1)), migration(0, 2, date(2026, 10, 1)))
    assert refused.value.field == "from"


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        pytest.param({"trial_days": -1}, "trial_days", id="a trial of less than nothing"),
        pytest.param({"minimum_cycles": -1}, "minimum_cycles", id="a term of less than nothing"),
        pytest.param({"yen": 0}, "price", id="0 yen"),
        pytest.param({"yen": YEN_MAX + 1}, "price", id="10,000,001 yen"),
        pytest.param({"yen": True}, "price", id="true is no price"),
        pytest.param({"yen": 1000.5}, "price", id="a float is no price"),
        pytest.param({"first_amount_yen": -1}, "first_price", id="a first price below 0"),
        pytest.param({"first_amount_yen": 0.5}, "first_price", id="half a yen"),
    ],
)
def test_prices_made_in_code_keep_the_rules_of_the_file(terms, field):
    with pytest.raises(BadInput) as refused:
        Catalogue.of(plans=[plan()], prices=[price(**terms)])
    assert refused.value.field == field


@pytest.mark.parametrize("yen", [1, YEN_MAX])
def test_the_ends_of_the_range_are_sold_with_many_seats(yen):
    catalogue = Catalogue.of(plans=[plan()], prices=[price(yen=yen, per_seat=True)])
    (line,) = cycle_lines(
        plan=plan(),
        price=catalogue.price_on("a", DECEMBER.start),
        quantity=1_000_000,
        cycle=0,
        first_cycle=0,
        period=DECEMBER,
    )
    assert line.amount_yen == yen * 1_000_000


@pytest.mark.parametrize("day", [-1, 0, 32])
def test_an_anchor_day_that_no_month_has(day):
    with pytest.raises(BadInput) as refused:
        replace(plan(), anchor_day=day)
    assert refused.value.field == "anchor_day"


def test_two_plans_of_one_code_are_refused():
    with pytest.raises(BadInput) as refused:
        Catalogue.of(plans=[plan(), plan()], prices=[price()])
    assert (refused.value.field, refused.value.value) == ("code", "a")


def test_a_price_without_its_plan_is_refused():
    with pytest.raises(BadInput) as refused:
        Catalogue.of(plans=[plan()], prices=[price(), price("b")])
    assert (refused.value.field, refused.value.value) == ("plan_code", "b")


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: Flat(1.0), id="flat, float"),
        pytest.param(lambda: PerSeat(True), id="per seat, true"),
        pytest.param(lambda: SetupFee(0, STANDARD), id="set-up fee of nothing"),
        pytest.param(lambda: CyclePrice(0, 0, 1), id="cycle 0"),
        pytest.param(lambda: CyclePrice(2, 1, 1), id="cycles 2 to 1"),
        pytest.param(lambda: Gift(0, "x", "x", "x", STANDARD), id="gift of cycle 0"),
        pytest.param(lambda: PercentOff(Decimal("NaN")), id="percent, no number"),
        pytest.param(lambda: PercentOff(Decimal("Infinity")), id="percent, endless"),
        pytest.param(lambda: PercentOff(Decimal("100.01")), id="above 100 percent"),
        pytest.param(lambda: RemainingPercent(Decimal("NaN")), id="fee, no number"),
        pytest.param(lambda: AmountOff(0), id="0 off"),
        # From the 11th seat on, all of them would be free.
        pytest.param(
            lambda: Tiered(TierMode.VOLUME, (Tier(10, 100), Tier(None, 0))), id="free by volume"
        ),
    ],
)
def test_values_that_are_refused_where_they_are_made(make):
    with pytest.raises(BadInput):
        make()


def test_a_graduated_tier_may_be_free_when_the_first_one_costs():
    # 10 × 100 + 1 × 0
    free_above_ten = Tiered(TierMode.GRADUATED, (Tier(10, 100), Tier(None, 0)))
    assert amount_of(free_above_ten, quantity=11).yen == 1000


def test_a_coupon_above_the_dearest_real_cycle_is_refused():
    # Cycle 1 costs 100 + 500 to set up; every other one 1,000. No cycle costs 1,200.
    dear = price(cycle_prices=(CyclePrice(1, 1, 100),), setup_fee=SetupFee(500, STANDARD))
    coupon = Coupon("c", ALWAYS, "割", "off", AmountOff(1200))
    with pytest.raises(BadInput) as refused:
        Catalogue.of(plans=[plan()], prices=[dear], coupons=[coupon])
    assert refused.value.field == "off"


LEAVING = {"per_seat": True, "minimum_cycles": 12}


@pytest.mark.parametrize("quantity", [0, -1])
@pytest.mark.parametrize(
    "fee", [FixedFee(9), RemainingPercent(Decimal(50)), RemainingCapped(YEN_MAX)]
)
def test_no_fee_is_asked_for_no_seats(fee, quantity):
    with pytest.raises(BadInput) as refused:
        cancellation_fee(price=price(cancellation=fee, **LEAVING), quantity=quantity, cycles_done=0)
    assert refused.value.field == "quantity"


@pytest.mark.parametrize(
    ("fee", "done", "yen", "left"),
    [
        # 1,000 × 3 seats a cycle
        pytest.param(RemainingPercent(Decimal(50)), 0, 18_000, 12, id="percent, none done"),
        pytest.param(RemainingPercent(Decimal(50)), 11, 1_500, 1, id="percent, one left"),
        pytest.param(RemainingPercent(Decimal("0.01")), 11, 0, 1, id="percent, rounded down"),
        pytest.param(RemainingPercent(Decimal(50)), 12, 0, 0, id="percent, exactly at the end"),
        pytest.param(RemainingCapped(20_000), 0, 20_000, 12, id="lid below the rest"),
        pytest.param(RemainingCapped(36_000), 0, 36_000, 12, id="lid at the rest"),
        pytest.param(RemainingCapped(36_001), 0, 36_000, 12, id="lid above the rest"),
        pytest.param(FixedFee(9_800), 11, 9_800, 1, id="fixed, one left"),
        pytest.param(FixedFee(9_800), 12, 0, 0, id="fixed, exactly at the end"),
        pytest.param(FixedFee(9_800), 400, 0, 0, id="long after the end"),
    ],
)
def test_the_fee_for_leaving_at_its_edges(fee, done, yen, left):
    found = cancellation_fee(price=price(cancellation=fee, **LEAVING), quantity=3, cycles_done=done)
    assert (found.yen, found.cycles_left) == (yen, left)


def test_an_add_on_for_an_unknown_plan_is_refused():
    add_on = AddOn("x", ALWAYS, "他", "X", Flat(1), STANDARD, plans=frozenset({"z"}))
    with pytest.raises(BadInput) as refused:
        Catalogue.of(plans=[plan()], prices=[price()], add_ons=[add_on])
    assert refused.value.field == "plans"
