"""Every rule of the price list holds for the constructors too, and names the same field."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from rich_catalogue import RICH, rich

from billing.quotes import QuoteRules
from plans import (
    AddOn,
    AmountOff,
    AnchorRule,
    BadInput,
    Catalogue,
    CatalogueProblems,
    Coupon,
    CyclePrice,
    FirstPeriod,
    FixedFee,
    Flat,
    Gift,
    Grandfathering,
    Interval,
    PercentOff,
    PerSeat,
    Plan,
    PlanFamily,
    PriceRef,
    RemainingCapped,
    RemainingPercent,
    SetupFee,
    TaxCategory,
    Tier,
    Tiered,
    TierMode,
    Unit,
    UsageTerms,
    UsageTier,
    UsageWindow,
    parse_catalogue,
)

WHOLE = rich()
LIGHT, TEAM, COFFEE = (WHOLE.plans[code] for code in ("light", "team", "coffee"))
LIGHT_1, LIGHT_2 = WHOLE.prices["light"]
(TEAM_PRICE,), (COFFEE_PRICE,), (API_PRICE,) = (
    WHOLE.prices[code] for code in ("team", "coffee", "api")
)
SUPPORT, BAG = WHOLE.add_ons["support"][0], WHOLE.add_ons["bag"][0]
SPRING, FOOD = WHOLE.coupons["spring"][0], WHOLE.families["food"][0]
MOVE = WHOLE.migrations["light-2027"][0]
STANDARD = TaxCategory.STANDARD
LONG = "x" * 201


def without_anchor_day() -> Plan:
    return Plan("p", "p", "p", first_period=FirstPeriod.FREE)


def team_tiers(first: Tier) -> Tiered:
    return Tiered(TierMode.GRADUATED, (first, Tier(None, 800)))


def usage(**terms) -> UsageTerms:
    return replace(API_PRICE.usage, **terms)


def price_list(**parts) -> Catalogue:
    """The whole price list again, with some parts replaced."""
    given = {
        "plans": WHOLE.plans.values(),
        "prices": WHOLE.all_prices,
        "add_ons": [each for dated in WHOLE.add_ons.values() for each in dated],
        "coupons": [each for dated in WHOLE.coupons.values() for each in dated],
        "families": [each for dated in WHOLE.families.values() for each in dated],
        "migrations": [MOVE],
    }
    return Catalogue.of(**given | parts)


def moved(old: str, new: str) -> Catalogue:
    """A migration between the first prices of two plans."""
    refs = (PriceRef(code, WHOLE.prices[code][0].valid_from) for code in (old, new))
    return price_list(migrations=[replace(MOVE, old=next(refs), new=next(refs))])


# Of the file: what is replaced by what. Of the code: the call. Then the field both name (the last
# key of the path in the file) and words of the rule that both give.
RULES = [
    ("code: light\n", "code: ''\n", lambda: replace(LIGHT, code=""), "code", ""),
    ("code: light\n", "code: a b\n", lambda: replace(LIGHT, code="a b"), "code", "a code is 1 to"),
    ("en: Light", "en: ''", lambda: replace(LIGHT, name_en=""), "name_en", "is empty or longer"),
    (
        "ja: ライト",
        f"ja: {LONG}",
        lambda: replace(LIGHT, name_ja=LONG),
        "name_ja",
        "longer than 200",
    ),
    ("en: Light", 'en: "a\\nb"', lambda: replace(LIGHT, name_en="a\nb"), "name_en", "line break"),
    ("anchor_day: 27", "anchor_day: 32", lambda: replace(LIGHT, anchor_day=32), "anchor_day", "31"),
    (
        *("anchor_day: 27", "anchor_day: 27\n    anchor: last_day"),
        lambda: replace(LIGHT, anchor_rule=AnchorRule.LAST_DAY),
        *("anchor_day", "stands beside anchor: last_day"),
    ),
    ("    anchor_day: 27\n", "", without_anchor_day, "first_period", "the plan has none"),
    ("count: 1", "count: 0", lambda: Interval(Unit.MONTH, 0), "count", "from 1 to 999"),
    ("count: 1", "count: 5000", lambda: Interval(Unit.MONTH, 5000), "count", "from 1 to 999"),
    ("price: 980", "price: 0", lambda: replace(LIGHT_1, amount_yen=0), "price", "from 1 to"),
    ("price: 980", "price: 10000001", lambda: replace(LIGHT_1, amount_yen=10**7 + 1), "price", ""),
    (
        *("price: 980", "price: 980\n    trial_days: 99999"),
        lambda: replace(LIGHT_1, trial_days=99999),
        *("trial_days", "a trial in days is a whole number from 0 to 3650"),
    ),
    (
        *("minimum_cycles: 12", "minimum_cycles: 1000"),
        lambda: replace(TEAM_PRICE, minimum_cycles=1000),
        *("minimum_cycles", "from 0 to 999"),
    ),
    (
        *("valid_until: 2026-12-31", "valid_until: 3000-01-01"),
        lambda: replace(LIGHT_1, valid_until=date(3000, 1, 1)),
        *("valid_until", "from 1900 to 2999"),
    ),
    (
        *("valid_until: 2026-12-31", "valid_until: 1969-12-31"),
        lambda: replace(LIGHT_1, valid_until=date(1969, 12, 31)),
        *("valid_until", "is before valid_from"),
    ),
    (
        *("trial_until: 2026-12-31", "trial_until: 2026-12-31\n    trial_days: 3"),
        lambda: replace(COFFEE_PRICE, trial_days=3),
        *("trial_until", "a trial ends in one way"),
    ),
    (
        *("first_price: 1980", "first_price: 10000001"),
        lambda: replace(COFFEE_PRICE, first_amount_yen=10**7 + 1),
        *("first_price", ""),
    ),
    ("cycle: 4,", "cycle: 0,", lambda: CyclePrice(0, 4, 0), "cycle", "from 1 to 999"),
    ("to: 3,", "to: 1000,", lambda: CyclePrice(2, 1000, 0), "to", "from 1 to 999"),
    ("to: 3,", "to: 1,", lambda: CyclePrice(2, 1, 0), "to", "is before cycle 2"),
    ("price: 2500", "price: -1", lambda: CyclePrice(2, 3, -1), "price", "from 0 to"),
    (
        *("cycle: 4,", "cycle: 3,"),
        lambda: replace(COFFEE_PRICE, cycle_prices=(CyclePrice(2, 3, 1), CyclePrice(3, 3, 0))),
        *("cycle_prices", "another price already"),
    ),
    ("item: mug", "item: a b", lambda: Gift(1, "a b", "x", "x", STANDARD), "item", "a code is"),
    ("cycle: 6,", "cycle: 0,", lambda: Gift(0, "mug", "x", "x", STANDARD), "cycle", "1 to 999"),
    ("en: Mug", "en: ''", lambda: Gift(1, "mug", "x", "", STANDARD), "name_en", "is empty"),
    ("price: 3300", "price: 0", lambda: SetupFee(0, STANDARD), "setup_fee", "from 1 to"),
    (
        *("    minimum_cycles: 12\n", ""),
        lambda: replace(TEAM_PRICE, minimum_cycles=0),
        *("cancellation_fee", "there is no minimum_cycles"),
    ),
    ("'12.5'}\n    t", "0}\n    t", lambda: RemainingPercent(Decimal(0)), "percent", "above 0"),
    (
        *("kind: remaining_percent, percent: '12.5'", "kind: fixed, yen: 0"),
        lambda: FixedFee(0),
        *("yen", "from 1 to"),
    ),
    (
        *("kind: remaining_percent, percent: '12.5'", "kind: remaining_capped, most: 0"),
        lambda: RemainingCapped(0),
        *("most", "from 1 to"),
    ),
    ("up_to: 10, u", "up_to: 0, u", lambda: team_tiers(Tier(0, 1)), "up_to", "an upper bound is"),
    ("flat_fee: 500", "flat_fee: -1", lambda: team_tiers(Tier(10, 1, -1)), "flat_fee", "from 0 to"),
    (
        *("    tiers:\n", "    per_seat: false\n    tiers:\n"),
        lambda: replace(TEAM_PRICE, per_seat=False),
        *("per_seat", "is false beside tiers"),
    ),
    ("meter: calls", "meter: ''", lambda: usage(meter=""), "meter", "is empty or longer"),
    ("included: 1000", "included: -1", lambda: usage(included=-1), "included", "from 0 to"),
    ("late_days: 5", "late_days: 401", lambda: usage(late_days=401), "late_days", "from 0 to 400"),
    ("up_to: 10000", "up_to: 0", lambda: UsageTier(0, Decimal(1)), "up_to", "from 1 to"),
    ("price: 550", "price: 0", lambda: Flat(0), "price", "from 1 to"),
    ("price: 108\n", "price: 0\n", lambda: PerSeat(0), "price", "from 1 to"),
    ("code: support", "code: a/b", lambda: replace(SUPPORT, code="a/b"), "code", "a code is 1 to"),
    ("en: Storage bag", "en: ''", lambda: replace(BAG, name_en=""), "name_en", "is empty"),
    ("min: 2, max: 5", "min: 6, max: 5", lambda: replace(BAG, quantity_min=6), "quantity", "less"),
    (
        *("    per_seat: true\n", ""),
        lambda: replace(BAG, price=Flat(108)),
        *("quantity", "a flat add-on is sold once"),
    ),
    ("code: spring", "code: a b", lambda: replace(SPRING, code="a b"), "code", "a code is 1 to"),
    ("cycles: 3", "cycles: 1000", lambda: replace(SPRING, cycles=1000), "cycles", "1 to 999"),
    ("rank: 1", "rank: -5", lambda: replace(SPRING, rank=-5), "rank", "a rank is a whole number"),
    ("yen: 500", "yen: 0", lambda: AmountOff(0), "yen", "from 1 to"),
    ("'12.5', r", "101, r", lambda: PercentOff(Decimal(101)), "percent", "at most 100"),
    (
        *("until: 2026-04-30", "until: 2026-02-28"),
        lambda: replace(SPRING, last_day=date(2026, 2, 28)),
        *("until", "is before the campaign's first day"),
    ),
    ("code: food", "code: f/d", lambda: replace(FOOD, code="f/d"), "code", "a code is 1 to"),
    ("[[coffee]]", "[]", lambda: PlanFamily("food", FOOD.valid_from, ()), "plans", ""),
    (
        "notice_days: 60",
        "notice_days: 9",
        lambda: replace(MOVE, notice_days=9),
        "notice_days",
        "10",
    ),
    (
        *("notice_days: 60", "notice_days: 401"),
        lambda: replace(MOVE, notice_days=401),
        *("notice_days", "from 0 to 400"),
    ),
    (
        *("notice_on: 2026-12-01", "notice_on: 2026-12-31"),
        lambda: replace(MOVE, notice_on=date(2026, 12, 31)),
        *("effective_on", "less than 60 days after the notice"),
    ),
    (
        *("subscribed_before: 2020-04-01, until: 2028-03-31", "until: 3000-01-01"),
        lambda: Grandfathering(until=date(3000, 1, 1)),
        *("until", "from 1900 to 2999"),
    ),
    (
        *("{subscribed_before: 2020-04-01, until: 2028-03-31}", "{}"),
        lambda: replace(MOVE, grandfathered=Grandfathering()),
        *("grandfather", "moves nobody"),
    ),
    # Between entries: the whole price list is the constructor.
    (
        *("plans: [team, light]", "plans: [lite]"),
        lambda: price_list(add_ons=[replace(SUPPORT, plans=frozenset({"lite"}))]),
        *("plans", "is not in the price list"),
    ),
    (
        *("valid_until: 2026-12-31", "valid_until: 2027-01-01"),
        lambda: price_list(prices=[replace(LIGHT_1, valid_until=date(2027, 1, 1)), LIGHT_2]),
        *("prices", "has a price until 2027-01-01 already"),
    ),
    (
        *("unit: month, count: 1", "unit: week, count: 1"),
        lambda: price_list(prices=[replace(LIGHT_1, interval=Interval(Unit.WEEK))]),
        *("anchor_day", "for intervals of months and years"),
    ),
    (
        *("to: {plan: light, valid_from: 2027-01-01}", "to: {plan: api}"),
        lambda: moved("light", "api"),
        *("to", "is charged every year, and the price it follows every month"),
    ),
    (
        *("from: {plan: light}\n    to: {plan: light, valid_from: 2027-01-01}",),
        "from: {plan: team}\n    to: {plan: coffee}",
        lambda: moved("team", "coffee"),
        *("to", "nothing says what becomes of the seats"),
    ),
]

# The file tells names inside `name:`, what a fee costs inside `setup_fee:`, and prices that overlap
# at their list.
ELSEWHERE = {"name_ja": "ja", "name_en": "en", "setup_fee": "price", "prices": "prices"}
IN_CODE = {"prices": "valid_from"}


@pytest.mark.parametrize(
    ("good", "bad", "call", "field", "words"),
    [pytest.param(*rule, id=f"{rule[3]}: {rule[1].strip()[:24]}") for rule in RULES],
)
def test_file_and_constructor_refuse_alike(good, bad, call, field, words):
    assert RICH.count(good) >= 1
    with pytest.raises(CatalogueProblems) as told:
        parse_catalogue(RICH.replace(good, bad, 1))
    at = ELSEWHERE.get(field, field)
    rules = [each.rule for each in told.value.problems if each.field.split(".")[-1] == at]
    assert any(words in rule for rule in rules), told.value.problems
    with pytest.raises(BadInput) as refused:
        call()
    assert refused.value.field == IN_CODE.get(field, field)
    assert words in refused.value.rule


@pytest.mark.parametrize(
    ("call", "field"),
    [
        # Where a file takes the price from the first tier, code can contradict it.
        pytest.param(lambda: usage(unit_price=Decimal(9)), "unit_price", id="two unit prices"),
        pytest.param(lambda: replace(TEAM_PRICE, amount_yen=999), "tiers", id="two amounts"),
        # A file writes these as plain digits and dates, or not at all.
        pytest.param(lambda: replace(LIGHT_1, trial_days=True), "trial_days", id="truth as days"),
        pytest.param(lambda: replace(LIGHT_1, amount_yen=9.5), "price", id="half a yen"),
        pytest.param(lambda: Interval(Unit.DAY, 1.5), "count", id="a day and a half"),
        pytest.param(
            lambda: UsageWindow(date(2026, 11, 2), date(2026, 11, 1)), "last", id="window backwards"
        ),
        pytest.param(lambda: QuoteRules(timezone="Mars/Base"), "timezone", id="no such zone"),
        pytest.param(
            lambda: AddOn("a", date(1800, 1, 1), "a", "a", Flat(1), STANDARD),
            "valid_from",
            id="old",
        ),
        pytest.param(
            lambda: Coupon("a", date(2026, 1, 1), "a", "\x00", AmountOff(1)),
            "name_en",
            id="control",
        ),
    ],
)
def test_what_only_code_can_say_is_refused_too(call, field):
    with pytest.raises(BadInput) as refused:
        call()
    assert refused.value.field == field


def test_a_value_tells_the_first_of_its_faults_and_a_file_all_of_them():
    with pytest.raises(BadInput, match=r"^trial_days 99999"):
        replace(LIGHT_1, trial_days=99999, minimum_cycles=1000)
    spoilt = RICH.replace("trial_until: 2026-12-31", "trial_until: 2026-12-31\n    trial_days: 3")
    spoilt = spoilt.replace("cycle: 4,", "cycle: 3,")
    with pytest.raises(CatalogueProblems) as told:
        parse_catalogue(spoilt)
    fields = [each.field for each in told.value.problems]
    assert fields == ["plans[2].trial_until", "plans[2].cycle_prices"]


def test_nothing_is_compared_with_a_price_that_has_a_fault():
    """The migration to a plan of an unknown interval has no fault of its own."""
    spoilt = RICH.replace("to: {plan: light, valid_from: 2027-01-01}", "to: {plan: api}")
    spoilt = spoilt.replace("unit: year, count: 1", "unit: yeer, count: 1")
    with pytest.raises(CatalogueProblems) as told:
        parse_catalogue(spoilt)
    assert [each.field for each in told.value.problems] == ["plans[3].every.unit"]
