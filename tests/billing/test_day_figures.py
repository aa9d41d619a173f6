"""Sums of days are those of the charge history, whichever way they are read."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from small_books import MERCHANT, SmallBooks
from sqlalchemy import Connection, update
from support.postgres import fresh_database

from app.web.finance.charge_sums import totals_of_days
from app.web.shell.days import KnownDays
from billing import load_merchant
from billing.desk import (
    Amounts,
    DayFigures,
    day_figures,
    few_day_figures,
    first_charged_day,
)
from billing.store.database import open_engine
from billing.store.rows import table_of
from billing.tables import AttemptRow, metadata
from billing.views.history import charge_totals
from billing.views.narrowing import Narrowing

attempts = table_of(AttemptRow)
DAYS = [date(2026, 11, day) for day in range(18, 23)]
TODAY = date(2026, 11, 22)
# Tokyo is nine hours ahead: 15:00 UTC is the next day's midnight there.
CHARGED = (
    ("anna", datetime(2026, 11, 19, 14, 59, tzinfo=UTC), 1_000, "captured"),  # the 19th
    ("anna", datetime(2026, 11, 19, 15, 0, tzinfo=UTC), 2_000, "captured"),  # the 20th
    ("ben", datetime(2026, 11, 20, 3, 0, tzinfo=UTC), 3_000, "declined"),
    ("ben", datetime(2026, 11, 20, 4, 0, tzinfo=UTC), 4_000, "in_doubt"),
    ("cleo", datetime(2026, 11, 22, 3, 0, tzinfo=UTC), 5_000, "captured"),  # today
)


@pytest.fixture(
    scope="module",
    params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)],
)
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path_factory.mktemp('days') / 'books.db'}"
        return
    with fresh_database(request.getfixturevalue("postgres_server")) as made:
        yield made


@pytest.fixture(scope="module")
def connection(url: str) -> Iterator[Connection]:
    engine = open_engine(url)
    metadata.create_all(engine)
    with engine.begin() as opened:
        books, owners = SmallBooks(opened), dict[str, tuple[int, int]]()
        price = books.price()
        for number, (name, at, yen, state) in enumerate(CHARGED):
            if name not in owners:
                permission = books.permission()
                owners[name] = (
                    permission,
                    books.subscription(name, price=price, permission=permission),
                )
            permission, owner = owners[name]
            invoice = books.invoice(owner, f"{name}-{number}", yen, cycle=number)
            slot = books.slot(invoice, owner, permission, amount_yen=yen, cycle=number)
            charge = {"charge_id": f"B01-{number}" if state == "captured" else None}
            values = {"state": state, "intended_at": at, "amount_yen": yen, **charge}
            books.attempt(slot, permission, **values)
        yield opened
    engine.dispose()


def figures(
    connection: Connection, known: KnownDays, *, amounts: Amounts = (None, None)
) -> list[DayFigures]:
    return known.figures(
        connection,
        load_merchant(connection, MERCHANT),
        days=DAYS,
        today=TODAY,
        at=CHARGED[-1][1],
        amounts=amounts,
    )


BOUNDS: list[tuple[dict[str, Any], Amounts]] = [
    ({}, (None, None)),
    ({"yen_from": 2_000}, (2_000, None)),
    ({"yen_to": 3_999}, (None, 3_999)),
    ({"yen_from": 2_001, "yen_to": 4_000}, (2_001, 4_000)),
    ({"yen_from": 9_000}, (9_000, None)),
]


@pytest.mark.parametrize("state", [None, "captured", "in_doubt", "refused"])
@pytest.mark.parametrize(("narrowing", "amounts"), BOUNDS, ids=[str(b) for b, _ in BOUNDS])
def test_days_sum_up_to_what_the_history_lists(
    connection: Connection, narrowing: dict[str, Any], amounts: Amounts, state: str | None
) -> None:
    chosen = {"date_from": DAYS[0], "date_to": DAYS[-1], "state": state}
    totals = charge_totals(
        connection, merchant_id=MERCHANT, narrowing=Narrowing(**narrowing), **chosen
    )
    known = KnownDays()
    for _ in range(2):  # read, and then partly known
        assert totals_of_days(figures(connection, known, amounts=amounts), state=state) == totals


@pytest.mark.parametrize(
    "narrowing",
    [
        Narrowing(customer="c-anna"),
        Narrowing(permission="B01-0000000-0000001"),
        Narrowing(subscriptions=(1, 2)),
        Narrowing(subscriptions=(1, 2), yen_from=2_000),
        Narrowing(subscriptions=()),
    ],
    ids=str,
)
def test_a_few_peoples_days_sum_up_to_what_the_history_lists(
    connection: Connection, narrowing: Narrowing
) -> None:
    merchant = load_merchant(connection, MERCHANT)
    for first, last in ((DAYS[0], DAYS[-1]), (DAYS[2], DAYS[2])):
        found = few_day_figures(connection, merchant, first=first, last=last, narrowing=narrowing)
        totals = charge_totals(
            connection,
            merchant_id=MERCHANT,
            date_from=first,
            date_to=last,
            narrowing=narrowing,
        )
        assert totals_of_days(found, state=None) == totals


def test_only_days_that_can_change_are_read_again(connection: Connection) -> None:
    """The 18th and the 19th are over; on the 20th one is in doubt; the 21st was yesterday."""
    known = KnownDays()
    first = figures(connection, known)
    assert [each.day.day for each in first if each.closed] == [18, 19]
    with connection.begin_nested() as meanwhile:
        changed = update(attempts).values(amount_yen=attempts.c.amount_yen + 10)
        connection.execute(changed.where(attempts.c.state != "captured"))
        seen = figures(connection, known)
        meanwhile.rollback()
    assert [each.yen("declined", "in_doubt") for each in seen] == [0, 0, 7_020, 0, 0]
    assert figures(connection, known) == first


def test_days_after_the_last_are_not_asked_for(connection: Connection) -> None:
    merchant = load_merchant(connection, MERCHANT)
    found = KnownDays().figures(
        connection, merchant, days=DAYS, today=TODAY, until=DAYS[1], at=CHARGED[-1][1]
    )
    assert [each.yen("captured") for each in found] == [0, 1_000, 0, 0, 0]


def test_bounds_that_nobody_asks_for_any_more_are_forgotten(connection: Connection) -> None:
    known = KnownDays()
    every = figures(connection, known)
    for yen in range(60):
        figures(connection, known, amounts=(yen, None))
    assert len(known._closed) <= 21
    assert figures(connection, known) == every


def test_the_first_day(connection: Connection) -> None:
    merchant = load_merchant(connection, MERCHANT)
    assert first_charged_day(connection, merchant) == date(2026, 11, 19)
    figures_of_none = day_figures(connection, merchant, days=[], today=TODAY)
    assert figures_of_none == {}
