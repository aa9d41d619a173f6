"""The further keys of a price list: read to the value, or refused with their place."""

from datetime import date
from decimal import Decimal

import pytest
from rich_catalogue import RICH, rich

from plans import (
    ALWAYS,
    Aggregation,
    AmountOff,
    CatalogueProblems,
    CouponScope,
    CyclePrice,
    FirstPeriod,
    Flat,
    Gift,
    Grandfathering,
    PercentOff,
    PerSeat,
    PriceRef,
    RemainingPercent,
    Rounding,
    SetupFee,
    TaxCategory,
    Tier,
    Tiered,
    TierMode,
    UsageTerms,
    UsageTier,
    parse_catalogue,
)

STANDARD, REDUCED = TaxCategory.STANDARD, TaxCategory.REDUCED


def test_terms_of_plans_are_read():
    catalogue = rich()
    light, team = catalogue.plan("light"), catalogue.prices["team"][0]
    assert (light.anchor_day, light.first_period) == (27, FirstPeriod.FREE)
    assert [price.valid_until for price in catalogue.prices["light"]] == [date(2026, 12, 31), None]
    tiers = (Tier(10, 1_000), Tier(50, 900, 500), Tier(None, 800))
    assert team.tiers == Tiered(TierMode.GRADUATED, tiers)
    assert (team.amount_yen, team.per_seat) == (1_000, True)
    assert team.setup_fee == SetupFee(3_300, REDUCED)
    assert team.cancellation == RemainingPercent(Decimal("12.5"))


def test_terms_of_cycles_and_use_are_read():
    coffee, api = rich().prices["coffee"][0], rich().prices["api"][0]
    assert coffee.trial_until == date(2026, 12, 31)
    assert coffee.cycle_prices == (CyclePrice(2, 3, 2_500), CyclePrice(4, 4, 0))
    assert coffee.gifts == (
        Gift(1, "spoon", "スプーン", "Spoon", REDUCED),
        Gift(6, "mug", "マグカップ", "Mug", STANDARD),
    )
    tiers = (UsageTier(10_000, Decimal("0.5")), UsageTier(None, Decimal("0.3")))
    assert api.usage == UsageTerms(
        "calls", 1_000, Decimal("0.5"), tiers, Aggregation.MAX, Rounding.CEIL, 5
    )


def test_add_ons_are_read():
    add_ons = {code: versions[0] for code, versions in rich().add_ons.items()}
    assert add_ons["support"].price == Flat(550)
    assert add_ons["support"].plans == {"light", "team"}
    bag = add_ons["bag"]
    assert (bag.price, bag.recurring, bag.quantity_min, bag.quantity_max) == (
        *(PerSeat(108), False),
        *(2, 5),
    )
    assert add_ons["seats"].valid_from == date(2026, 4, 1)


def test_coupons_are_read():
    spring, half = rich().coupons["spring"][0], rich().coupons["half"][0]
    assert (spring.off, spring.cycles, spring.rank) == (AmountOff(500), 3, 1)
    assert (spring.first_day, spring.last_day) == (date(2026, 3, 1), date(2026, 4, 30))
    assert spring.once_per_buyer
    assert half.off == PercentOff(Decimal("12.5"), Rounding.HALF_UP)
    assert (half.cycles, half.scope, half.valid_from) == (None, CouponScope.PLAN, ALWAYS)


def test_families_and_migrations_are_read():
    catalogue = rich()
    (migration,) = catalogue.migrations["light-2027"]
    assert catalogue.families["software"][0].ranks == ({"light"}, {"team", "api"})
    assert (migration.old, migration.new) == (
        PriceRef("light", ALWAYS),
        PriceRef("light", date(2027, 1, 1)),
    )
    assert migration.grandfathered == Grandfathering(date(2020, 4, 1), date(2028, 3, 31))


def _told(text: str) -> list[str]:
    with pytest.raises(CatalogueProblems) as refused:
        parse_catalogue(text)
    return [fault.field for fault in refused.value.problems]


# What is replaced, by what, and the fields that are told; each fault is the only one of the file.
TWO_PRICES = "unit_price: '1'\n      tiers: [{up_to: 10000"
FAULTS = [
    ("price: 980", "price: 10000001", ["plans[0].price"]),
    ("anchor_day: 27", "anchor_day: 32", ["plans[0].anchor_day"]),
    ("anchor_day: 27", "anchor: last_day\n    anchor_day: 27", ["plans[0].anchor_day"]),
    ("    anchor_day: 27\n", "", ["plans[0].first_period"]),
    ("first_period: free", "first_period: half", ["plans[0].first_period"]),
    ("valid_until: 2026-12-31", "valid_until: 2027-01-01", ["plans[0].prices"]),
    ("valid_until: 2026-12-31", "valid_until: 1969-12-31", ["plans[0].valid_until"]),
    ("valid_until: 2026-12-31", "valid_until: 2026-11-31", ["plans[0].valid_until"]),
    ("valid_until: 2026-12-31", "valid_until: 9999-12-31", ["plans[0].valid_until"]),
    ("mode: graduated", "mode: gradual", ["plans[1].tiers.mode"]),
    ("up_to: 50", "up_to: 10", ["plans[1].tiers"]),
    ("{unit_price: 800}", "{up_to: 60, unit_price: 800}", ["plans[1].tiers"]),
    ("up_to: 10, unit_price: 1000", "up_to: 10, unit_price: 0", ["plans[1].tiers"]),
    ("up_to: 10, unit", "up_to: 0, unit", ["plans[1].tiers.steps[0].up_to"]),
    ("flat_fee: 500", "flat_fee: -1", ["plans[1].tiers.steps[1].flat_fee"]),
    ("    tiers:\n", "    price: 5\n    tiers:\n", ["plans[1].tiers"]),
    ("    tiers:\n", "    per_seat: false\n    tiers:\n", ["plans[1].per_seat"]),
    ("{price: 3300,", "{price: 0,", ["plans[1].setup_fee.price"]),
    ("    minimum_cycles: 12\n", "", ["plans[1].cancellation_fee"]),
    ("kind: remaining_percent", "kind: half", ["plans[1].cancellation_fee.kind"]),
    (
        "kind: remaining_percent",
        "kind: fixed",
        ["fee.yen", "fee.percent"],
    ),
    ("percent: '12.5'}\n    tiers", "percent: 101}\n    tiers", ["cancellation_fee.percent"]),
    ("trial_until: 2026", "trial_days: 3\n    trial_until: 2026", ["plans[2].trial_until"]),
    ("cycle: 4,", "cycle: 3,", ["plans[2].cycle_prices"]),
    ("cycle: 2, to: 3", "cycle: 1, to: 3", ["plans[2].cycle_prices"]),
    ("cycle: 2, to: 3", "cycle: 2, to: 1", ["plans[2].cycle_prices[1].to"]),
    ("cycle: 6", "cycle: 0", ["plans[2].gifts[0].cycle"]),
    ("cycle: 6, item: mug", "cycle: 1, item: spoon", ["plans[2].gifts"]),
    (
        "tiers: [{up_to: 10000",
        "unit_price: '1'\n      tiers: [{up_to: 10000",
        ["plans[3].usage.tiers"],
    ),
    ("unit_price: '0.3'", "unit_price: 0.3", ["plans[3].usage.tiers[1].unit_price"]),
    ("aggregate: max", "aggregate: min", ["plans[3].usage.aggregate"]),
    ("plans: [team, light]", "plans: [team, lite]", ["add_ons[0].plans"]),
    ("plans: [team, light]", "plans: [team, team]", ["add_ons[0].plans"]),
    ("price: 550", "price: 0", ["add_ons[0].price"]),
    ("min: 2, max: 5", "min: 0, max: 5", ["add_ons[1].quantity.min"]),
    ("min: 2, max: 5", "min: 6, max: 5", ["add_ons[1].quantity"]),
    ("    per_seat: true\n", "", ["add_ons[1].quantity"]),
    ("code: bag", "code: support", ["add_ons[1].code"]),
    ("off: {yen: 500}", "scope: plan\n    off: {yen: 1081}", ["coupons[0].off"]),
    ("off: {yen: 500}", "off: {yen: 5, percent: 5}", ["coupons[0].off"]),
    ("off: {yen: 500}", "off: {yen: 5, rounding: floor}", ["coupons[0].off.rounding"]),
    ("percent: '12.5', ", "percent: 101, ", ["coupons[1].off.percent"]),
    ("cycles: 3", "cycles: 0", ["coupons[0].cycles"]),
    ("cycles: forever", "cycles: always", ["coupons[1].cycles"]),
    ("until: 2026-04-30", "until: 2026-02-28", ["coupons[0].campaign.until"]),
    ("until: 2026-04-30", "until: 2026-04-31", ["coupons[0].campaign.until"]),
    ("rank: 1", "range: 1", ["coupons[0].range"]),
    ("[light, [team, api]]", "[light, [team, light]]", ["families[0].plans"]),
    (
        "plans: [[coffee]]",
        "plans: [coffee, team, light]",
        ["families[0].plans", "families[1].plans"],
    ),
    ("[[coffee]]", "[tea]", ["families[1].plans"]),
    ("from: {plan: light}", "from: {plan: lite}", ["migrations[0].from"]),
    ("to: {plan: light, valid_from: 2027-01-01}", "to: {plan: light}", ["migrations[0].to"]),
    ("notice_on: 2026-12-01", "notice_on: 2026-12-31", ["migrations[0].effective_on"]),
    ("notice_days: 60", "notice_days: 9", ["migrations[0].notice_days"]),
    ("until: 2028-03-31", "until: 2027-01-31", ["migrations[0].grandfather"]),
    ("coupons:", "coupon:", ["coupon"]),
]


@pytest.mark.parametrize(
    ("good", "bad", "fields"), [pytest.param(*fault, id=fault[1][:40]) for fault in FAULTS]
)
def test_a_fault_is_told_with_its_place(good, bad, fields):
    assert RICH.count(good) >= 1
    told = _told(RICH.replace(good, bad, 1))
    assert len(told) == len(fields)
    assert all(where.endswith(field) for where, field in zip(told, fields, strict=True)), told


SECOND = """  - code: back
    from: {plan: light, valid_from: 2027-01-01}
    to: {plan: light}
    notice_on: 2027-02-01
    effective_on: 2027-03-01
"""


def test_migrations_that_come_back_are_refused():
    assert _told(RICH + SECOND) == ["migrations[0].to", "migrations[1].to"]


def test_a_price_is_moved_by_one_migration():
    again = SECOND.replace("{plan: light, valid_from: 2027-01-01}", "{plan: coffee}")
    again = again.replace("to: {plan: light}", "to: {plan: team}")
    assert _told(RICH + again + again.replace("back", "again")) == ["migrations[2].from"]


def test_a_coupon_above_every_price_says_so():
    with pytest.raises(CatalogueProblems) as refused:
        parse_catalogue(RICH.replace("off: {yen: 500}", "off: {yen: 1081}\n    scope: plan"))
    (fault,) = refused.value.problems
    assert "costs at most 1,080 yen a cycle, and the coupon would make it negative" in fault.rule


def test_all_faults_of_all_sections_are_told_at_once():
    text = RICH.replace("code: bag", "code: 42").replace("rank: 1", "rank: -1")
    text = text.replace("mode: volume", "mode: loud").replace("[[coffee]]", "[tea]")
    assert _told(text) == [
        "add_ons[1].code",
        "add_ons[2].tiers.mode",
        "coupons[0].rank",
        "families[1].plans",
    ]
