"""Terms as text: everything comes back, the order of a file is no term, old hashes stay."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich_catalogue import RICH, rich

from plans import (
    Catalogue,
    Offer,
    Plan,
    Price,
    UsageTerms,
    offer_from_text,
    offer_text,
    parse_catalogue,
    price_from_text,
    price_text,
)
from plans.catalogue.canonical import canonical_form

SAMPLE = (Path(__file__).parent.parent / "data" / "catalogue.yaml").read_text(encoding="utf-8")


def bare(price: Price) -> Price:
    """What the columns of the price table keep."""
    usage = price.usage
    return Price(
        price.plan_code,
        price.valid_from,
        price.amount_yen,
        price.tax_category,
        price.interval,
        price.per_seat,
        price.trial_days,
        price.minimum_cycles,
        price.first_amount_yen,
        price.physical,
        usage and UsageTerms(usage.meter, usage.included, usage.unit_price),
    )


@pytest.mark.parametrize("price", rich().all_prices, ids=lambda price: price.plan_code)
def test_every_term_of_a_price_comes_back(price):
    plan = rich().plan(price.plan_code)
    kept = Plan(plan.code, plan.name_ja, plan.name_en, plan.anchor_rule)
    assert price_from_text(kept, bare(price), price_text(plan, price)) == (plan, price)


@pytest.mark.parametrize("offer", rich().offers, ids=lambda offer: offer.code)
def test_every_term_of_an_offer_comes_back(offer):
    names = (getattr(offer, "name_ja", ""), getattr(offer, "name_en", ""))
    again = offer_from_text(
        section=offer.section,
        code=offer.code,
        valid_from=offer.valid_from,
        names=names,
        text=offer_text(offer),
    )
    assert again == offer


def test_prices_of_the_first_scheme_have_no_further_text():
    catalogue = parse_catalogue(SAMPLE)
    assert {price_text(catalogue.plan(p.plan_code), p) for p in catalogue.all_prices} == {None}


def fingerprints(catalogue: Catalogue) -> set[str]:
    versions: tuple[Price | Offer, ...] = (*catalogue.all_prices, *catalogue.offers)
    return {version.content_hash for version in versions}


@pytest.mark.parametrize(
    ("code", "start"),
    [
        ("team", "7abb4649fe11ec86"),
        ("bag", "8d9f73a123e8ac31"),
        ("half", "cff6e784c1851456"),
        ("software", "b0f3dee54628d82c"),
        ("light-2027", "d91df155ac48e150"),
    ],
)
def test_the_fingerprints_of_the_further_terms_are_frozen(code, start):
    # Stored beside every imported version: they must be the same in every later version.
    by_code = {offer.code: offer.content_hash for offer in rich().offers}
    by_code |= {price.plan_code: price.content_hash for price in rich().all_prices}
    assert by_code[code].startswith(start)


@given(st.randoms(use_true_random=False))
def test_the_order_of_a_list_is_no_term(shuffler):
    coffee = rich().prices["coffee"][0]
    gifts, prices = list(coffee.gifts), list(coffee.cycle_prices)
    shuffler.shuffle(gifts)
    shuffler.shuffle(prices)
    same = replace(coffee, gifts=tuple(gifts), cycle_prices=tuple(prices))
    assert same.content_hash == coffee.content_hash


def test_the_order_of_keys_and_entries_is_no_term():
    start, end = RICH.index("add_ons:"), RICH.index("coupons:")
    moved = RICH[:start] + RICH[end:] + RICH[start:end]
    moved = moved.replace("plans: [team, light]", "plans: [light, team]")
    moved = moved.replace("{cycle: 2, to: 3, price: 2500}", "{price: 2500, to: 3, cycle: 2}")
    assert fingerprints(parse_catalogue(moved)) == fingerprints(rich())


def test_names_are_words_and_no_terms():
    other = RICH.replace("Spring", "Vernal").replace("Phone support", "Help").replace("Team", "T")
    assert fingerprints(parse_catalogue(other)) == fingerprints(rich())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("price: 3300", "price: 3301"),
        ("tax: reduced}", "tax: exempt}"),
        ("up_to: 50", "up_to: 51"),
        ("percent: '12.5'", "percent: '12.6'"),
        ("trial_until: 2026-12-31", "trial_until: 2026-12-30"),
        ("cycle: 6", "cycle: 7"),
        ("late_days: 5", "late_days: 6"),
        ("max: 5", "max: 6"),
        ("cycles: 3", "cycles: 4"),
        ("rank: 1", "rank: 2"),
        ("[light, [team, api]]", "[light, team, api]"),
        ("until: 2028-03-31", "until: 2028-04-01"),
    ],
    ids=str,
)
def test_every_term_counts(old, new):
    assert fingerprints(parse_catalogue(RICH.replace(old, new, 1))) != fingerprints(rich())


def test_what_is_no_value_has_no_form():
    assert canonical_form(date(2026, 11, 22)) == "2026-11-22"
    with pytest.raises(TypeError, match="set has no canonical form"):
        canonical_form({1})
