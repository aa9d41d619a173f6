"""A subscriber keeps the price agreed until a migration of that very price moves him."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from price_moves_cases import migration, store_migration, store_version
from small_books import MERCHANT, SmallBooks
from sqlalchemy import Connection, event

from billing.catalogue.price_moves import PriceMoves, load_price_moves, price_steps, terms_in_force
from billing.catalogue.terms import Terms
from billing.store.database import open_engine
from billing.tables import metadata
from plans import (
    ALWAYS,
    AnchorRule,
    BadInput,
    Catalogue,
    Grandfathering,
    Interval,
    NoPriceYet,
    Plan,
    Price,
    PriceRef,
    TaxCategory,
    Unit,
)

MONTH, YEAR = Interval(Unit.MONTH), Interval(Unit.YEAR)
MAY, JUNE, JULY = date(2027, 5, 1), date(2027, 6, 1), date(2027, 7, 1)
BEFORE_2026 = date(2026, 1, 1)


def terms(code: str, amount_yen: int, interval: Interval = MONTH, **plan: object) -> Terms:
    price = Price(code, ALWAYS, amount_yen, TaxCategory.STANDARD, interval)
    return Terms(replace(Plan(code, f"プラン{code}", f"Plan {code}"), **plan), price)


A, B, C = terms("a", 980), terms("b", 1_080), terms("c", 1_180)
MOVES = PriceMoves.of(
    [
        migration("a", "b", on=MAY, stay=Grandfathering(BEFORE_2026, date(2027, 6, 30))),
        migration("b", "c", on=JUNE, stay=Grandfathering(date(2025, 1, 1))),
    ],
    [B, C],
)


@pytest.fixture
def books(database_url: str) -> Iterator[SmallBooks]:
    engine = open_engine(database_url)
    metadata.create_all(engine)
    with engine.begin() as connection:
        yield SmallBooks(connection)
    engine.dispose()


@pytest.mark.parametrize(
    ("agreed", "subscribed", "on", "code"),
    [
        pytest.param(A, "2026-01-01", "2027-04-30", "a", id="the day before"),
        pytest.param(A, "2026-01-01", "2027-05-01", "b", id="the day itself"),
        pytest.param(A, "2026-01-01", "2027-06-01", "c", id="moved twice"),
        pytest.param(A, "2025-12-31", "2027-06-30", "a", id="keeps it to the last day"),
        pytest.param(A, "2025-12-31", "2027-07-01", "c", id="past one that took effect meanwhile"),
        pytest.param(A, "2024-12-31", "2030-01-01", "b", id="keeps the second one for ever"),
        pytest.param(B, "2024-12-31", "2030-01-01", "b", id="agreed to the second one"),
        pytest.param(C, "2026-01-01", "2030-01-01", "c", id="agreed to the last one"),
    ],
)
def test_terms_of_a_cycle_by_its_first_day(
    agreed: Terms, subscribed: str, on: str, code: str
) -> None:
    found = terms_in_force(
        agreed=agreed,
        moves=MOVES,
        subscribed_on=date.fromisoformat(subscribed),
        on=date.fromisoformat(on),
    )
    assert (found.plan.code, found.price.plan_code) == (code, code)


@pytest.mark.parametrize(
    ("subscribed", "expected"),
    [
        pytest.param(date(2026, 1, 1), [(MAY, "b"), (JUNE, "c")], id="each in its turn"),
        pytest.param(date(2025, 1, 1), [(JULY, "c")], id="both at once"),
        pytest.param(date(2024, 12, 31), [(JULY, "b")], id="the first one only"),
    ],
)
def test_the_days_on_which_the_price_changes(
    subscribed: date, expected: list[tuple[date, str]]
) -> None:
    steps = price_steps(agreed=A, moves=MOVES, subscribed_on=subscribed)
    assert [(step.since, step.terms.plan.code) for step in steps] == expected
    assert MOVES.group_days(A) == (date(2025, 1, 1), BEFORE_2026)


LAST = date(2029, 1, 1)
days = st.dates(date(2023, 1, 1), LAST)


def stays(effective_on: date) -> st.SearchStrategy[Grandfathering | None]:
    """Who stays, as a migration takes it: somebody moves, and no sooner than it takes effect."""
    until = st.none() | st.dates(effective_on, LAST)
    some = st.builds(Grandfathering, st.none() | days, until)
    return st.none() | some.filter(lambda each: each != Grandfathering())


moves = days.flatmap(lambda day: st.tuples(st.just(day), stays(day)))


@given(st.lists(moves, max_size=4), days, days)
def test_it_is_the_price_that_the_catalogue_finds(
    chain: list[tuple[date, Grandfathering | None]], subscribed: date, on: date
) -> None:
    """Whatever the dates, the rule of quotes and that of charges are one; steps are the same."""
    every = [terms(f"p{n}", 1_000 + n) for n in range(len(chain) + 1)]
    migrations = [
        migration(f"p{n}", f"p{n + 1}", on=day, stay=stay) for n, (day, stay) in enumerate(chain)
    ]
    catalogue = Catalogue.as_stored(
        plans=[each.plan for each in every],
        prices=[each.price for each in every],
        offers=migrations,
    )
    moves = PriceMoves.of(migrations, every[1:])
    expected = catalogue.price_agreed(PriceRef("p0", ALWAYS), subscribed_on=subscribed, on=on)
    found = terms_in_force(agreed=every[0], moves=moves, subscribed_on=subscribed, on=on)
    assert found.price == expected
    steps = price_steps(agreed=every[0], moves=moves, subscribed_on=subscribed)
    passed = [every[0], *(step.terms for step in steps if step.since <= on)]
    assert passed[-1] == found


def test_the_calendar_stays_as_agreed() -> None:
    agreed = terms("a", 980, anchor_rule=AnchorRule.STATUTE, anchor_day=27)
    moves = PriceMoves.of([migration("a", "b", on=MAY)], [B])
    found = terms_in_force(agreed=agreed, moves=moves, subscribed_on=MAY, on=MAY)
    assert (found.plan.anchor_rule, found.plan.anchor_day) == (AnchorRule.STATUTE, 27)
    assert (found.plan.name_ja, found.price.amount_yen) == ("プランb", 1_080)


def test_a_price_of_another_interval_is_refused() -> None:
    """12,000 for a year must not be charged every month."""
    moves = PriceMoves.of([migration("a", "year", on=MAY)], [terms("year", 12_000, YEAR)])
    ahead = terms_in_force(agreed=A, moves=moves, subscribed_on=MAY, on=date(2027, 4, 30))
    assert ahead is A
    with pytest.raises(BadInput, match="import a newer version of the migration") as refused:
        terms_in_force(agreed=A, moves=moves, subscribed_on=MAY, on=MAY)
    assert refused.value.value == "year@1970-01-01"


def test_a_price_that_is_not_stored_is_refused() -> None:
    moves = PriceMoves.of([migration("a", "b", on=MAY)], [])
    with pytest.raises(NoPriceYet):
        terms_in_force(agreed=A, moves=moves, subscribed_on=MAY, on=MAY)


def test_a_circle_in_the_books_ends() -> None:
    moves = PriceMoves.of([migration("a", "b", on=MAY), migration("b", "a", on=JUNE)], [A, B])
    assert [each.code for each in moves.chain(A)] == ["a-b", "b-a"]
    steps = price_steps(agreed=A, moves=moves, subscribed_on=MAY)
    assert [step.terms.plan.code for step in steps] == ["b", "a"]


def test_read_from_the_books(books: SmallBooks) -> None:
    """The newest version of a migration is the one that counts."""
    for code, yen in (("a", 980), ("b", 1_080), ("c", 1_180), ("other", 1)):
        books.price(code=code, amount_yen=yen)
    first = migration("a", "b", on=MAY, code="raise")
    offer = books.add("offer", section="migrations", code="raise", name_ja="", name_en="")
    store_version(books, offer, first)
    newer = replace(migration("a", "c", on=JUNE, code="raise"), valid_from=date(2026, 6, 1))
    store_version(books, offer, newer)
    moves = load_price_moves(books.connection, MERCHANT)
    assert dict(moves.by_old) == {PriceRef("a", ALWAYS): newer}
    assert {ref.plan_code: each.price.amount_yen for ref, each in moves.terms.items()} == {
        "c": 1_180
    }
    assert load_price_moves(books.connection, "another") == PriceMoves()


@pytest.mark.parametrize(("stored", "queries"), [(0, 1), (2, 3)])
def test_the_books_are_asked_once(books: SmallBooks, stored: int, queries: int) -> None:
    for number in range(3):
        books.price(code=f"p{number}")
    for number in range(stored):
        store_migration(books, migration(f"p{number}", f"p{number + 1}", on=MAY))
    assert _queries(books.connection) == queries


def _queries(connection: Connection) -> int:
    asked: list[str] = []

    def note(*given: object) -> None:
        asked.append(str(given[2]))

    event.listen(connection, "before_cursor_execute", note)
    try:
        load_price_moves(connection, MERCHANT)
    finally:
        event.remove(connection, "before_cursor_execute", note)
    return len(asked)
