"""Plans and prices come back from the database as the values they were."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import pytest
from prepared import migrated
from small_books import SmallBooks
from sqlalchemy import Engine

from billing.catalogue.terms import Terms, terms_of
from billing.store.database import reading, writing
from plans import Anchor, AnchorRule, Interval, Plan, Price, TaxCategory, Unit, UsageTerms


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    with migrated(database_url) as engine:
        yield engine


def stored(engine: Engine, **terms: object) -> Terms:
    price = writing(engine, lambda c: SmallBooks(c).price(code="tea", **terms))
    with reading(engine) as connection:
        return terms_of(connection, [price, price])[price]


def test_a_plain_price(engine: Engine) -> None:
    assert stored(engine, amount_yen=3_000) == Terms(
        Plan(
            code="tea", name_ja="プランtea", name_en="Plan tea", anchor_rule=AnchorRule("keep_day")
        ),
        Price(
            plan_code="tea",
            valid_from=date(1970, 1, 1),
            amount_yen=3_000,
            tax_category=TaxCategory("standard"),
            interval=Interval(Unit("month"), 1),
            per_seat=False,
            trial_days=0,
            minimum_cycles=0,
            first_amount_yen=None,
            physical=False,
            usage=None,
        ),
    )


def test_a_price_with_everything(engine: Engine) -> None:
    found = stored(
        engine,
        amount_yen=98_000,
        valid_from=date(2026, 4, 1),
        tax_category="reduced",
        interval_unit="week",
        interval_count=2,
        per_seat=True,
        trial_days=30,
        minimum_cycles=6,
        first_amount_yen=500,
        physical=True,
        usage_meter="calls",
        usage_included=1_000,
        usage_unit_price="0.125",
    )
    price = found.price
    assert (price.amount_yen, price.first_amount_yen) == (98_000, 500)
    assert price.valid_from == date(2026, 4, 1)
    assert price.tax_category is TaxCategory("reduced")
    assert price.interval == Interval(Unit("week"), 2)
    assert (price.per_seat, price.physical) == (True, True)
    assert (price.trial_days, price.minimum_cycles) == (30, 6)
    # Exactly as written: a fraction of a yen is no float.
    assert price.usage == UsageTerms(meter="calls", included=1_000, unit_price=Decimal("0.125"))


def test_the_anchor_follows_the_plans_rule(engine: Engine) -> None:
    found = stored(engine, anchor_rule="last_day")
    assert found.anchor(2026, 1, 31) == Anchor(2026, 1, 31, AnchorRule("last_day"))


def test_prices_that_nobody_asked_for_are_left_out(engine: Engine) -> None:
    def two(connection) -> tuple[int, int]:
        books = SmallBooks(connection)
        return books.price(code="a"), books.price(code="b")

    first, second = writing(engine, two)
    with reading(engine) as connection:
        assert terms_of(connection, [second])[second].plan.code == "b"
        assert set(terms_of(connection, [first, second, 999])) == {first, second}
        assert terms_of(connection, []) == {}
