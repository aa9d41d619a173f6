"""Indicators: what is open, how old it is, and nothing about what is done."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from prepared import migrated, one_invoice
from small_books import MERCHANT, SmallBooks
from sqlalchemy import Connection, Engine, event

from billing import load_indicators
from billing.store.database import open_engine
from billing.tables import metadata

NOON = datetime(2026, 11, 20, 3, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SMALL = ("brake", "merchant", "poison", "global_brake", "restoration")
CHEAP = (
    *("SEARCH", "USE TEMP", "LIST SUBQUERY", "USING INDEX sqlite_autoindex_merchant"),
    *(f"SCAN {table}" for table in SMALL),
)
OPEN_ONLY = (
    *("slot_due", "slot_waiting_buyer", "slot_quarantined"),
    *("attempt_unsettled", "refund_unsettled", "notice_waiting"),
    *("notification_open", "doubt_open"),
)
Setting = Callable[[SmallBooks], object]


@pytest.fixture
def database(database_url: str) -> Iterator[Engine]:
    with migrated(database_url) as engine:
        yield engine


def figures(connection: Connection) -> dict[str, int]:
    """Every figure by its name and the labels that are not the merchant."""
    told: dict[str, int] = {}
    for each in load_indicators(connection, at=NOON):
        (first, merchant), *others = each.labels
        assert (first, merchant) in (("merchant", MERCHANT), ("merchant", "*"))
        name = each.name.removeprefix("autopay_")
        told["/".join([name, *(value for _, value in others if value)])] = each.value
    return told


def slot(**values: object) -> Setting:
    def write(books: SmallBooks) -> int:
        owner, permission, invoice = one_invoice(books)
        return books.slot(invoice, owner, permission, **values)

    return write


def due(ago: timedelta, **values: object) -> Setting:
    return slot(due_at=NOON - ago, first_due_at=NOON - ago, **values)


def attempt(state: str, ago: timedelta, *, waited: timedelta = HOUR, **values: object) -> Setting:
    """An attempt begun `ago`, of a slot that was due `waited` before."""

    def write(books: SmallBooks) -> None:
        owner, permission, invoice = one_invoice(books)
        since = NOON - ago - waited
        paid = books.slot(
            invoice, owner, permission, state="open", first_due_at=since, due_at=since
        )
        books.attempt(paid, permission, state=state, intended_at=NOON - ago, **values)

    return write


def brake(**values: object) -> Setting:
    return lambda books: books.write("brake", merchant_id=MERCHANT, **values)


def notice(ago: timedelta, **values: object) -> Setting:
    def write(books: SmallBooks) -> None:
        owner, _, _ = one_invoice(books)
        row = {"subscription_id": owner, "dedup_key": "n", "kind": "charged"}
        books.add("notice", written_at=NOON - ago, **row, **values)

    return write


def notification(state: str, ago: timedelta) -> Setting:
    values = {"kind": "change", "topic_arn": "-", "message_id": "m", "tries": 0}
    return lambda books: books.add(
        "notification",
        state=state,
        sent_at=NOON - ago,
        received_at=NOON - ago,
        look_at=NOON,
        **values,
    )


def poisoned(set_aside_at: datetime | None) -> Setting:
    row = {"merchant_id": MERCHANT, "step": "opening", "subject": "s", "tries": 3, "error": "e"}
    times = dict.fromkeys(("first_at", "last_at", "retry_at"), NOON)
    return lambda books: books.write("poison", set_aside_at=set_aside_at, **row, **times)


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        pytest.param(slot(state="paid"), {}, id="what is paid counts nowhere"),
        pytest.param(due(-HOUR), {}, id="nor does what is due later"),
        pytest.param(
            due(HOUR), {"charges_due": 1, "charges_due_oldest_seconds": 3_600}, id="due for an hour"
        ),
        pytest.param(
            due(DAY + HOUR),
            {"charges_due": 1, "charges_due_oldest_seconds": 90_000, "charges_lost": 1},
            id="never tried for 25 hours is lost",
        ),
        pytest.param(
            due(DAY + HOUR, attempts=1),
            {"charges_due": 1, "charges_due_oldest_seconds": 90_000},
            id="tried once is not lost",
        ),
        pytest.param(
            due(DAY + HOUR, cap_moves=1),
            {"charges_due": 1, "charges_due_oldest_seconds": 90_000},
            id="moved by the cap is not lost",
        ),
        pytest.param(slot(state="waiting_buyer"), {"charges_waiting_buyer": 1}, id="for buyers"),
        pytest.param(slot(state="quarantined"), {"charges_quarantined": 1}, id="for staff"),
        pytest.param(
            attempt("in_doubt", 2 * HOUR),
            {"attempts_open/in_doubt": 1, "attempts_open_oldest_seconds/in_doubt": 7_200},
            id="in doubt for two hours",
        ),
        pytest.param(
            attempt("declined", HOUR / 2, waited=HOUR, reason_code="SoftDeclined"),
            {"attempts_last_hour/declined/SoftDeclined": 1, "dispatch_lag_seconds": 3_600},
            id="declined half an hour ago, begun an hour late",
        ),
        pytest.param(
            attempt("declined", HOUR / 2, number=2, reason_code="HardDeclined"),
            {"attempts_last_hour/declined/HardDeclined": 1},
            id="a later try is no late first one",
        ),
        pytest.param(
            brake(pulled_at=NOON, pulled_by="me", reason="drill", last_run_at=NOON - HOUR),
            {"brake_pulled": 1, "last_run_seconds": 3_600},
            id="brake pulled",
        ),
        pytest.param(
            brake(last_run_at=NOON), {"brake_pulled": 0, "last_run_seconds": 0}, id="released"
        ),
        pytest.param(
            notice(HOUR),
            {"notices_waiting": 1, "notices_waiting_oldest_seconds": 3_600},
            id="a notice waits",
        ),
        pytest.param(notice(HOUR, delivered_at=NOON), {}, id="a notice is delivered"),
        pytest.param(
            notification("waiting", HOUR),
            {"notifications_open": 1, "notifications_open_oldest_seconds": 3_600},
            id="a notification waits",
        ),
        pytest.param(notification("parked", HOUR), {}, id="a parked one waits for its object"),
        pytest.param(
            notification("attention", HOUR), {"notifications_attention": 1}, id="needs a person"
        ),
        pytest.param(notification("attention", 2 * DAY), {}, id="needed one the day before"),
        pytest.param(notification("done", HOUR), {}, id="needs nobody any more"),
        pytest.param(poisoned(NOON), {"rows_set_aside": 1}, id="a row was set aside"),
        pytest.param(poisoned(None), {}, id="a row will be tried again"),
        pytest.param(
            lambda books: books.write("global_brake", id=1, pulled_at=NOON),
            {"brake_pulled": 1},
            id="everybody's brake",
        ),
    ],
)
def test_what_is_open_is_counted_with_its_age(
    database: Engine, setting: Setting, told: dict[str, int]
) -> None:
    with database.begin() as connection:
        setting(SmallBooks(connection))
        assert figures(connection) == told


def test_a_paused_agreement_owes_nothing_yet(database: Engine) -> None:
    with database.begin() as connection:
        books = SmallBooks(connection)
        due(2 * DAY)(books)
        connection.exec_driver_sql("UPDATE subscription SET state = 'paused'")
        assert figures(connection) == {}


def test_no_figure_reads_the_history(sqlite_url: str) -> None:
    """What grows with the years is searched; whole indexes are read only of what is open."""
    engine = open_engine(sqlite_url)
    metadata.create_all(engine)
    asked: list[tuple[str, object]] = []
    event.listen(engine, "before_cursor_execute", lambda *said: asked.append((said[2], said[3])))
    with engine.begin() as connection:
        load_indicators(connection, at=NOON)
        queries = [query for query in asked if query[0].startswith("SELECT")]
        assert len(queries) >= 8
        for query, parameters in queries:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}", parameters).all()
            for step in (row[3] for row in plan):
                assert step.startswith(CHEAP) or step.endswith(OPEN_ONLY), (query, step)
    engine.dispose()
