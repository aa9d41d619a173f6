"""Transactions are whole, writers take turns, readers see one moment; on both databases alike."""

import sqlite3
import threading
from collections.abc import Callable, Iterator

import psycopg
import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from billing.store import database
from billing.store.database import DatabaseUnavailable, is_lost_lock, open_engine, reading, writing

THREADS = 4
ROUNDS = 25


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """A database with one counter that stands at 0."""
    engine = open_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE counter (id INTEGER PRIMARY KEY, n INTEGER)"))
        connection.execute(text("INSERT INTO counter VALUES (1, 0)"))
    yield engine
    engine.dispose()


def value(connection: Connection) -> int:
    return connection.execute(text("SELECT n FROM counter WHERE id = 1")).scalar_one()


def set_to(connection: Connection, n: int) -> None:
    connection.execute(text("UPDATE counter SET n = :n WHERE id = 1"), {"n": n})


def stored(engine: Engine) -> int:
    with reading(engine) as connection:
        return value(connection)


def in_threads(work: Callable[[int], None], threads: int = THREADS) -> None:
    """Run `work(0)`, `work(1)`, … at once and raise what any of them raised."""
    errors: list[BaseException] = []
    start = threading.Barrier(threads)

    def guarded(number: int) -> None:
        try:
            start.wait(timeout=10)
            work(number)
        except BaseException as error:
            errors.append(error)

    running = [threading.Thread(target=guarded, args=(n,)) for n in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join(timeout=60)
    assert not [thread for thread in running if thread.is_alive()]
    if errors:
        raise errors[0]


def test_a_result_comes_back_and_is_committed(engine: Engine) -> None:
    assert writing(engine, lambda c: set_to(c, 5) or "done") == "done"
    assert stored(engine) == 5


def test_an_exception_rolls_everything_back(engine: Engine) -> None:
    def half_way(connection: Connection) -> None:
        set_to(connection, 5)
        raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        writing(engine, half_way)
    assert stored(engine) == 0


def test_a_refused_row_rolls_everything_back_and_is_not_tried_again(engine: Engine) -> None:
    tries = []

    def twice(connection: Connection) -> None:
        tries.append(1)
        set_to(connection, 5)
        connection.execute(text("INSERT INTO counter VALUES (1, 0)"))

    with pytest.raises(IntegrityError):
        writing(engine, twice)
    assert (len(tries), stored(engine)) == (1, 0)


def test_read_then_write_is_not_overtaken(engine: Engine) -> None:
    """On SQLite BEGIN IMMEDIATE lets one writer in; on PostgreSQL the row is locked."""
    lock = "SELECT n FROM counter WHERE id = 1"
    if engine.dialect.name == "postgresql":
        lock += " FOR UPDATE"

    def add_one(connection: Connection) -> None:
        set_to(connection, connection.execute(text(lock)).scalar_one() + 1)

    in_threads(lambda _: [writing(engine, add_one) for _ in range(ROUNDS)])
    assert stored(engine) == THREADS * ROUNDS


def test_a_report_sees_one_moment_and_stops_no_writer(engine: Engine) -> None:
    with reading(engine) as connection:
        assert value(connection) == 0
        writing(engine, lambda c: set_to(c, 5))
        assert value(connection) == 0
    assert stored(engine) == 5


class Lost(Exception):
    """A driver's error with an SQLSTATE."""

    def __init__(self, sqlstate: str | None, words: str = "") -> None:
        super().__init__(words)
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    ("error", "lost"),
    [
        pytest.param(OperationalError("", {}, Lost("40001")), True, id="serialization failure"),
        pytest.param(OperationalError("", {}, Lost("40P01")), True, id="deadlock"),
        pytest.param(OperationalError("", {}, Lost("55P03")), True, id="lock timeout"),
        pytest.param(
            OperationalError("", {}, sqlite3.OperationalError("database is locked")),
            True,
            id="SQLite is locked",
        ),
        pytest.param(
            OperationalError("", {}, sqlite3.OperationalError("no such table: x")),
            False,
            id="SQLite, something else",
        ),
        pytest.param(IntegrityError("", {}, Lost("23505")), False, id="unique violation"),
        pytest.param(IntegrityError("", {}, Lost("23514")), False, id="check violation"),
        pytest.param(OperationalError("", {}, Lost(None, "server gone")), False, id="no server"),
    ],
)
def test_only_a_lost_lock_may_be_tried_again(error: DBAPIError, lost: bool) -> None:
    assert is_lost_lock(error) is lost


@pytest.mark.parametrize(
    ("losses", "tries", "ends"),
    [(1, 2, 1), (database.MAX_TRIES - 1, database.MAX_TRIES, 1), (99, database.MAX_TRIES, 0)],
)
def test_a_lost_lock_is_tried_again_from_the_start(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, losses: int, tries: int, ends: int
) -> None:
    monkeypatch.setattr(database.time, "sleep", lambda seconds: None)
    tried = []

    def unlucky(connection: Connection) -> None:
        tried.append(1)
        set_to(connection, value(connection) + 1)
        if len(tried) <= losses:
            raise OperationalError("", {}, Lost("40P01"))

    if ends:
        writing(engine, unlucky)
    else:
        with pytest.raises(OperationalError):
            writing(engine, unlucky)
    assert (len(tried), stored(engine)) == (tries, ends)


def test_a_real_deadlock_ends_well(postgres_url: str) -> None:
    """Two transactions take two rows in opposite order: one loses and comes back."""
    engine = open_engine(postgres_url)
    both_hold_one = threading.Barrier(2)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE pair (id INTEGER PRIMARY KEY, n INTEGER)"))
        connection.execute(text("INSERT INTO pair VALUES (0, 0), (1, 0)"))

    def crossing(number: int) -> None:
        first = [True]

        def work(connection: Connection) -> None:
            add = text("UPDATE pair SET n = n + 1 WHERE id = :id")
            connection.execute(add, {"id": number})
            if first.pop() if first else False:
                both_hold_one.wait(timeout=10)
            connection.execute(add, {"id": 1 - number})

        writing(engine, work)

    in_threads(crossing, threads=2)
    with reading(engine) as connection:
        assert connection.execute(text("SELECT n FROM pair")).scalars().all() == [2, 2]
    engine.dispose()


def test_sqlite_writers_begin_immediately(sqlite_url: str) -> None:
    """A second writer waits at BEGIN, before it has read anything; a reader does not wait."""
    engine = open_engine(sqlite_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE counter (id INTEGER PRIMARY KEY, n INTEGER)"))
        connection.execute(text("INSERT INTO counter VALUES (1, 0)"))
    other = sqlite3.connect(engine.url.database, timeout=0)
    with engine.begin():
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
        assert other.execute("SELECT n FROM counter").fetchone() == (0,)
    other.close()
    engine.dispose()


@pytest.mark.parametrize(
    ("pragma", "expected"),
    [
        ("journal_mode", "wal"),
        ("synchronous", 2),  # FULL
        ("foreign_keys", 1),
        ("busy_timeout", 30_000),
        ("recursive_triggers", 1),
    ],
)
def test_sqlite_is_prepared(sqlite_url: str, pragma: str, expected: object) -> None:
    engine = open_engine(sqlite_url)
    with engine.connect() as connection:
        assert connection.exec_driver_sql(f"PRAGMA {pragma}").scalar() == expected
    engine.dispose()


def test_postgresql_speaks_utc_and_does_not_wait_for_ever(postgres_url: str) -> None:
    engine = open_engine(postgres_url)
    with engine.connect() as connection:
        shown = [
            connection.exec_driver_sql(f"SHOW {name}").scalar()
            for name in ("timezone", "lock_timeout", "statement_timeout")
        ]
        assert shown == ["UTC", "10s", "2min"]
        assert isinstance(connection.connection.driver_connection, psycopg.Connection)
    engine.dispose()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        pytest.param("", "is not a URL", id="empty"),
        pytest.param("autopay.db", "'autopay.db' is not a URL", id="a bare file name"),
        pytest.param("mysql://user:s3cret@host/db", "host/db is of an unknown kind", id="mysql"),
        pytest.param("postgres://user:s3cret@host/db", "of an unknown kind", id="postgres"),
        pytest.param("postgresql:/user:s3cret@host/db", "***@host/db", id="a slash too few"),
        pytest.param("postgresql://u:s3cret@host:port/db", "***@host:port/db", id="port is a word"),
        pytest.param("postgresql://u:s3c@s3cret@h:x/db", "***@h:x/db", id="an @ in the password"),
    ],
)
def test_an_unknown_database_is_refused_without_its_password(url: str, said: str) -> None:
    with pytest.raises(DatabaseUnavailable) as refused:
        open_engine(url)
    assert said in str(refused.value)
    assert "use sqlite:///FILE or postgresql://HOST/NAME" in str(refused.value)
    assert "s3c" not in str(refused.value)
