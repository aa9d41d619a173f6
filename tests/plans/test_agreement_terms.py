"""Around a price: fee for leaving, families, migrations, trials, anchors, dates of sale."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from rich_catalogue import rich

from plans import (
    ALWAYS,
    Anchor,
    AnchorRule,
    BadInput,
    Catalogue,
    CyclePrice,
    FixedFee,
    Gift,
    Grandfathering,
    Interval,
    NoLongerSold,
    NoPriceYet,
    NotReplaceable,
    Plan,
    PlanFamily,
    Price,
    PriceRef,
    RemainingCapped,
    RemainingPercent,
    TaxCategory,
    Unit,
    UnknownOffer,
    cancellation_fee,
    cycle_start,
    plan_anchor,
    replacement,
)

MONTH = Interval(Unit.MONTH, 1)
PRICE = Price("p", ALWAYS, 3_240, TaxCategory.REDUCED, MONTH, per_seat=True, minimum_cycles=6)
CATALOGUE = rich()


@pytest.mark.parametrize(
    ("terms", "done", "yen", "words"),
    [
        pytest.param(None, 0, 0, "解約料 0円", id="free to leave"),
        pytest.param(FixedFee(9_800), 5, 9_800, "解約料 定額9,800円", id="fixed"),
        pytest.param(FixedFee(9_800), 6, 0, "解約料 0円", id="term is over"),
        pytest.param(
            RemainingPercent(Decimal("12.5")),
            2,
            1_620,
            "解約料 残り4回×3,240円=12,960円の12.5%=1,620円(1円未満切捨て)",
            id="4 × 3240 × 12.5 %",
        ),
        pytest.param(
            RemainingPercent(Decimal("33.3")),
            5,
            1_078,
            "解約料 残り1回×3,240円=3,240円の33.3%=1,078円(1円未満切捨て)",
            id="1078.92, floor",
        ),
        pytest.param(
            RemainingCapped(10_000),
            2,
            10_000,
            "解約料 残り4回×3,240円=12,960円、上限10,000円→10,000円",
            id="capped",
        ),
        pytest.param(
            RemainingCapped(10_000),
            4,
            6_480,
            "解約料 残り2回×3,240円=6,480円、上限10,000円→6,480円",
            id="below the cap",
        ),
    ],
)
def test_fee_for_leaving(terms, done, yen, words):
    fee = cancellation_fee(price=replace(PRICE, cancellation=terms), quantity=1, cycles_done=done)
    assert (fee.yen, fee.words_ja) == (yen, words)
    assert fee.tax_category is TaxCategory.OUT_OF_SCOPE


def test_who_leaves_owes_no_more_than_who_stays():
    special = replace(
        PRICE, cycle_prices=(CyclePrice(5, 5, 100),), cancellation=RemainingCapped(99_999)
    )
    # Cycles 5 and 6 of two seats: 2 × 100 + 2 × 3240.
    fee = cancellation_fee(price=special, quantity=2, cycles_done=4)
    assert (fee.yen, fee.cycles_left) == (6_680, 2)
    assert fee.words_en == (
        "Cancellation fee: ¥6,680 for 2 remaining cycles, at most ¥99,999: ¥6,680"
    )
    with pytest.raises(BadInput, match="cycles_done"):
        cancellation_fee(price=PRICE, quantity=1, cycles_done=-1)


def price(code: str, yen: int, interval: Interval = MONTH) -> Price:
    return Price(code, ALWAYS, yen, TaxCategory.STANDARD, interval)


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ("light", "team", "upgrade"),
        ("api", "light", "downgrade"),
        ("team", "api", "cross_grade"),
        ("light", "light", "cross_grade"),
    ],
)
def test_ranks_say_which_way_is_up(old, new, kind):
    families = CATALOGUE.families_on(date(2026, 11, 22))
    assert replacement(families=families, old=price(old, 9), new=price(new, 1)) == kind


def test_plans_without_a_common_family_do_not_replace_each_other():
    families = CATALOGUE.families_on(date(2026, 11, 22))
    with pytest.raises(NotReplaceable, match=r"choose one of api, team"):
        replacement(families=families, old=price("light", 1), new=price("coffee", 1))


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        pytest.param(price("a", 980), price("b", 1_980), "upgrade", id="dearer"),
        pytest.param(
            price("a", 1_000), price("b", 12_000, Interval(Unit.YEAR)), "cross_grade", id="a year"
        ),
        pytest.param(
            price("a", 1_000), price("b", 11_999, Interval(Unit.YEAR)), "downgrade", id="cheaper"
        ),
        pytest.param(
            price("a", 700, Interval(Unit.DAY, 7)),
            price("b", 700, Interval(Unit.WEEK)),
            "cross_grade",
            id="7 days are a week",
        ),
    ],
)
def test_without_families_the_yearly_amount_decides(old, new, kind):
    assert replacement(families=(), old=old, new=new) == kind


def test_the_newest_family_in_force_counts():
    later = PlanFamily("software", date(2027, 1, 1), (frozenset({"light"}),))
    merged = CATALOGUE.merged(Catalogue.as_stored(plans=(), prices=(), offers=[later]))
    ranks = [len(merged.families_on(day)[1].plans) for day in (date(2026, 1, 1), date(2027, 1, 1))]
    assert ranks == [3, 1]


OLD, NEW = PriceRef("light", ALWAYS), PriceRef("light", date(2027, 1, 1))


@pytest.mark.parametrize(
    ("agreed", "subscribed", "on", "yen"),
    [
        pytest.param(OLD, "2024-01-01", "2027-01-31", 980, id="not yet"),
        pytest.param(OLD, "2024-01-01", "2027-02-01", 1_080, id="moved"),
        pytest.param(OLD, "2020-03-31", "2028-03-31", 980, id="grandfathered to the last day"),
        pytest.param(OLD, "2020-03-31", "2028-04-01", 1_080, id="and moved after it"),
        pytest.param(NEW, "2027-01-01", "2030-01-01", 1_080, id="agreed to the new one"),
    ],
)
def test_a_subscriber_keeps_the_price_agreed_until_moved(agreed, subscribed, on, yen):
    found = CATALOGUE.price_agreed(
        agreed,
        subscribed_on=date.fromisoformat(subscribed),
        on=date.fromisoformat(on),
    )
    assert found.amount_yen == yen


def test_some_stay_for_ever():
    (migration,) = CATALOGUE.migrations["light-2027"]
    for_ever = replace(migration, grandfathered=Grandfathering(date(2020, 4, 1)))
    assert for_ever.moves_on(subscribed_on=date(2020, 3, 31)) is None
    assert for_ever.moves_on(subscribed_on=date(2020, 4, 1)) == date(2027, 2, 1)
    assert replace(migration, grandfathered=None).moves_on(subscribed_on=ALWAYS) == date(2027, 2, 1)


def test_dates_of_sale():
    assert CATALOGUE.price_on("light", date(2026, 12, 31)).amount_yen == 980
    ended = Catalogue.of(
        plans=[Plan("p", "p", "p")], prices=[replace(PRICE, valid_until=date(2026, 6, 30))]
    )
    with pytest.raises(NoLongerSold, match="last sold on 2026-06-30"):
        ended.price_on("p", date(2026, 7, 1))
    with pytest.raises(NoPriceYet):
        ended.price_of(PriceRef("p", date(2026, 7, 1)))
    assert CATALOGUE.add_on_on("seats", date(2026, 4, 1)).code == "seats"
    assert CATALOGUE.coupon_on("half", date(2000, 1, 1)).code == "half"
    with pytest.raises(UnknownOffer, match="use one of: bag, support"):
        CATALOGUE.add_on_on("seats", date(2026, 3, 31))


@pytest.mark.parametrize(
    ("terms", "started", "paid_from"),
    [
        pytest.param({}, "2026-11-22", "2026-11-22", id="no trial"),
        pytest.param({"trial_days": 14}, "2026-11-22", "2026-12-06", id="14 days"),
        pytest.param({"trial_until": date(2026, 12, 31)}, "2026-11-22", "2027-01-01", id="date"),
        pytest.param({"trial_until": date(2026, 12, 31)}, "2027-02-03", "2027-02-03", id="past"),
    ],
)
def test_the_first_paid_day(terms, started, paid_from):
    found = replace(PRICE, **terms).paid_from(date.fromisoformat(started))
    assert found.isoformat() == paid_from


KEEP, LAST, STATUTE = AnchorRule.KEEP_DAY, AnchorRule.LAST_DAY, AnchorRule.STATUTE


@pytest.mark.parametrize(
    ("rule", "day", "paid_from", "anchor", "next_start"),
    [
        (KEEP, None, "2026-01-31", Anchor(2026, 1, 31), "2026-02-28"),
        (KEEP, 27, "2026-11-22", Anchor(2026, 10, 27), "2026-11-27"),
        (KEEP, 27, "2026-11-27", Anchor(2026, 11, 27), "2026-12-27"),
        (KEEP, 31, "2026-02-28", Anchor(2026, 2, 31), "2026-03-31"),
        (KEEP, 15, "2026-01-10", Anchor(2025, 12, 15), "2026-01-15"),
        (LAST, None, "2026-11-22", Anchor(2026, 10, 22, LAST), "2026-11-30"),
        (LAST, None, "2026-11-30", Anchor(2026, 11, 30, LAST), "2026-12-31"),
        (STATUTE, 31, "2026-03-01", Anchor(2026, 2, 31, STATUTE), "2026-03-31"),
    ],
    ids=str,
)
def test_cycle_0_of_a_plan_holds_the_first_paid_day(rule, day, paid_from, anchor, next_start):
    plan = Plan("p", "p", "p", rule, anchor_day=day)
    found = plan_anchor(plan=plan, interval=MONTH, paid_from=date.fromisoformat(paid_from))
    assert found == anchor
    assert cycle_start(anchor=found, interval=MONTH, cycle=1).isoformat() == next_start


def test_a_fixed_day_needs_months():
    with pytest.raises(BadInput, match="anchor_day"):
        plan_anchor(
            plan=Plan("p", "p", "p", anchor_day=5),
            interval=Interval(Unit.WEEK),
            paid_from=date(2026, 1, 1),
        )


@pytest.mark.parametrize(
    ("change", "field"),
    [
        pytest.param({"amount_yen": 0}, "price", id="free"),
        pytest.param({"amount_yen": 10_000_001}, "price", id="too dear"),
        pytest.param({"first_amount_yen": -1}, "first_price", id="first price below 0"),
        pytest.param({"valid_until": date(1969, 1, 1)}, "valid_until", id="ends before it starts"),
        pytest.param({"trial_days": 1, "trial_until": ALWAYS}, "trial_until", id="two trials"),
        pytest.param(
            {"minimum_cycles": 0, "cancellation": FixedFee(1)}, "cancellation_fee", id="no term"
        ),
        pytest.param(
            {"cycle_prices": (CyclePrice(2, 4, 1), CyclePrice(4, 5, 1))}, "cycle_prices", id="two"
        ),
        pytest.param(
            {"gifts": (Gift(1, "a", "a", "a", TaxCategory.STANDARD),) * 2}, "gifts", id="twice"
        ),
        pytest.param({"tiers": CATALOGUE.prices["team"][0].tiers}, "tiers", id="other amount"),
    ],
)
def test_the_same_rules_hold_without_a_file(change, field):
    with pytest.raises(BadInput) as refused:
        Catalogue.of(plans=[Plan("p", "p", "p")], prices=[replace(PRICE, **change)])
    assert refused.value.field == field
