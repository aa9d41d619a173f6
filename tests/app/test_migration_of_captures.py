"""Revision 0010 makes `attempt` and `slot` anew on SQLite: rows, keys and triggers survive."""

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
from alembic import command
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from app import migrations
from app.migrations import migrate
from billing import open_engine

AT = datetime(2026, 11, 22, tzinfo=UTC)
SLOTS = 50


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """Books of revision 0009 with paid slots, one of them with a refund, brought to the newest."""
    engine = open_engine(database_url)
    with engine.begin() as connection:
        config = migrations._config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0009")
    with engine.begin() as connection:
        fill(connection)
    migrate(engine)
    yield engine
    engine.dispose()


def insert(connection: Connection, table: str, **values: object) -> None:
    names, marks = ", ".join(values), ", ".join(f":{name}" for name in values)
    connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({marks})"), values)


def fill(connection: Connection) -> None:
    mine = {"merchant_id": "shop"}
    rules = {"cap_yen": 50_000, "cap_rule": "split", "tax_rounding": "floor"}
    rules |= {"dunning_days": "1", "dunning_end": "pause", "timezone": "Asia/Tokyo"}
    insert(connection, "merchant", id="shop", environment="sandbox", charge_hour=9, **rules)
    names = {"name": "n", "kana": "", "email": "e", "postal_code": "", "note": ""}
    insert(connection, "customer", id=1, external_id="c", **mine, **names)
    insert(connection, "plan", id=1, code="p", name_ja="p", name_en="p", **mine)
    price = {"amount_yen": 100, "tax_category": "standard", "interval_unit": "day"}
    price |= {"interval_count": 1, "anchor_rule": "keep_day", "per_seat": False, "trial_days": 0}
    price |= {"minimum_cycles": 0, "physical": False, "content_hash": "-"}
    insert(connection, "price", id=1, plan_id=1, valid_from=date(2026, 1, 1), **mine, **price)
    consent = {"amazon_id": "C", "buyer_id": "b", "state": "Chargeable"}
    insert(connection, "charge_permission", id=1, **mine, **consent)
    owner = {"customer_id": 1, "permission_id": 1, "price_id": 1, "quantity": 1, "state": "active"}
    owner |= {"started_on": date(2026, 1, 1), "anchor_year": 2026, "anchor_month": 1}
    owner |= {"anchor_day": 1, "first_cycle": 0, "next_cycle": SLOTS, "cycles_done": SLOTS}
    insert(
        connection,
        "subscription",
        id=1,
        external_id="s",
        cancel_at_period_end=False,
        **mine,
        **owner,
    )
    for number in range(1, SLOTS + 1):
        pay(connection, number)
    insert(connection, "refund_room", attempt_id=7, limit_yen=100, refunded_yen=0, held_yen=0)
    refund = {"attempt_id": 7, "request_id": "r", "part": 1, "number": 1, "reference": "s-7/r"}
    refund |= {"idempotency_key": "r", "body": b"{}", "origin": "desk", "amount_yen": 40}
    refund |= {"owed_before_yen": 0, "taxes": "[]", "state": "intended", "reason": "r"}
    refund |= {"actor": "a", "requested_at": AT, "look_at": AT, "sends": 0}
    insert(connection, "refund", id=1, **mine, **refund)


def pay(connection: Connection, number: int) -> None:
    mine = {"merchant_id": "shop", "subscription_id": 1, "cycle": number - 1, "purpose": "renewal"}
    days = {"period_start": date(2026, 1, 1), "period_end": date(2026, 1, 2)}
    money = {"total_yen": 100, "paid_yen": 100, "offset_yen": 0, "state": "paid"}
    issued = {"number": f"s-{number}", "issued_on": date(2026, 1, 1)}
    insert(connection, "invoice", id=number, **mine, **days, **money, **issued)
    due = {"first_due_at": AT, "due_at": AT, "attempts": 1, "declines": 0, "cap_moves": 0}
    slot = {"invoice_id": number, "permission_id": 1, "part": 1, "amount_yen": 100}
    named = {"reference": f"s-{number}-renewal", "state": "paid"}
    insert(connection, "slot", id=number, **mine, **slot, **due, **named)
    attempt = {"merchant_id": "shop", "slot_id": number, "permission_id": 1, "number": 1}
    attempt |= {"idempotency_key": f"k{number}", "body": b"{}", "amount_yen": 100}
    attempt |= {"state": "captured", "worker_id": "w", "intended_at": AT, "look_at": AT}
    insert(connection, "attempt", id=number, sends=1, charge_id=f"C{number}", **attempt)
    held = {"month": "2026-11", "permission_id": 1, "amount_yen": 100, "state": "used"}
    insert(connection, "cap_hold", attempt_id=number, **held)


def test_rows_keep_their_ids_and_what_refers_to_them(engine: Engine) -> None:
    with engine.connect() as connection:
        told = connection.execute(
            text(
                "SELECT COUNT(*), SUM(a.amount_yen), SUM(a.id - s.id), SUM(s.id - i.id), "
                "COUNT(a.authorized_yen), COUNT(a.lapses_at), COUNT(s.shipped_on) FROM attempt a "
                "JOIN slot s ON s.id = a.slot_id JOIN invoice i ON i.id = s.invoice_id "
                "JOIN cap_hold h ON h.attempt_id = a.id AND h.state = 'used' "
                "WHERE a.state = 'captured' AND s.state = 'paid'"
            )
        ).one()
        rules = connection.execute(
            text(
                "SELECT open_authorizations, cap_of_canceled, authorization_days, "
                "reauthorize_days, refunds_per_charge, pending_authorizations FROM merchant"
            )
        ).one()
    assert tuple(told) == (SLOTS, SLOTS * 100, 0, 0, 0, 0, 0)
    assert (*rules[:5], bool(rules[5])) == ("one", "kept", 30, 3, 10, False)


def test_refunds_are_still_counted_by_triggers(engine: Engine) -> None:
    """They read `attempt`, which was made anew."""
    with engine.begin() as connection:
        connection.execute(text("UPDATE refund SET state = 'refunded' WHERE id = 1"))
        room = connection.execute(text("SELECT refunded_yen, held_yen FROM refund_room")).one()
        assert tuple(room) == (40, 0)
    again = (
        "INSERT INTO refund (merchant_id, attempt_id, request_id, part, number, reference, "
        "idempotency_key, body, origin, amount_yen, owed_before_yen, taxes, state, reason, actor, "
        "requested_at, look_at, sends) SELECT merchant_id, {attempt}, 'q', 1, 2, 'q', 'q', body, "
        "origin, {yen}, 0, taxes, 'intended', reason, actor, requested_at, look_at, 0 FROM refund"
    )
    for attempt, yen in ((8, 10), (7, 61)):
        with pytest.raises(DBAPIError), engine.begin() as connection:
            connection.execute(text(again.format(attempt=attempt, yen=yen)))


REFUSED = (
    "UPDATE attempt SET state = 'odd'",
    "UPDATE slot SET state = 'odd'",
    "UPDATE slot SET amount_yen = 0",
    "UPDATE attempt SET slot_id = 1",  # two successful attempts of a slot
    "UPDATE attempt SET slot_id = 9999",
    "UPDATE cap_hold SET attempt_id = 9999",
    "UPDATE attempt SET charge_id = 'C'",  # one charge of many attempts
)


def test_constraints_hold_afterwards(engine: Engine) -> None:
    for change in REFUSED:
        with pytest.raises(IntegrityError), engine.begin() as connection:
            connection.execute(text(change))


def test_the_new_states_are_known(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE slot SET state = 'authorized' WHERE id = 1"))
        for state in ("authorized", "canceled"):
            connection.execute(text(f"UPDATE attempt SET state = '{state}' WHERE id = 1"))
