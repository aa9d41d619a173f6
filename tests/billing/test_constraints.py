"""What the databases refuse by themselves, whatever the code above them does."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from prepared import migrated
from small_books import CHARGED_AT, SmallBooks
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from billing.store.database import reading, writing
from billing.tables.money import ATTEMPT_STATES

APPEND_ONLY = {
    "price": "amount_yen = 1",
    "invoice_line": "amount_yen = 1",
    "invoice_tax": "tax_yen = 1",
    "journal": "booked_on = '2000-01-01'",
    "posting": "amount_yen = 1",
    "subscription_event": "reason = 'another'",
}


class Books:
    """A subscription with an invoice, its journal, an event and one slot without attempts."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.slot = writing(engine, self._write)
        self._attempts = 0

    def _write(self, connection) -> int:
        books = SmallBooks(connection)
        self.permission = books.permission()
        self.owner = books.subscription("one", price=books.price(), permission=self.permission)
        self.invoice = books.invoice(self.owner, "one-0000", 3_000)
        books.add(
            "subscription_event",
            subscription_id=self.owner,
            at=CHARGED_AT,
            kind="k",
            state_before="active",
            state_after="active",
            actor="engine",
            reason="why",
        )
        return books.slot(self.invoice, self.owner, self.permission)

    def execute(self, statement: str, **values: object) -> None:
        """One statement in a transaction of its own."""
        writing(self.engine, lambda c: c.execute(text(statement), values) and None)

    def insert(self, table: str, **values: object) -> None:
        """One row by plain SQL."""
        names = ", ".join(values)
        slots = ", ".join(f":{name}" for name in values)
        self.execute(f"INSERT INTO {table} ({names}) VALUES ({slots})", **values)

    def attempt(self, state: str, **changes: object) -> None:
        """One more attempt of the slot."""
        self._attempts += 1
        row = {
            "id": 100 + self._attempts,
            "merchant_id": "shop",
            "slot_id": self.slot,
            "permission_id": self.permission,
            "number": self._attempts,
            "idempotency_key": f"k{self._attempts}",
            "body": b"{}",
            "amount_yen": 3_000,
            "state": state,
            "worker_id": "w",
            "intended_at": "2026-11-20 00:00:00+00:00",
            "look_at": "2026-11-20 00:00:00+00:00",
            "sends": 0,
        }
        self.insert("attempt", **(row | changes))

    def another_slot(self, **changes: object) -> None:
        """One more slot of the same subscription."""
        row = {
            "id": 100,
            "merchant_id": "shop",
            "subscription_id": self.owner,
            "invoice_id": self.invoice,
            "permission_id": self.permission,
            "cycle": 0,
            "purpose": "upgrade",
            "part": 1,
            "reference": "another",
            "amount_yen": 3_000,
            "state": "due",
            "first_due_at": "2026-11-20 00:00:00+00:00",
            "due_at": "2026-11-20 00:00:00+00:00",
            "attempts": 0,
            "declines": 0,
            "cap_moves": 0,
        }
        self.insert("slot", **(row | changes))

    def count(self, table: str) -> int:
        """Rows of a table."""
        with reading(self.engine) as connection:
            return connection.execute(text(f"SELECT COUNT(*) FROM {table}")).scalar_one()


@contextmanager
def refused(what: str) -> Iterator[None]:
    """The database refuses what happens here; if it does not, the test says what it accepted."""
    try:
        yield
    except IntegrityError:
        return
    pytest.fail(f"accepted: {what}")


@pytest.fixture
def books(database_url: str) -> Iterator[Books]:
    with migrated(database_url) as engine:
        yield Books(engine)


def test_closed_books_cannot_be_changed_or_deleted(books: Books) -> None:
    for table, change in APPEND_ONLY.items():
        before = books.count(table)
        assert before > 0
        said = f"{table} is append-only: write a correction instead"
        for statement in (f"UPDATE {table} SET {change}", f"DELETE FROM {table}"):
            with pytest.raises(DBAPIError, match=said):
                books.execute(statement)
        assert books.count(table) == before


def test_sqlite_cannot_replace_a_row_of_closed_books(sqlite_url: str) -> None:
    with migrated(sqlite_url) as engine:
        books = Books(engine)
        for table in APPEND_ONLY:
            with pytest.raises(DBAPIError, match=f"{table} is append-only"):
                books.execute(f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}")


def test_postgresql_cannot_empty_closed_books(postgres_url: str) -> None:
    with migrated(postgres_url) as engine:
        books = Books(engine)
        for table in APPEND_ONLY:
            with pytest.raises(DBAPIError, match="is append-only"):
                books.execute(f"TRUNCATE {table} CASCADE")


OPEN_OR_SUCCESSFUL = ("intended", "in_doubt", "pending", "captured")


@pytest.mark.parametrize("first", ATTEMPT_STATES)
def test_a_slot_has_one_open_or_successful_attempt(books: Books, first: str) -> None:
    books.attempt(first)
    for second in OPEN_OR_SUCCESSFUL:
        if first in OPEN_OR_SUCCESSFUL:
            with pytest.raises(IntegrityError):
                books.attempt(second)
    books.attempt("declined")
    assert books.count("attempt") == 2


def test_an_attempt_that_failed_cannot_come_back_beside_an_open_one(books: Books) -> None:
    books.attempt("declined")
    books.attempt("intended")
    with pytest.raises(IntegrityError):
        books.execute("UPDATE attempt SET state = 'captured' WHERE number = 1")


SECOND_ATTEMPTS = {
    "the same idempotency key": {"idempotency_key": "k1"},
    "the same number of the slot": {"number": 1},
    "the same charge": {"charge_id": "C1"},
    "a slot that does not exist": {"slot_id": 999},
    "a permission that does not exist": {"permission_id": 999},
    "a state that does not exist": {"state": "lost"},
}


def test_a_second_attempt_is_refused_for_each_of(books: Books) -> None:
    books.attempt("declined", charge_id="C1")
    for why, change in SECOND_ATTEMPTS.items():
        with refused(why):
            books.attempt(**({"state": "declined"} | change))
    assert books.count("attempt") == 1


def test_attempts_without_a_charge_do_not_clash(books: Books) -> None:
    books.attempt("declined")
    books.attempt("refused")
    assert books.count("attempt") == 2


SECOND_SLOTS = {
    "the same purpose of the cycle": {"purpose": "renewal"},
    "the same reference": {"reference": "i1-renewal"},
    "nothing to charge": {"amount_yen": 0},
    "a negative amount": {"amount_yen": -1},
    "above a thousand million yen": {"amount_yen": 1_000_000_001},
    "a state that does not exist": {"state": "lost"},
}


def test_a_second_slot_is_refused_for_each_of(books: Books) -> None:
    for why, change in SECOND_SLOTS.items():
        with refused(why):
            books.another_slot(**change)
    assert books.count("slot") == 1


def test_another_purpose_or_cycle_is_another_slot(books: Books) -> None:
    books.another_slot(purpose="upgrade", reference="a")
    books.another_slot(purpose="renewal", cycle=1, reference="b", id=101)
    assert books.count("slot") == 3


NONSENSE = (
    "UPDATE invoice SET paid_yen = 3001",
    "UPDATE invoice SET paid_yen = -1",
    "UPDATE invoice SET state = 'lost'",
    "UPDATE subscription SET quantity = 0",
    "UPDATE subscription SET next_cycle = -1",
    "UPDATE subscription SET state = 'lost'",
    "UPDATE merchant SET environment = 'test'",
    "INSERT INTO posting VALUES (1, 'write_off', 0)",
    "INSERT INTO cap_month VALUES (1, '2026-11', 50000, NULL, 50001, 0)",
    "INSERT INTO cap_month VALUES (1, '2026-11', 50000, NULL, 0, 50001)",
    "INSERT INTO cap_month VALUES (1, '2026-11', 50000, NULL, 50001, -1)",
    "INSERT INTO cap_month VALUES (1, '2026-11', 50000, NULL, -1, 1)",
    "DELETE FROM subscription",
)


def test_nonsense_is_refused(books: Books) -> None:
    for statement in NONSENSE:
        with refused(statement):
            books.execute(statement)
