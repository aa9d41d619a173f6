"""What the database itself refuses of acts, whatever the code does."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from small_books import AT, CHARGED_AT, SmallBooks
from small_captures import AUTHORIZED, act
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DatabaseError, IntegrityError
from support.schema import at_head

from billing.captures.intending import CANCELLATION_REASONS, act_row, cancel_body, capture_body
from billing.permissions.closing import close_body
from billing.store.database import open_engine
from billing.store.merchants import Merchant, load_merchant
from billing.tables import metadata


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """A charge of 3,000 yen that is authorised, in real tables."""
    opened = open_engine(database_url)
    # Quicker than the migrations, which make the same constraints: test_migrations compares them.
    metadata.create_all(opened)
    with opened.begin() as connection:
        authorized_charge(connection)
    yield opened
    opened.dispose()


def authorized_charge(connection: Connection) -> None:
    books = SmallBooks(connection)
    permission = books.permission()
    owner = books.subscription("one", price=books.price(), permission=permission)
    slot = books.slot(books.invoice(owner, "one-0000", 3_000), owner, permission)
    books.attempt(slot, permission, state="authorized", charge_id="C1", **AUTHORIZED)


class Acts:
    """Writes acts of the one charge; ids go on from call to call."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._made = 0

    def write(self, kind: str = "capture", **values: object) -> None:
        self._made += 1
        named = {
            "id": self._made,
            "reference": f"a{self._made}",
            "idempotency_key": f"{self._made}",
        }
        amount = {"amount_yen": 3_000} if kind == "capture" else {}
        attempt = None if kind == "close" else 1
        with self._engine.begin() as connection:
            books = SmallBooks.__new__(SmallBooks)
            books.connection, books._ids = connection, {"act": self._made - 1}
            act(books, kind, attempt, 1, **(named | {"state": "intended"} | amount | values))


@pytest.fixture
def acts(engine: Engine) -> Acts:
    return Acts(engine)


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"amount_yen": 3_001}, id="more than was authorised"),
        pytest.param({"amount_yen": 0}, id="nothing"),
        pytest.param({"amount_yen": None}, id="no sum"),
        pytest.param({"authorized_yen": None}, id="of what nobody authorised"),
        pytest.param({"amount_yen": 4_000, "authorized_yen": 4_000}, id="of another sum"),
        pytest.param({"attempt_id": None}, id="of no charge"),
        pytest.param({"state": "captured"}, id="an unknown state"),
        pytest.param({"kind": "refund"}, id="an unknown kind"),
    ],
)
def test_what_a_capture_may_not_say(acts: Acts, values: dict[str, object]) -> None:
    with pytest.raises(IntegrityError):
        acts.write(**values)


@pytest.mark.parametrize("first", ["intended", "in_doubt", "pending", "quarantined", "done"])
@pytest.mark.parametrize("second", ["capture", "cancel"])
def test_a_charge_ends_once(acts: Acts, first: str, second: str) -> None:
    acts.write(state=first)
    with pytest.raises(IntegrityError):
        acts.write(second)


def test_after_a_declined_capture_it_may_end_another_way(acts: Acts) -> None:
    acts.write(state="declined")
    acts.write("cancel")


def test_a_permission_is_closed_once(acts: Acts) -> None:
    acts.write("close", state="done")
    with pytest.raises(IntegrityError):
        acts.write("close")


def test_no_key_is_used_twice(acts: Acts) -> None:
    acts.write(state="declined", idempotency_key="same")
    with pytest.raises(IntegrityError):
        acts.write("cancel", idempotency_key="same")


def test_more_is_never_captured_than_was_authorised(engine: Engine) -> None:
    too_much = "UPDATE attempt SET state = 'captured', amount_yen = 3001"
    with pytest.raises(IntegrityError), engine.begin() as connection:
        connection.execute(text(too_much))


def test_what_is_authorised_does_not_change_under_a_capture(engine: Engine, acts: Acts) -> None:
    acts.write()
    with pytest.raises(IntegrityError), engine.begin() as connection:
        connection.execute(text("UPDATE attempt SET authorized_yen = 5000"))


def test_a_slot_has_one_authorised_charge(engine: Engine) -> None:
    again = (
        "INSERT INTO attempt (merchant_id, slot_id, permission_id, number, idempotency_key, body, "
        "amount_yen, state, worker_id, intended_at, look_at, sends) SELECT merchant_id, slot_id, "
        "permission_id, 2, 'other', body, amount_yen, 'intended', 'w', intended_at, look_at, 0 "
        "FROM attempt"
    )
    with pytest.raises(IntegrityError), engine.begin() as connection:
        connection.execute(text(again))


def test_a_chargeback_is_never_changed(database_url: str) -> None:
    engine = open_engine(database_url)
    at_head(engine)
    with engine.begin() as connection:
        authorized_charge(connection)
        connection.execute(
            text(
                "INSERT INTO chargeback (merchant_id, attempt_id, case_id, amount_yen, "
                "happened_on, reason, actor, booked_at) SELECT merchant_id, id, 'D', 1, "
                "'2026-11-21', 'r', 'a', intended_at FROM attempt"
            )
        )
    for change in ("UPDATE chargeback SET amount_yen = 2", "DELETE FROM chargeback"):
        with pytest.raises(DatabaseError, match="append-only"), engine.begin() as connection:
            connection.execute(text(change))
    engine.dispose()


def charge(**changes: object) -> dict[str, object]:
    row = {
        "purpose": "renewal",
        "permission_id": 1,
        "attempt_id": 1,
        "attempt": 1,
        "reference": "cust-1-0007-renewal",
        "subscription": "cust-1",
        "cycle": 7,
        "authorized_yen": 3_000,
    }
    return row | changes


def made(merchant: Merchant, kind: str = "capture", **changes: object) -> dict[str, object]:
    captures = kind == "capture"
    return act_row(
        charge(**changes),
        merchant,
        kind=kind,
        cause="shipment" if captures else "ended",
        amount_yen=2_000 if captures else None,
        actor="staff",
        at=AT,
    )


def test_key_and_bytes_are_functions_of_what_is_captured(engine: Engine) -> None:
    """No clock, no row id: a restored machine makes the very key it made before."""
    with engine.connect() as connection:
        merchant = load_merchant(connection, "shop")
    one = made(merchant)
    same = made(merchant, permission_id=99, attempt_id=77)
    assert (one["idempotency_key"], one["body"]) == (same["idempotency_key"], same["body"])
    others = [
        made(merchant, "cancel"),
        made(merchant, attempt=2),
        made(merchant, cycle=8),
        made(merchant, subscription="cust-2"),
        made(merchant, purpose="renewal:2"),
    ]
    keys = {str(row["idempotency_key"]) for row in [one, *others]}
    assert len(keys) == 6
    assert all(len(key) == 32 for key in keys)


def test_the_bytes_of_acts_never_change() -> None:
    """Golden: what was sent under a key must be sent again byte by byte, in ten years as well."""
    assert capture_body(amount_yen=2_000) == (
        b'{"captureAmount":{"amount":"2000","currencyCode":"JPY"}}'
    )
    assert cancel_body(cause="reauthorize") == (
        b'{"cancellationReason":"Authorised again before it lapses"}'
    )
    assert cancel_body(cause="ended") == (
        b'{"cancellationReason":"The agreement ended before the shipment"}'
    )
    assert close_body() == b'{"cancelPendingCharges":false,"closureReason":"The agreement ended"}'
    assert cancel_body(cause="not_shipped") == (
        b'{"cancellationReason":"The goods will not be shipped"}'
    )
    assert set(CANCELLATION_REASONS) == {"ended", "not_shipped", "reauthorize"}
    assert CHARGED_AT + timedelta(days=30) == AUTHORIZED["lapses_at"]
