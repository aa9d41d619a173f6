"""Plans and dated prices: what is sold on a date, and what makes a price the same price."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from plans import (
    ALWAYS,
    BadInput,
    Catalogue,
    Interval,
    NoPriceYet,
    Plan,
    PlansError,
    Price,
    TaxCategory,
    Unit,
    UnknownPlan,
    UsageTerms,
)

LIGHT = Plan(code="light", name_ja="ライト", name_en="Light")
PRICE = Price(
    plan_code="light",
    valid_from=ALWAYS,
    amount_yen=980,
    tax_category=TaxCategory.STANDARD,
    interval=Interval(Unit.MONTH, 1),
)
LATER = replace(PRICE, valid_from=date(2027, 1, 1), amount_yen=1080)


@pytest.mark.parametrize(
    ("on", "amount"),
    [
        pytest.param("2014-04-01", 980, id="long ago"),
        pytest.param("2026-12-31", 980, id="the day before"),
        pytest.param("2027-01-01", 1080, id="from that day on"),
        pytest.param("2099-01-01", 1080, id="until another comes"),
    ],
)
def test_price_on(on, amount):
    catalogue = Catalogue.of(plans=[LIGHT], prices=[LATER, PRICE])
    assert catalogue.price_on("light", date.fromisoformat(on)).amount_yen == amount


def test_unknown_plan_names_what_is_sold():
    catalogue = Catalogue.of(plans=[LIGHT], prices=[PRICE])
    with pytest.raises(UnknownPlan, match=r"plan 'gold': .*use one of: light"):
        catalogue.price_on("gold", date(2026, 11, 22))


def test_a_plan_without_a_price_yet():
    catalogue = Catalogue.of(plans=[LIGHT], prices=[LATER])
    with pytest.raises(NoPriceYet, match=r"the first one starts on 2027-01-01"):
        catalogue.price_on("light", date(2026, 12, 31))
    with pytest.raises(PlansError, match="no date"):
        Catalogue.of(plans=[LIGHT], prices=[]).price_on("light", date(2026, 12, 31))


def test_two_prices_from_one_date_are_refused():
    with pytest.raises(BadInput, match="two prices") as refused:
        Catalogue.of(plans=[LIGHT], prices=[PRICE, replace(PRICE, amount_yen=1)])
    assert refused.value.field == "valid_from"


def test_the_content_hash_is_frozen():
    # Stored beside every imported price: it must be the same in every later version.
    assert PRICE.content_hash == "f406f38485764c9b7e2581f5a6782b152859ef8e182d3b70edc6a9dd16d362b1"
    metered = replace(PRICE, usage=UsageTerms("api_calls", 1000, Decimal("0.5")))
    assert (
        metered.content_hash == "32d858a2c56e7795f584b59ed9e1fb90c0a37452e98efc914c125beba54d42ec"
    )


@pytest.mark.parametrize(
    "change",
    [
        {"plan_code": "other"},
        {"valid_from": date(2026, 1, 1)},
        {"amount_yen": 981},
        {"tax_category": TaxCategory.REDUCED},
        {"interval": Interval(Unit.MONTH, 2)},
        {"interval": Interval(Unit.YEAR, 1)},
        {"per_seat": True},
        {"trial_days": 1},
        {"minimum_cycles": 1},
        {"first_amount_yen": 0},
        {"physical": True},
        {"usage": UsageTerms("api_calls", 1000, Decimal("0.5"))},
    ],
    ids=str,
)
def test_every_term_counts_in_the_content_hash(change):
    assert replace(PRICE, **change).content_hash != PRICE.content_hash


def test_decimals_written_differently_are_the_same_price():
    half = replace(PRICE, usage=UsageTerms("api_calls", 0, Decimal("0.5")))
    also_half = replace(PRICE, usage=UsageTerms("api_calls", 0, Decimal("0.50")))
    ten = replace(PRICE, usage=UsageTerms("api_calls", 0, Decimal(10)))
    assert half.content_hash == also_half.content_hash != ten.content_hash
