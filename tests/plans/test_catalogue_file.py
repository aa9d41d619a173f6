"""Price lists: a good one is read to the last key, a bad one tells every fault with its place."""

from contextlib import suppress
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plans import (
    ALWAYS,
    AnchorRule,
    CatalogueProblems,
    Interval,
    Plan,
    Price,
    TaxCategory,
    Unit,
    UsageTerms,
    parse_catalogue,
)

GOOD = """
plans:
  - code: coffee
    name: {ja: コーヒー豆 定期便, en: Coffee beans delivery}
    price: 3240
    tax: reduced
    every: {unit: month, count: 1}
    trial_days: 14
    minimum_cycles: 3
    first_price: 1980
    physical: true
    anchor: last_day
  - code: metered
    name: {ja: API従量プラン, en: API metered}
    valid_from: 2026-04-01
    price: 500
    tax: standard
    every: {unit: week, count: 4}
    per_seat: yes
    usage: {meter: 'api_calls', included: 1000, unit_price: '0.5'}
"""

ONE = """plans:
  - code: light
    name: {ja: ライト, en: Light}
    price: 980
    tax: standard
    every: {unit: month, count: 1}
"""


def test_every_key_is_read():
    catalogue = parse_catalogue(GOOD)
    assert catalogue.plans["coffee"] == Plan(
        "coffee", "コーヒー豆 定期便", "Coffee beans delivery", AnchorRule.LAST_DAY
    )
    assert catalogue.prices["coffee"] == (
        Price(
            plan_code="coffee",
            valid_from=ALWAYS,
            amount_yen=3240,
            tax_category=TaxCategory.REDUCED,
            interval=Interval(Unit.MONTH, 1),
            trial_days=14,
            minimum_cycles=3,
            first_amount_yen=1980,
            physical=True,
        ),
    )
    assert catalogue.prices["metered"] == (
        Price(
            plan_code="metered",
            valid_from=date(2026, 4, 1),
            amount_yen=500,
            tax_category=TaxCategory.STANDARD,
            interval=Interval(Unit.WEEK, 4),
            per_seat=True,
            usage=UsageTerms("api_calls", 1000, Decimal("0.5")),
        ),
    )


def test_dated_prices_take_what_they_leave_out_from_the_plan():
    dated = """    prices:
      - {valid_from: 2027-01-01, price: 1080}
      - {valid_from: '2028-01-01', price: 10800, every: {unit: year, count: 1}}
"""
    first, second, third = parse_catalogue(ONE + dated).prices["light"]
    assert (first.valid_from, first.amount_yen) == (ALWAYS, 980)
    assert (second.valid_from, second.amount_yen) == (date(2027, 1, 1), 1080)
    assert second.interval == first.interval
    assert third.interval == Interval(Unit.YEAR, 1)


def test_a_plan_may_have_dated_prices_only():
    text = ONE.replace("    price: 980\n", "") + (
        "    prices:\n      - {valid_from: 2027-01-01, price: 1080}\n"
    )
    (price,) = parse_catalogue(text).prices["light"]
    assert (price.valid_from, price.amount_yen) == (date(2027, 1, 1), 1080)


def test_the_same_file_gives_the_same_hashes():
    def hashes(text: str) -> list[str]:
        dated = parse_catalogue(text).prices.values()
        return [price.content_hash for prices in dated for price in prices]

    assert hashes(GOOD) == hashes("\ufeff" + GOOD.replace("\n", "\r\n"))
    assert hashes(ONE) != hashes(ONE.replace("980", "981"))


def _problems(text: str) -> list[tuple[int, int, str]]:
    with pytest.raises(CatalogueProblems) as refused:
        parse_catalogue(text)
    return [(fault.line, fault.column, fault.field) for fault in refused.value.problems]


@pytest.mark.parametrize(
    ("good", "bad", "place"),
    [
        pytest.param("price: 980", "price: 980.0", (4, 12, "plans[0].price"), id="float"),
        pytest.param("price: 980", "price: '980'", (4, 12, "plans[0].price"), id="text"),
        pytest.param("price: 980", "price: 1,980", (4, 12, "plans[0].price"), id="comma"),
        pytest.param("price: 980", "price: 1_980", (4, 12, "plans[0].price"), id="underscore"),
        pytest.param("price: 980", "price: 0x3d4", (4, 12, "plans[0].price"), id="hexadecimal"),
        pytest.param("price: 980", "price: 0980", (4, 12, "plans[0].price"), id="leading zero"),
        pytest.param("price: 980", "price: 16:20", (4, 12, "plans[0].price"), id="sexagesimal"),
        pytest.param("price: 980", "price: 0", (4, 12, "plans[0].price"), id="zero"),
        pytest.param("price: 980", "price: -980", (4, 12, "plans[0].price"), id="negative"),
        pytest.param("price: 980", "price: ９８０", (4, 12, "plans[0].price"), id="full width"),
        pytest.param("price: 980", "price: true", (4, 12, "plans[0].price"), id="boolean"),
        pytest.param("price: 980", "price:", (4, 11, "plans[0].price"), id="nothing"),
        pytest.param("price: 980", "price: [980]", (4, 12, "plans[0].price"), id="list"),
        pytest.param(
            "price: 980", "price: 1" + "0" * 9, (4, 12, "plans[0].price"), id="ten digits"
        ),
        pytest.param(
            "price: 980", "price: " + "9" * 9999, (4, 12, "plans[0].price"), id="9999 digits"
        ),
        pytest.param("price: 980", "prise: 980", (2, 5, "plans[0].price"), id="missing price"),
        pytest.param("code: light", "code: 42", (2, 11, "plans[0].code"), id="code is a number"),
        pytest.param("code: light", "code: ライト", (2, 11, "plans[0].code"), id="code in kana"),
        pytest.param("ja: ライト", "ja: ''", (3, 16, "plans[0].name.ja"), id="empty name"),
        pytest.param("ja: ライト, ", "", (3, 11, "plans[0].name.ja"), id="missing name"),
        pytest.param("ja: ライト", r'ja: "a\0"', (3, 16, "plans[0].name.ja"), id="control"),
        pytest.param("{ja: ライト, en: Light}", "Light", (3, 11, "plans[0].name"), id="plain name"),
        pytest.param("tax: standard", "tax: standrd", (5, 10, "plans[0].tax"), id="tax"),
        pytest.param("tax: standard", "tax: 10", (5, 10, "plans[0].tax"), id="tax as a rate"),
        pytest.param("unit: month", "unit: moon", (6, 19, "plans[0].every.unit"), id="unit"),
        pytest.param("count: 1", "count: 0", (6, 33, "plans[0].every.count"), id="count 0"),
        pytest.param("count: 1", "count: 1.5", (6, 33, "plans[0].every.count"), id="count 1.5"),
        pytest.param(", count: 1", "", (6, 12, "plans[0].every.count"), id="missing count"),
    ],
)
def test_one_fault_is_told_with_its_place(good, bad, place):
    assert good in ONE
    assert place in _problems(ONE.replace(good, bad))


@pytest.mark.parametrize(
    ("added", "field"),
    [
        pytest.param("trial_days: -1", "trial_days", id="negative trial"),
        pytest.param("minimum_cycles: x", "minimum_cycles", id="minimum as text"),
        pytest.param("first_price: -1", "first_price", id="negative first price"),
        pytest.param("per_seat: 1", "per_seat", id="flag as number"),
        pytest.param("physical: maybe", "physical", id="flag as word"),
        pytest.param("valid_from: 2026-02-30", "valid_from", id="no such day"),
        pytest.param("valid_from: 2026/02/01", "valid_from", id="slashes"),
        pytest.param("anchor: last", "anchor", id="anchor"),
        pytest.param("prices: []", "prices", id="no dated price"),
        pytest.param("prices: 980", "prices", id="prices as number"),
        pytest.param("prices: [{price: 1080}]", "prices[0].valid_from", id="undated price"),
        pytest.param("prices: [{valid_from: 2027-01-01}]", "prices[0].price", id="priceless date"),
        pytest.param("prices: [{valid_from: 1970-01-01, price: 1}]", "prices", id="same date"),
        pytest.param("usage: {meter: m, included: -1, unit_price: '1'}", "usage.included", id="-1"),
        pytest.param(
            "usage: {meter: m, included: 0, unit_price: 0.5}", "usage.unit_price", id="0.5"
        ),
        pytest.param(
            "usage: {meter: m, included: 0, unit_price: '0'}", "usage.unit_price", id="free"
        ),
        pytest.param("usage: {meter: m, included: 0, unit_price: a}", "usage.unit_price", id="a"),
        pytest.param("usage: {meter: 1, included: 0, unit_price: '1'}", "usage.meter", id="meter"),
        pytest.param("usage: none", "usage", id="usage as text"),
        pytest.param("tax: standard", "tax", id="a key twice"),
        pytest.param("<<: {price: 1}", "<<", id="merge key"),
        pytest.param("? [a]\n    : 1", "(a list)", id="a list as key"),
    ],
)
def test_an_added_key_with_a_fault(added, field):
    assert [where for _, _, where in _problems(f"{ONE}    {added}\n")] == [f"plans[0].{field}"]


def test_last_day_needs_months_or_years():
    text = ONE.replace("unit: month", "unit: week") + "    anchor: last_day\n"
    assert _problems(text) == [(6, 12, "plans[0].every")]


def test_a_date_without_a_price_of_its_own():
    text = ONE.replace("price: 980", "valid_from: 2026-01-01") + (
        "    prices: [{valid_from: 2027-01-01, price: 1080}]\n"
    )
    assert _problems(text) == [(4, 17, "plans[0].valid_from")]


def test_all_faults_of_a_file_are_told_at_once_and_in_order():
    second = ONE.removeprefix("plans:\n").replace("980", "0").replace("tax:", "taks:")
    text = ONE.replace("count: 1", "count: no") + second
    assert _problems(text) == [
        (6, 33, "plans[0].every.count"),
        (7, 5, "plans[1].tax"),
        (7, 11, "plans[1].code"),
        (9, 12, "plans[1].price"),
        (10, 5, "plans[1].taks"),
    ]


def test_a_fault_shared_by_dated_prices_is_told_once():
    text = ONE.replace("tax: standard", "tax: standrd") + (
        "    prices: [{valid_from: 2027-01-01, price: 1}, {valid_from: 2028-01-01, price: 2}]\n"
    )
    assert _problems(text) == [(5, 10, "plans[0].tax")]


def test_problems_say_what_was_meant():
    with pytest.raises(CatalogueProblems) as refused:
        parse_catalogue(ONE.replace("tax: standard", "tax: standrd") + "    trial_day: 3\n")
    message = str(refused.value)
    assert "line 5, column 10: plans[0].tax 'standrd': " in message
    assert "did you mean standard?" in message
    assert "did you mean trial_days?" in message


@pytest.mark.parametrize(
    ("text", "place"),
    [
        pytest.param("", (1, 1, "file"), id="empty"),
        pytest.param("# nothing", (1, 1, "file"), id="only a comment"),
        pytest.param("plans:\n  - code: [a", (2, 13, "file"), id="open bracket"),
        pytest.param("plans:\n\t- code", (2, 1, "file"), id="tab"),
        pytest.param("plans:\n  - a\x00b", (2, 6, "file"), id="NUL"),
        pytest.param("plans: *nowhere", (1, 8, "file"), id="unknown alias"),
        pytest.param("[" * 5000, (1, 1, "file"), id="nested too deeply"),
        pytest.param("a: 1\n---\nb: 2", (2, 1, "file"), id="two documents"),
        pytest.param("- code: light", (1, 1, "file"), id="a list"),
        pytest.param("prices: []", (1, 1, "plans"), id="no plans"),
        pytest.param("plans: []", (1, 8, "plans"), id="empty plans"),
        pytest.param("plans: [1]", (1, 9, "plans[0]"), id="a number as plan"),
        pytest.param("plans:\n - &a [*a]", (2, 4, "plans[0]"), id="a list that holds itself"),
    ],
)
def test_a_file_that_is_no_price_list(text, place):
    assert place in _problems(text)


def test_tags_construct_nothing():
    assert _problems("plans: !!python/object/apply:os.abort []\n") == [(1, 8, "plans")]


@settings(deadline=None, max_examples=200)
@given(st.integers(0, len(GOOD)), st.text(max_size=5), st.integers(0, 20))
def test_a_damaged_file_is_read_or_told_never_a_crash(at, inserted, removed):
    # Only a refusal may come out; any other exception fails the test.
    with suppress(CatalogueProblems):
        parse_catalogue(GOOD[:at] + inserted + GOOD[at + removed :])
