"""Room under the monthly cap: taken with the intent, used with the capture, never overdrawn."""

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prepared import migrated
from small_books import MERCHANT, SmallBooks
from sqlalchemy import Connection, Engine, select, text
from sqlalchemy.exc import IntegrityError

from billing.store.cap_room import (
    CapMonth,
    effective_limit_yen,
    hold,
    learn_balance,
    load_cap_months,
    settle_holds,
)
from billing.store.database import open_engine, reading, writing
from billing.store.merchants import load_merchant
from billing.store.rows import table_of
from billing.tables import ChargePermissionRow

NOVEMBER, DECEMBER = "2026-11", "2026-12"
LIMIT = 50_000
permissions = table_of(ChargePermissionRow)


class Room:
    """One permission with open attempts 1, 2, 3 … of different slots."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.permission = writing(engine, lambda c: _attempts(c, permissions=1, each=4))[0]

    def load(self, *months: str, limit: int = LIMIT) -> dict[str, CapMonth]:
        """Cap months as they stand."""
        found = writing(
            self.engine,
            lambda c: load_cap_months(c, limits={self.permission: limit}, months=months),
        )
        return {month: cap for (_, month), cap in found.items()}

    def hold(self, attempt: int, amount_yen: int, *months: str) -> None:
        """Hold room for an attempt in each month."""
        writing(self.engine, lambda c: hold(c, self._holds(attempt, amount_yen, months)))

    def _holds(self, attempt: int, amount_yen: int, months: tuple[str, ...]) -> list[dict]:
        row = {"attempt_id": attempt, "permission_id": self.permission, "state": "held"}
        return [{**row, "month": month, "amount_yen": amount_yen} for month in months]

    def settle(self, *attempts: int, captured: bool) -> None:
        """End attempts."""
        writing(self.engine, lambda c: settle_holds(c, attempts, captured=captured))

    def learn(self, balance_yen: int, attempt: int) -> None:
        """Amazon says what is left for the months of an attempt."""
        writing(
            self.engine,
            lambda c: learn_balance(
                c, attempt_id=attempt, permission_id=self.permission, balance_yen=balance_yen
            ),
        )


def _attempts(connection: Connection, *, permissions: int, each: int) -> list[int]:
    """Permissions with `each` open attempts, every one of a slot of its own."""
    books = SmallBooks(connection)
    price = books.price()
    ids = []
    for number in range(permissions):
        permission = books.permission()
        owner = books.subscription(f"s{number}", price=price, permission=permission)
        invoice = books.invoice(owner, f"s{number}-0000", 3_000)
        for n in range(each):
            names = {"purpose": f"renewal:{n}", "reference": f"s{number}-{n}"}
            slot = books.slot(invoice, owner, permission, state="open", **names)
            books.attempt(slot, permission, state="intended", charge_id=None)
        ids.append(permission)
    return ids


@pytest.fixture
def room(database_url: str) -> Iterator[Room]:
    with migrated(database_url) as engine:
        yield Room(engine)


@pytest.mark.parametrize(
    ("own", "amazons", "limit"),
    [
        pytest.param(50_000, None, 50_000, id="Amazon's limit is not known"),
        pytest.param(50_000, 100_000, 50_000, id="ours is lower"),
        pytest.param(100_000, 30_000, 30_000, id="Amazon's is lower"),
        pytest.param(50_000, 0, 0, id="Amazon allows nothing"),
    ],
)
def test_the_lower_limit_counts(sqlite_url: str, own: int, amazons: int | None, limit: int) -> None:
    with migrated(sqlite_url) as engine:
        writing(engine, lambda c: SmallBooks(c) and None)
        with reading(engine) as connection:
            merchant = replace(load_merchant(connection, MERCHANT), cap_yen=own)
    assert effective_limit_yen(merchant=merchant, amount_limit_yen=amazons) == limit


@given(limit=st.integers(0, 10**6), used=st.integers(0, 10**6), held=st.integers(0, 10**6))
def test_room_is_never_negative(limit: int, used: int, held: int) -> None:
    assert CapMonth(limit, used, held).room_yen == max(0, limit - used - held)


def test_a_month_starts_empty_and_is_made_once(room: Room) -> None:
    assert room.load(NOVEMBER) == {NOVEMBER: CapMonth(LIMIT, 0, 0)}
    assert room.load(NOVEMBER, DECEMBER) == {
        NOVEMBER: CapMonth(LIMIT, 0, 0),
        DECEMBER: CapMonth(LIMIT, 0, 0),
    }


def test_a_charge_at_a_boundary_takes_room_in_both_months(room: Room) -> None:
    room.load(NOVEMBER, DECEMBER)
    room.hold(1, 20_000, NOVEMBER, DECEMBER)
    room.hold(2, 5_000, DECEMBER)
    found = room.load(NOVEMBER, DECEMBER)
    assert (found[NOVEMBER].room_yen, found[DECEMBER].room_yen) == (30_000, 25_000)


def test_a_capture_uses_what_was_held_and_a_no_gives_it_back(room: Room) -> None:
    room.load(NOVEMBER, DECEMBER)
    room.hold(1, 20_000, NOVEMBER, DECEMBER)
    room.hold(2, 7_000, NOVEMBER)
    room.settle(1, captured=True)
    assert room.load(NOVEMBER)[NOVEMBER] == CapMonth(LIMIT, 20_000, 7_000)
    assert room.load(DECEMBER)[DECEMBER] == CapMonth(LIMIT, 20_000, 0)
    room.settle(2, captured=False)
    assert room.load(NOVEMBER)[NOVEMBER] == CapMonth(LIMIT, 20_000, 0)


@pytest.mark.parametrize("captured", [True, False])
@pytest.mark.parametrize("then", [True, False])
def test_room_is_settled_exactly_once(room: Room, captured: bool, then: bool) -> None:
    room.load(NOVEMBER)
    room.hold(1, 20_000, NOVEMBER)
    room.settle(1, captured=captured)
    room.settle(1, captured=then)  # a late copy of the same answer
    room.settle(captured=then)
    assert room.load(NOVEMBER)[NOVEMBER] == CapMonth(LIMIT, 20_000 * captured, 0)


def test_many_attempts_of_one_permission_settle_together(room: Room) -> None:
    room.load(NOVEMBER)
    for attempt, amount in ((1, 1_000), (2, 2_000), (3, 4_000)):
        room.hold(attempt, amount, NOVEMBER)
    room.settle(1, 2, 3, captured=True)
    assert room.load(NOVEMBER)[NOVEMBER] == CapMonth(LIMIT, 7_000, 0)


def test_a_limit_below_what_is_taken_leaves_no_room_and_breaks_nothing(room: Room) -> None:
    room.load(NOVEMBER)
    room.hold(1, 40_000, NOVEMBER)
    assert room.load(NOVEMBER, limit=30_000)[NOVEMBER].room_yen == 0
    room.settle(1, captured=False)
    assert room.load(NOVEMBER, limit=30_000)[NOVEMBER].room_yen == 30_000
    assert room.load(NOVEMBER, limit=60_000)[NOVEMBER].room_yen == 60_000


@pytest.mark.parametrize(
    ("balance", "left"),
    [
        pytest.param(1_200, 1_200, id="Amazon's lower balance wins"),
        pytest.param(0, 0, id="nothing left"),
        pytest.param(40_000, 40_000, id="the same as ours"),
        pytest.param(45_000, 40_000, id="a higher one gives no room"),
    ],
)
def test_amazons_balance(room: Room, balance: int, left: int) -> None:
    room.load(NOVEMBER, DECEMBER)
    room.hold(1, 10_000, NOVEMBER)  # 50,000 - 10,000 = 40,000 by our own view
    room.learn(balance, 1)
    assert room.load(NOVEMBER)[NOVEMBER].room_yen == left
    assert room.load(NOVEMBER, limit=100_000)[NOVEMBER].room_yen == (
        left if balance < 40_000 else 90_000
    )
    assert room.load(DECEMBER)[DECEMBER].room_yen == LIMIT


def test_the_table_itself_refuses_a_breach(room: Room) -> None:
    """Nobody looks at the room here, as code without the lock would in effect not."""
    room.load(NOVEMBER, DECEMBER)
    room.hold(1, 30_000, NOVEMBER)
    with pytest.raises(IntegrityError, match="cap_month_limit"):
        room.hold(2, 20_001, DECEMBER, NOVEMBER)
    assert room.load(NOVEMBER, DECEMBER) == {
        NOVEMBER: CapMonth(LIMIT, 0, 30_000),
        DECEMBER: CapMonth(LIMIT, 0, 0),
    }
    room.hold(2, 20_000, NOVEMBER)
    assert room.load(NOVEMBER)[NOVEMBER].room_yen == 0


THREADS, PERMISSIONS, EACH, AMOUNT = 4, 6, 24, 3_000


def test_many_threads_never_pass_the_limit_together(database_url: str) -> None:
    """6 permissions × 24 charges of 3,000 yen race for 50,000: 16 fit (48,000), 8 do not."""
    with migrated(database_url) as engine:
        ids = writing(engine, lambda c: _attempts(c, permissions=PERMISSIONS, each=EACH))
        outcomes: list[bool] = []
        start = threading.Barrier(THREADS)
        racers = [
            threading.Thread(target=_race, args=(database_url, ids, number, start, outcomes))
            for number in range(THREADS)
        ]
        for racer in racers:
            racer.start()
        for racer in racers:
            racer.join(timeout=120)
        with reading(engine) as connection:
            months = connection.execute(text("SELECT held_yen FROM cap_month")).scalars().all()
            holds = connection.execute(
                text("SELECT SUM(amount_yen) FROM cap_hold GROUP BY permission_id")
            )
            assert holds.scalars().all() == [48_000] * PERMISSIONS
    assert months == [48_000] * PERMISSIONS
    assert (outcomes.count(True), outcomes.count(False)) == (16 * PERMISSIONS, 8 * PERMISSIONS)


def _race(
    url: str, ids: list[int], number: int, start: threading.Barrier, outcomes: list[bool]
) -> None:
    """Intend every fourth charge of every permission, the permissions in turn."""
    engine = open_engine(url)
    try:
        start.wait(timeout=30)
        for n in range(number, EACH, THREADS):
            for index, permission in enumerate(ids):
                attempt = index * EACH + n + 1
                outcomes.append(writing(engine, _intend(permission, attempt)))
    finally:
        engine.dispose()


def _intend(permission: int, attempt: int):
    def work(connection: Connection) -> bool:
        lock = select(permissions.c.id).where(permissions.c.id == permission).with_for_update()
        connection.execute(lock).all()
        caps = load_cap_months(connection, limits={permission: LIMIT}, months=[NOVEMBER])
        if caps[permission, NOVEMBER].room_yen < AMOUNT:
            return False
        row = {"attempt_id": attempt, "month": NOVEMBER, "permission_id": permission}
        hold(connection, [{**row, "amount_yen": AMOUNT, "state": "held"}])
        return True

    return work
