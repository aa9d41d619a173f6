"""What the databases refuse about refunds by themselves, whatever the code above them does."""

from collections.abc import Iterator
from threading import Barrier, Thread

import pytest
from prepared import migrated
from small_books import CHARGED_AT, SmallBooks
from sqlalchemy import Engine, insert, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from billing.store.database import reading, writing
from billing.store.rows import table_of
from billing.tables import RefundRow
from billing.tables.refunds import REFUND_STATES

HOLDING = ("intended", "in_doubt", "pending", "quarantined")


class Refunds:
    """A captured charge of 3,000 yen that refunds are written for, past all code."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.attempt = writing(engine, self._write)
        self._made = 0

    def _write(self, connection) -> int:
        books = SmallBooks(connection)
        permission = books.permission()
        owner = books.subscription("one", price=books.price(), permission=permission)
        slot = books.slot(books.invoice(owner, "one-0000", 3_000), owner, permission)
        declined = books.attempt(slot, permission, number=2, state="declined", charge_id=None)
        self.declined = declined
        attempt = books.attempt(slot, permission)
        connection.execute(
            text("INSERT INTO refund_room VALUES (:a, 3000, 0, 0), (:d, 3000, 0, 0)"),
            {"a": attempt, "d": declined},
        )
        return attempt

    def make(self, amount_yen: int, **changes: object) -> int:
        """One more refund; returns its number."""
        self._made += 1
        row = {
            "id": self._made,
            "merchant_id": "shop",
            "attempt_id": self.attempt,
            "request_id": f"q{self._made}",
            "part": 1,
            "number": self._made,
            "reference": f"r{self._made}",
            "idempotency_key": f"k{self._made}",
            "body": b"{}",
            "origin": "desk",
            "amount_yen": amount_yen,
            "owed_before_yen": 0,
            "taxes": "[]",
            "state": "intended",
            "reason": "why",
            "actor": "staff",
            "requested_at": CHARGED_AT,
            "look_at": CHARGED_AT,
            "sends": 0,
        } | changes
        writing(self.engine, lambda c: c.execute(insert(table_of(RefundRow)), [row]) and None)
        return self._made

    def execute(self, statement: str) -> None:
        writing(self.engine, lambda c: c.execute(text(statement)) and None)

    def room(self) -> tuple[int, int]:
        """What is given back and what is held."""
        with reading(self.engine) as connection:
            found = connection.execute(
                text("SELECT refunded_yen, held_yen FROM refund_room WHERE attempt_id = :a"),
                {"a": self.attempt},
            )
            return tuple(found.one())


@pytest.fixture
def refunds(database_url: str) -> Iterator[Refunds]:
    with migrated(database_url) as engine:
        yield Refunds(engine)


def test_more_than_was_captured_is_never_given_back(refunds: Refunds) -> None:
    refunds.make(2_000, state="refunded")
    with pytest.raises(IntegrityError):
        refunds.make(1_001)
    refunds.make(1_000)
    assert refunds.room() == (2_000, 1_000)


@pytest.mark.parametrize("state", REFUND_STATES)
def test_the_database_counts_a_refund_by_its_state(refunds: Refunds, state: str) -> None:
    refunds.make(700, state=state)
    expected = {"refunded": (700, 0), "by_hand": (700, 0), "declined": (0, 0)}
    assert refunds.room() == expected.get(state, (0, 700))


def test_a_decline_gives_the_room_back_and_a_success_uses_it(refunds: Refunds) -> None:
    refunds.make(3_000)
    refunds.execute("UPDATE refund SET state = 'in_doubt'")
    refunds.execute("UPDATE refund SET state = 'declined'")
    assert refunds.room() == (0, 0)
    refunds.make(3_000)
    refunds.execute("UPDATE refund SET state = 'refunded' WHERE number = 2")
    assert refunds.room() == (3_000, 0)


@pytest.mark.parametrize("first", HOLDING)
def test_a_charge_has_one_open_refund(refunds: Refunds, first: str) -> None:
    refunds.make(100, state=first)
    for second in HOLDING:
        with pytest.raises(IntegrityError):
            refunds.make(100, state=second)
    refunds.make(100, state="declined")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"amount_yen": 0}, id="nothing"),
        pytest.param({"amount_yen": -1}, id="below nothing"),
        pytest.param({"state": "lost"}, id="a state that does not exist"),
        pytest.param({"origin": "nowhere"}, id="an origin that does not exist"),
        pytest.param({"number": 1}, id="the same number of the charge"),
        pytest.param({"idempotency_key": "k1"}, id="the same key"),
        pytest.param({"reference": "r1"}, id="the same reference"),
        pytest.param({"request_id": "q1"}, id="the same part of the same request"),
        pytest.param({"refund_id": "R1"}, id="the same refund at Amazon"),
        pytest.param({"owed_before_yen": 101}, id="more owed before than it is"),
        pytest.param({"attempt_id": 999}, id="a charge that does not exist"),
    ],
)
def test_a_second_refund_is_refused_for(refunds: Refunds, change: dict[str, object]) -> None:
    refunds.make(100, state="declined", refund_id="R1")
    with pytest.raises(DBAPIError):
        refunds.make(**({"amount_yen": 100, "state": "declined"} | change))


def test_only_a_captured_charge_is_refunded(refunds: Refunds) -> None:
    with pytest.raises(DBAPIError, match="only a captured charge"):
        refunds.make(100, attempt_id=refunds.declined)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE refund SET amount_yen = 1",
        "UPDATE refund SET body = '{1}'",
        "UPDATE refund SET idempotency_key = 'another'",
        "UPDATE refund SET owed_before_yen = 1",
        "UPDATE refund SET state = 'intended'",
        "UPDATE refund SET state = 'declined'",
        "DELETE FROM refund",
    ],
)
def test_a_refund_that_was_made_stays_as_it_is(refunds: Refunds, statement: str) -> None:
    refunds.make(100, state="refunded")
    with pytest.raises(DBAPIError, match="refund"):
        refunds.execute(statement)
    assert refunds.room() == (100, 0)


def test_of_refunds_at_the_same_moment_only_what_fits_is_kept(refunds: Refunds) -> None:
    """Eight people give 1,000 of 3,000 yen back at once; final states do not clash by index."""
    start, kept = Barrier(8), []

    def one(number: int) -> None:
        start.wait()
        try:
            row = {"number": number, "id": number, "reference": f"x{number}"}
            keys = {"idempotency_key": f"x{number}", "request_id": f"x{number}"}
            refunds.make(1_000, state="refunded", **row, **keys)
            kept.append(number)
        except IntegrityError:
            pass

    threads = [Thread(target=one, args=(number,)) for number in range(100, 108)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(kept) == 3
    assert refunds.room() == (3_000, 0)
