"""Price lists in the database: the same file again changes nothing, a price never changes."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pytest
from small_books import MERCHANT, SmallBooks
from sqlalchemy import Engine

from billing.catalogue.catalogue_store import (
    CatalogueChange,
    PriceAlreadySet,
    load_price_list,
    store_catalogue,
    yearly_yen,
)
from billing.store.database import open_engine, reading, writing
from billing.store.merchants import UnknownMerchant
from billing.store.rows import fetch
from billing.tables import metadata
from plans import Catalogue, Price, UnknownPlan, parse_catalogue

SAMPLE = (Path(__file__).parent.parent / "data" / "catalogue.yaml").read_text(encoding="utf-8")
NEW_LIGHT = (
    "price: 980\n    prices: [{price: 1080, valid_from: 2026-12-01}, "
    "{price: 1180, valid_from: 2027-04-01}]"
)


@contextmanager
def opened(url: str) -> Iterator[Engine]:
    engine = open_engine(url)
    metadata.create_all(engine)
    with engine.begin() as connection:
        SmallBooks(connection)
    yield engine
    engine.dispose()


@pytest.fixture
def books(database_url: str) -> Iterator[Engine]:
    with opened(database_url) as engine:
        yield engine


def store(books: Engine, text: str) -> CatalogueChange:
    return writing(books, lambda c: store_catalogue(c, MERCHANT, parse_catalogue(text)))


def dump(books: Engine) -> list[object]:
    with reading(books) as connection:
        return [fetch(connection, metadata.tables[name].select()) for name in ("plan", "price")]


def stored(books: Engine) -> Catalogue:
    with reading(books) as connection:
        dated = load_price_list(connection, MERCHANT).by_plan_code.values()
    terms = [entry.terms for entries in dated for entry in entries]
    return Catalogue.of(plans={t.plan for t in terms}, prices=[t.price for t in terms])


def test_what_is_stored_reads_back_as_what_was_given(books: Engine) -> None:
    assert store(books, SAMPLE) == CatalogueChange(12, 0, 12, 0)
    assert stored(books) == parse_catalogue(SAMPLE)


def test_importing_again_changes_nothing(books: Engine) -> None:
    store(books, SAMPLE)
    before = dump(books)
    assert store(books, SAMPLE) == CatalogueChange(0, 0, 0, 12)
    assert dump(books) == before


def test_new_words_and_later_prices_are_added(books: Engine) -> None:
    store(books, SAMPLE)
    text = SAMPLE.replace("en: Light", "en: Basic").replace("price: 980\n", NEW_LIGHT + "\n")
    assert store(books, text) == CatalogueChange(
        plans_added=0, plans_renamed=1, prices_added=2, unchanged=12
    )
    assert stored(books) == parse_catalogue(text)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("price: 980\n", "price: 990\n", id="amount"),
        pytest.param("trial_days: 14", "trial_days: 15", id="trial"),
        pytest.param("unit_price: '0.5'", "unit_price: '0.6'", id="usage"),
        pytest.param("per_seat: true", "anchor: last_day\n    per_seat: true", id="anchor-rule"),
    ],
)
def test_a_price_that_is_set_is_never_changed(sqlite_url: str, old: str, new: str) -> None:
    changed = SAMPLE.replace(old, new).replace("Standard yearly", "Another name")
    with opened(sqlite_url) as books:
        store(books, SAMPLE)
        before = dump(books)
        with pytest.raises(PriceAlreadySet, match="immutable; give the new price a later"):
            store(books, changed)
        assert dump(books) == before


def test_every_price_that_differs_is_named(books: Engine) -> None:
    store(books, SAMPLE)
    with pytest.raises(PriceAlreadySet) as caught:
        store(books, SAMPLE.replace("price: 980\n", "price: 1\n").replace("1980\n", "2\n"))
    assert [price.plan_code for price in caught.value.prices] == ["coffee", "light", "standard"]
    assert "plan 'light', price valid from 1970-01-01, 1 yen" in str(caught.value)


@pytest.mark.parametrize(
    ("started_on", "yen"),
    [
        # The first price is valid from 2026-04-01; who came earlier pays the first one stored.
        (date(2020, 1, 1), 1000),
        (date(2026, 4, 1), 1000),
        (date(2026, 12, 31), 1000),
        (date(2027, 1, 1), 1100),
        (date(2030, 1, 1), 1100),
    ],
    ids=str,
)
def test_a_subscriber_keeps_the_price_of_the_day_of_sign_up(
    books: Engine, started_on: date, yen: int
) -> None:
    store(
        books,
        """plans: [{code: p, name: {ja: p, en: p}, tax: standard, every: {unit: month, count: 1},
           prices: [{price: 1100, valid_from: 2027-01-01},
                    {price: 1000, valid_from: 2026-04-01}]}]""",
    )
    with reading(books) as connection:
        prices = load_price_list(connection, MERCHANT)
    assert prices.at_start("p", started_on=started_on).terms.price.amount_yen == yen
    with pytest.raises(UnknownPlan):
        prices.at_start("q", started_on=started_on)


def test_an_unknown_merchant_is_refused(books: Engine) -> None:
    with pytest.raises(UnknownMerchant):
        writing(books, lambda c: store_catalogue(c, "nobody", parse_catalogue(SAMPLE)))


@pytest.mark.parametrize(
    ("unit", "count", "yearly"),
    [
        ("month", 1, 12_000),  # 12 × 1,000
        ("month", 5, 2_400),  # 12,000 / 5
        ("month", 7, 1_715),  # 12,000 / 7 = 1,714.3
        ("year", 1, 1_000),
        ("year", 3, 334),  # 333.3
        ("week", 1, 53_000),  # 366 / 7 = 52.3 → 53 starts
        ("week", 4, 14_000),  # 366 / 28 = 13.1 → 14
        ("day", 30, 13_000),  # 366 / 30 = 12.2 → 13
    ],
)
def test_a_year_of_a_price(unit: str, count: int, yearly: int) -> None:
    assert yearly_yen(price=price_every(unit, count), quantity=1) == yearly
    assert yearly_yen(price=price_every(unit, count, yen=500), quantity=2) == yearly


def price_every(unit: str, count: int, *, yen: int = 1_000) -> Price:
    text = f"""plans: [{{code: p, name: {{ja: p, en: p}}, price: {yen}, tax: standard,
               every: {{unit: {unit}, count: {count}}}}}]"""
    return parse_catalogue(text).prices["p"][0]
