"""The forecast agrees with calendars worked out by hand, and knows what will not succeed."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from price_moves_cases import migration, store_migration
from small_books import AT, MERCHANT, SmallBooks
from sqlalchemy import Connection, Engine

from billing.store.database import open_engine, reading
from billing.store.merchants import load_merchant
from billing.tables import metadata
from billing.views.forecast import ComingCharge, DayTotal, Forecast, forecast
from plans import BadInput, Grandfathering

Parts = list[tuple[str, int]]


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    opened = open_engine(database_url)
    metadata.create_all(opened)
    yield opened
    opened.dispose()


@pytest.fixture
def books(engine: Engine) -> Iterator[SmallBooks]:
    """Books to write to; `foreseen` reads them through the same open transaction."""
    with engine.begin() as connection:
        yield SmallBooks(connection)


def foreseen(books: SmallBooks, *, days: int = 31) -> Forecast:
    connection: Connection = books.connection
    return forecast(connection, load_merchant(connection, MERCHANT), at=AT, days=days)


def dates(found: Forecast) -> list[str]:
    return [f"{charge.on:%m-%d}" for charge in found.charges]


def parts(charge: ComingCharge) -> Parts:
    return [(part.on.isoformat(), part.amount_yen) for part in charge.parts]


def morning(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, tzinfo=UTC)  # 9:00 in Tokyo


def subscribed(books: SmallBooks, name: str, *, amount_yen: int = 3_000, **values: Any) -> int:
    price = books.price(code=f"p-{name}", amount_yen=amount_yen, **values.pop("terms", {}))
    permission = values.pop("permission", None) or books.permission()
    return books.subscription(name, price=price, permission=permission, **values)


def test_a_month_end_anchor_does_not_drift(books: SmallBooks) -> None:
    """The 31st: 30 November, 31 December, 31 January, 28 February, 31 March."""
    anchor = {"anchor_year": 2026, "anchor_month": 10, "anchor_day": 31}
    subscribed(books, "end", due_at=morning(2026, 11, 30), **anchor)
    found = foreseen(books, days=130)  # to 1 April
    assert dates(found) == ["11-30", "12-31", "01-31", "02-28", "03-31"]
    assert [charge.cycle for charge in found.charges] == [1, 2, 3, 4, 5]
    assert {charge.verdict.value for charge in found.charges} == {"ok"}


def test_a_yearly_price_above_the_cap_is_split(books: SmallBooks) -> None:
    """98,000 on 15 December: 50,000 then, 48,000 on 1 January; a year later the same again."""
    anchor = {"anchor_year": 2025, "anchor_month": 12, "anchor_day": 15}
    terms = {"interval_unit": "year"}
    due = morning(2026, 12, 15)
    subscribed(books, "year", amount_yen=98_000, terms=terms, due_at=due, **anchor)
    found = foreseen(books, days=400)
    (first, second) = found.charges
    assert (first.verdict.value, first.amount_yen) == ("split", 98_000)
    assert parts(first) == [("2026-12-15", 50_000), ("2027-01-01", 48_000)]
    assert parts(second) == [("2027-12-15", 50_000), ("2028-01-01", 48_000)]
    assert found.days() == (
        DayTotal(date(2026, 12, 15), 1, 50_000, 0),
        DayTotal(date(2027, 1, 1), 1, 48_000, 0),
        DayTotal(date(2027, 12, 15), 1, 50_000, 0),
        DayTotal(date(2028, 1, 1), 1, 48_000, 0),
    )


@pytest.mark.parametrize(
    ("rule", "verdict", "expected"),
    [
        # 30,000 of December's 50,000 are taken by the earlier one; 20,000 are left for the later.
        ("split", "split", [("2026-12-10", 20_000), ("2027-01-01", 10_000)]),
        ("defer", "deferred", [("2027-01-01", 30_000)]),
        ("refuse", "refused", []),
    ],
)
def test_subscriptions_of_one_permission_share_its_cap(
    engine: Engine, rule: str, verdict: str, expected: Parts
) -> None:
    with engine.begin() as connection:
        books = SmallBooks(connection, cap_rule=rule)
        shared = books.permission()
        for name, day in (("late", 10), ("early", 5)):
            anchor = {"anchor_year": 2026, "anchor_month": 11, "anchor_day": day}
            due = {"due_at": morning(2026, 12, day), "permission": shared}
            subscribed(books, name, amount_yen=30_000, **due, **anchor)
        early, late = foreseen(books, days=20).charges
    assert parts(early) == [("2026-12-05", 30_000)]
    assert (late.verdict.value, parts(late)) == (verdict, expected)


def test_amazons_limit_counts_when_it_is_lower(books: SmallBooks) -> None:
    permission = books.permission(amount_limit_yen=2_000)
    subscribed(books, "low", permission=permission)
    (charge,) = foreseen(books).charges  # 20 December
    assert parts(charge) == [("2026-12-20", 2_000), ("2027-01-01", 1_000)]


def test_used_and_held_room_is_taken(books: SmallBooks) -> None:
    permission = books.permission()
    books.cap(permission, month="2026-12", used=40_000, held=8_000)  # 2,000 are left
    subscribed(books, "full", permission=permission)
    (charge,) = foreseen(books).charges
    assert parts(charge) == [("2026-12-20", 2_000), ("2027-01-01", 1_000)]


def unpaid(books: SmallBooks, name: str, state: str, **slot: Any) -> None:
    permission = books.permission()
    owner = subscribed(books, name, permission=permission, due_at=None)
    invoice = books.invoice(owner, f"{name}-0001", 3_000, cycle=1)
    defaults = {"cycle": 1, "state": state, "due_at": morning(2026, 11, 25)}
    books.slot(invoice, owner, permission, **{**defaults, **slot})


def test_a_slot_to_retry_comes_first_and_then_the_next_cycle(books: SmallBooks) -> None:
    unpaid(books, "retry", "due", declines=1)
    slot, cycle = foreseen(books, days=60).charges  # to 21 January: cycle 2 starts that day before
    assert (slot.on, slot.cycle, slot.expected_failure) == (date(2026, 11, 25), 1, None)
    assert slot.why_ja == "プランbasic 3,000円(再請求1回目)"
    assert (cycle.on, cycle.cycle) == (date(2027, 1, 20), 2)


def test_an_overdue_slot_counts_as_due_today(books: SmallBooks) -> None:
    unpaid(books, "late", "due", due_at=morning(2026, 11, 1))
    assert dates(foreseen(books)) == ["11-22"]


@pytest.mark.parametrize(
    ("state", "listed"),
    [
        ("waiting_buyer", ["waits for the buyer (HardDeclined)", "cycle 1 is unpaid"]),
        ("refused", ["cycle 1 is unpaid"]),
        ("quarantined", ["cycle 1 is unpaid"]),
    ],
)
def test_what_waits_for_somebody_blocks_what_follows(
    books: SmallBooks, state: str, listed: list[str]
) -> None:
    unpaid(books, "stuck", state, reason="HardDeclined")
    failures = [charge.expected_failure or "" for charge in foreseen(books, days=60).charges]
    assert len(failures) == len(listed)
    assert all(a.startswith(b) for a, b in zip(failures, listed, strict=True))


@pytest.mark.parametrize(
    ("permission", "failure"),
    [
        ({"state": "Closed", "state_reason": "BuyerClosed"}, "permission Closed (BuyerClosed)"),
        ({"state": "NonChargeable"}, "permission NonChargeable"),
        ({"expires_at": morning(2026, 12, 19)}, "permission expires on 2026-12-19"),
        ({"expires_at": morning(2026, 12, 21)}, None),
    ],
)
def test_a_permission_that_cannot_pay_is_told(
    books: SmallBooks, permission: dict[str, Any], failure: str | None
) -> None:
    subscribed(books, "who", permission=books.permission(**permission))
    found = foreseen(books)
    assert [charge.expected_failure for charge in found.charges] == [failure]
    assert found.days()[0].expected_to_fail_yen == (3_000 if failure else 0)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param({}, ["12-20", "01-20"], id="active"),
        pytest.param({"state": "trialing"}, ["12-20", "01-20"], id="trialing"),
        pytest.param({"state": "past_due"}, ["12-20", "01-20"], id="past due"),
        pytest.param({"state": "paused", "due_at": None}, [], id="paused for good"),
        pytest.param(
            {
                "state": "paused",
                "due_at": morning(2026, 12, 21),
                "resume_on": date(2026, 12, 21),
            },
            ["01-20"],  # the first start on or after 21 December
            id="paused until a date",
        ),
        pytest.param({"state": "canceled", "due_at": None}, [], id="canceled"),
        pytest.param({"state": "pending", "due_at": None}, [], id="pending"),
        pytest.param({"cancel_at_period_end": True}, [], id="ends with its period"),
        pytest.param({"due_at": morning(2026, 11, 1)}, ["11-22", "01-20"], id="overdue: today"),
    ],
)
def test_states(books: SmallBooks, values: dict[str, Any], expected: list[str]) -> None:
    subscribed(books, "one", **values)
    assert dates(foreseen(books, days=60)) == expected


def test_the_words_show_the_arithmetic(books: SmallBooks) -> None:
    """The first paid cycle has a price of its own: 3 seats × 500; later 3 × 1,000."""
    terms = {"per_seat": True, "first_amount_yen": 500}
    subscribed(books, "seats", amount_yen=1_000, terms=terms, quantity=3, first_cycle=1)
    first, second = foreseen(books, days=60).charges
    assert (first.amount_yen, second.amount_yen) == (1_500, 3_000)
    assert first.why_ja.endswith("500円×3=1,500円")
    assert "初回価格" in first.why_ja
    assert second.why_en.endswith("1,000 yen × 3 = 3,000 yen")


def test_both_ends_of_the_horizon_belong_to_it(books: SmallBooks) -> None:
    subscribed(books, "edge")  # 20 December is 28 days after 22 November
    assert dates(foreseen(books, days=28)) == ["12-20"]
    assert dates(foreseen(books, days=27)) == []


@pytest.mark.parametrize("days", [-1, 3_661])
def test_a_horizon_out_of_range_is_refused(books: SmallBooks, days: int) -> None:
    with pytest.raises(BadInput, match="days"):
        foreseen(books, days=days)


def test_nothing_is_agreed_so_nothing_comes(books: SmallBooks) -> None:
    assert foreseen(books).charges == ()


@pytest.mark.slow
def test_a_year_of_many_subscriptions_takes_seconds(sqlite_url: str) -> None:
    engine = open_engine(sqlite_url)
    metadata.create_all(engine)
    with engine.begin() as connection:
        books = SmallBooks(connection)
        price = books.price()
        for number in range(2_000):
            books.subscription(f"s{number}", price=price, permission=books.permission())
    with reading(engine) as connection:
        merchant = load_merchant(connection, MERCHANT)
        found = forecast(connection, merchant, at=AT, days=365)
    # 20 December to 20 November: twelve each
    assert len(found.charges) == 24_000
    assert sum(day.amount_yen for day in found.days()) == 72_000_000
    assert found.last - found.first == timedelta(days=365)
    engine.dispose()


def test_a_free_first_cycle_is_no_charge(books: SmallBooks) -> None:
    subscribed(books, "free", terms={"first_amount_yen": 0}, first_cycle=1)
    assert dates(foreseen(books, days=60)) == ["01-20"]  # 20 December is free


def moved_in_february(books: SmallBooks, stay: Grandfathering | None = None) -> None:
    books.price(code="dearer", amount_yen=3_500)
    store_migration(books, migration("p-one", "dearer", on=date(2027, 2, 1), stay=stay))


def test_a_price_migration_moves_the_cycles_from_its_day_on(books: SmallBooks) -> None:
    """Cycles start on the 20th; the one of February is the first from 1 February on."""
    subscribed(books, "one")
    moved_in_february(books)
    found = foreseen(books, days=120).charges  # to 22 March
    assert [(charge.plan_code, charge.amount_yen) for charge in found] == [
        *[("p-one", 3_000)] * 2,  # December, January
        *[("dearer", 3_500)] * 2,
    ]
    assert found[2].why_ja == "プランdearer 2027年2月20日〜2027年3月19日 3,500円"


@pytest.mark.parametrize(
    ("started_on", "yen"),
    [
        pytest.param(date(2025, 12, 31), [3_000, 3_000, 3_000, 3_500], id="keeps it to the 28th"),
        pytest.param(date(2026, 1, 1), [3_000, 3_000, 3_500, 3_500], id="came on the day"),
    ],
)
def test_who_was_there_before_keeps_the_price(
    books: SmallBooks, started_on: date, yen: list[int]
) -> None:
    subscribed(books, "one", started_on=started_on)
    moved_in_february(books, Grandfathering(date(2026, 1, 1), date(2027, 2, 28)))
    assert [charge.amount_yen for charge in foreseen(books, days=120).charges] == yen


def test_a_cycle_is_priced_by_its_own_day_and_not_by_the_day_it_is_charged(
    books: SmallBooks,
) -> None:
    """The cycle of 20 January, moved to 5 February."""
    subscribed(books, "one", next_cycle=2, due_at=morning(2027, 2, 5))
    moved_in_february(books)
    first, second = foreseen(books, days=100).charges
    assert (first.on, first.amount_yen, first.plan_code) == (date(2027, 2, 5), 3_000, "p-one")
    assert (second.on, second.amount_yen) == (date(2027, 2, 20), 3_500)


def test_an_invoiced_cycle_tells_the_plan_of_its_own_day(books: SmallBooks) -> None:
    books.price(code="dearer", amount_yen=3_500)
    store_migration(books, migration("p-one", "dearer", on=date(2026, 12, 20)))
    unpaid(books, "one", "due")
    (slot, *_) = foreseen(books).charges
    assert (slot.cycle, slot.plan_code, slot.amount_yen) == (1, "dearer", 3_000)
