"""Everything a price list holds, kept as versions that never change, and read back whole."""

from collections.abc import Iterator
from datetime import date

import pytest
from small_books import MERCHANT, SmallBooks
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError
from support.schema import at_head

from billing import (
    CatalogueChange,
    OfferAlreadySet,
    PriceAlreadySet,
    load_catalogue,
    open_engine,
    reading,
    store_catalogue,
    writing,
)
from billing.cap.plan import CapRule
from billing.catalogue.catalogue_store import RowRefused, check_cap, yearly_yen
from billing.store.rows import fetch
from billing.tables import metadata
from plans import BadInput, Catalogue, parse_catalogue

LIST = """plans:
  - code: light
    name: {ja: ライト, en: Light}
    price: 980
    tax: standard
    every: {unit: month, count: 1}
    anchor_day: 27
    first_period: full
  - code: team
    name: {ja: チーム, en: Team}
    tax: standard
    every: {unit: month, count: 1}
    minimum_cycles: 6
    cancellation_fee: {kind: fixed, yen: 3000}
    setup_fee: {price: 3300}
    gifts: [{cycle: 3, item: mug, name: {ja: マグ, en: Mug}}]
    tiers: {mode: volume, steps: [{up_to: 9, unit_price: 1000}, {unit_price: 800}]}
    usage: {meter: calls, included: 5, tiers: [{unit_price: '0.5'}], aggregate: last}
add_ons:
  - {code: support, name: {ja: 電話, en: Phone}, price: 550, tax: standard, plans: [team, light]}
coupons:
  - {code: half, name: {ja: 半額, en: Half}, off: {percent: 50}, cycles: forever}
families:
  - {code: all, plans: [light, [team]]}
migrations:
  - code: to-team
    from: {plan: light}
    to: {plan: team}
    notice_on: 2026-11-01
    effective_on: 2027-01-01
    grandfather: {until: 2027-12-31}
"""


@pytest.fixture
def books(database_url: str) -> Iterator[Engine]:
    engine = open_engine(database_url)
    at_head(engine)
    with engine.begin() as connection:
        SmallBooks(connection)
    yield engine
    engine.dispose()


def store(books: Engine, given: str) -> CatalogueChange:
    return writing(books, lambda c: store_catalogue(c, MERCHANT, parse_catalogue(given)))


def stored(books: Engine) -> Catalogue:
    with reading(books) as connection:
        return load_catalogue(connection, MERCHANT)


def dump(books: Engine) -> list[object]:
    names = ("plan", "price", "offer", "offer_version")
    with reading(books) as connection:
        return [fetch(connection, metadata.tables[name].select()) for name in names]


def test_the_whole_list_reads_back(books: Engine) -> None:
    assert store(books, LIST) == CatalogueChange(2, 0, 2, 0, 4, 0, 0)
    assert stored(books) == parse_catalogue(LIST)


def test_importing_again_changes_nothing(books: Engine) -> None:
    store(books, LIST)
    before = dump(books)
    assert store(books, LIST) == CatalogueChange(0, 0, 0, 2, 0, 0, 4)
    assert dump(books) == before


def test_words_may_change_and_versions_are_added(books: Engine) -> None:
    store(books, LIST)
    longer = LIST.replace("en: Phone", "en: Call") + ""
    longer = longer.replace(
        "coupons:\n",
        "coupons:\n  - {code: half, valid_from: 2027-01-01, name: {ja: 半額, en: Half}, "
        "off: {percent: 60}}\n",
    )
    assert store(books, longer) == CatalogueChange(0, 0, 0, 2, 1, 1, 4)
    assert stored(books) == parse_catalogue(longer)
    catalogue = stored(books)
    assert catalogue.coupon_on("half", date(2026, 12, 31)).cycles is None
    assert catalogue.coupon_on("half", date(2027, 1, 1)).cycles == 1


def test_what_a_list_leaves_out_stays(books: Engine) -> None:
    store(books, LIST)
    store(books, LIST[: LIST.index("add_ons:")])
    assert stored(books) == parse_catalogue(LIST)


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        pytest.param("price: 550", "price: 551", "add_ons 'support'", id="add-on"),
        pytest.param("percent: 50", "percent: 51", "coupons 'half'", id="coupon"),
        pytest.param("[light, [team]]", "[team, light]", "families 'all'", id="family"),
        pytest.param("until: 2027-12-31", "until: 2028-12-31", "migrations 'to-team'", id="moved"),
    ],
)
def test_terms_of_an_offer_are_never_changed(books: Engine, old: str, new: str, named: str) -> None:
    store(books, LIST)
    before = dump(books)
    with pytest.raises(OfferAlreadySet, match=f"{named}.*versions are immutable"):
        store(books, LIST.replace(old, new).replace("en: Light", "en: Other"))
    assert dump(books) == before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("anchor_day: 27", "anchor_day: 26"),
        ("first_period: full", "first_period: free"),
        ("unit_price: 800", "unit_price: 801"),
        ("yen: 3000", "yen: 3001"),
        ("setup_fee: {price: 3300}", "setup_fee: {price: 3301}"),
        ("cycle: 3", "cycle: 4"),
        ("aggregate: last", "aggregate: sum"),
    ],
    ids=str,
)
def test_terms_of_a_price_are_never_changed(books: Engine, old: str, new: str) -> None:
    store(books, LIST)
    with pytest.raises(PriceAlreadySet):
        store(books, LIST.replace(old, new))


def test_what_does_not_fit_what_is_stored_is_refused(books: Engine) -> None:
    store(books, LIST)
    upside_down = LIST.replace(
        "code: all, plans: [light, [team]]", "code: new, plans: [team, light]"
    )
    before = dump(books)
    with pytest.raises(BadInput, match="go in a circle"):
        store(books, upside_down)
    assert dump(books) == before


def test_the_database_itself_refuses_changes(books: Engine) -> None:
    store(books, LIST)
    for change in ("UPDATE offer_version SET terms = ''", "DELETE FROM offer_version"):
        with pytest.raises(DBAPIError, match="append-only"), books.begin() as connection:
            connection.execute(text(change))


def test_a_year_and_the_cap_know_tiers() -> None:
    team = parse_catalogue(LIST).prices["team"][0]
    # 10 seats: 10 × 800 a month; 9 seats: 9 × 1000.
    assert yearly_yen(price=team, quantity=10) == 96_000
    assert yearly_yen(price=team, quantity=9) == 108_000
    check_cap(price=team, quantity=62, cap_yen=50_000, cap_rule=CapRule.REFUSE)  # 49,600
    with pytest.raises(RowRefused, match=r"50,400 yen"):
        check_cap(price=team, quantity=63, cap_yen=50_000, cap_rule=CapRule.REFUSE)
