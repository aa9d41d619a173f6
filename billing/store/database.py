"""One engine for SQLite (the embedded default) and PostgreSQL (production).

SQLite runs in WAL mode with `synchronous=FULL`; every writing transaction is `BEGIN IMMEDIATE`,
so that a read-then-write of a cap month cannot be overtaken. On PostgreSQL rows are locked.
"""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

Result = TypeVar("Result")

# To plan a join of eight tables takes longer than to run it. The pages have some six hundred
# statements; with the driver's hundred each would be forgotten before it comes again.
PREPARED_STATEMENTS = 600
# In what is known of a connection: its last commit is not known to last.
UNCONFIRMED = "autopay_unconfirmed"
SERIALIZATION_FAILURES = {"40001", "40P01", "55P03"}
MAX_TRIES = 5
PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "busy_timeout=30000",
    # Without it INSERT OR REPLACE deletes a row past the triggers that keep books append-only.
    "recursive_triggers=ON",
    # 16 MB instead of 2, and the log folded back after 16 MB instead of 4: where subscriptions are
    # years old each renewal writes pages of its own, and a slice of 200 would outgrow both.
    "cache_size=-16000",
    "wal_autocheckpoint=4000",
)


# No statement waits for ever: not for a lock of somebody's open session, not for a server that the
# network has swallowed. And a frozen process that holds rows loses them, before others give up.
POSTGRES_SETTINGS = {
    "timezone": "UTC",
    "lock_timeout": "10s",
    "statement_timeout": "120s",
    "idle_in_transaction_session_timeout": "20s",
}
POSTGRES_ARGUMENTS: dict[str, str | int] = {
    "options": " ".join(f"-c {name}={value}" for name, value in POSTGRES_SETTINGS.items()),
    "connect_timeout": 10,
    "keepalives_idle": 5,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}


class DatabaseUnavailable(Exception):
    """The database cannot be opened; the message says which and what to do."""


class CommitNotConfirmed(Exception):
    """PostgreSQL said that a commit was done, and its standby has not said so.

    Who cancels the wait for a synchronous standby makes the server answer with success and a
    warning. Should the standby take over, the commit never was: nothing may be sent on its word.
    """

    def __str__(self) -> str:
        return (
            "the wait for the synchronous standby was cancelled: the commit may be lost when the "
            "standby takes over; see docs/runbooks/database-failover.md"
        )


def open_engine(url: str) -> Engine:
    """Open `sqlite:///file`, `postgresql://…` or `postgresql+psycopg://…`.

    Raises `DatabaseUnavailable` for any other kind of URL.
    """
    try:
        parsed = make_url(url)
    except Exception as error:
        raise DatabaseUnavailable(
            f"database URL {_without_password(url)!r} is not a URL; "
            "use sqlite:///FILE or postgresql://HOST/NAME"
        ) from error
    if parsed.get_backend_name() == "sqlite":
        return _open_sqlite(url)
    if parsed.get_backend_name() == "postgresql":
        engine = create_engine(
            parsed.set(drivername="postgresql+psycopg"),
            # Those above the size are closed after use: a page that waited for one of them paid for
            # a new process of the server and for plans that it had made before.
            pool_size=8,
            max_overflow=6,
            pool_pre_ping=True,
            # The connection that was used last knows most of the statements already.
            pool_use_lifo=True,
            connect_args=POSTGRES_ARGUMENTS,
        )
        event.listen(engine, "connect", _prepare_postgres)
        return engine
    raise DatabaseUnavailable(
        f"database URL {parsed.render_as_string()} is of an unknown kind; "
        "use sqlite:///FILE or postgresql://HOST/NAME"
    )


def connect_arguments(engine: Engine) -> dict[str, Any]:
    """With what psycopg itself opens the same PostgreSQL database in the same way."""
    _, arguments = engine.dialect.create_connect_args(engine.url)
    return {**arguments, **POSTGRES_ARGUMENTS}


def _without_password(url: str) -> str:
    """What cannot be parsed may still hold a password: everything before an @ is left out."""
    before, at, rest = url.rpartition("@")
    return f"***@{rest}" if at else before + rest


def _prepare_postgres(dbapi_connection: Any, record: ConnectionPoolEntry) -> None:
    dbapi_connection.prepared_max = PREPARED_STATEMENTS

    def note(diagnostic: Any) -> None:
        # Told by where it comes from: the words are in the server's language.
        if diagnostic.source_function == "SyncRepWaitForLSN":
            record.info[UNCONFIRMED] = True

    dbapi_connection.add_notice_handler(note)


def _open_sqlite(url: str) -> Engine:
    engine = create_engine(url, connect_args={"timeout": 30})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(dbapi_connection: Any, _record: Any) -> None:
    # SQLAlchemy must say BEGIN itself: the driver's own default begins late and not immediately.
    dbapi_connection.isolation_level = None
    for pragma in PRAGMAS:
        dbapi_connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    reading = connection.get_execution_options().get("autopay_reading", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A consistent snapshot for reports and screens; it never blocks a writer."""
    with engine.connect().execution_options(autopay_reading=True) as connection:
        if connection.dialect.name == "postgresql":
            # Its default gives every statement a snapshot of its own: totals would not add up.
            connection.execution_options(isolation_level="REPEATABLE READ")
            # Who only reads holds no rows, and may think about what was read for long.
            connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
        yield connection


def writing(engine: Engine, work: Callable[[Connection], Result]) -> Result:
    """Run `work` in one transaction and commit it; all of it again after a lost lock.

    `work` must be repeatable: it may only read and write through its connection. Deadlocks and
    serialization failures are tried again up to five times, with jitter. Raises `OperationalError`
    when the database is away, and when nobody knows whether the commit will last.
    """
    for tried in range(1, MAX_TRIES + 1):
        try:
            with engine.begin() as connection:
                info = connection.info
                result = work(connection)
            if info.pop(UNCONFIRMED, False):
                raise OperationalError("COMMIT", None, CommitNotConfirmed())
            return result
        except DBAPIError as error:
            if error.connection_invalidated and not isinstance(error, OperationalError):
                # Ended by the server, as of a process that was frozen in its transaction: the
                # database is away, and nothing is wrong with the work.
                raise OperationalError(
                    error.statement, error.params, error.orig or error, connection_invalidated=True
                ) from error
            if tried == MAX_TRIES or not is_lost_lock(error):
                raise
            time.sleep(random.uniform(0.01, 0.05) * tried)  # noqa: S311 - jitter, not a secret
    raise AssertionError("unreachable: the last try returns or raises")


def is_lost_lock(error: DBAPIError) -> bool:
    """True when the transaction lost against another one and may simply be tried again."""
    if getattr(error.orig, "sqlstate", None) in SERIALIZATION_FAILURES:
        return True
    return isinstance(error, OperationalError) and "database is locked" in str(error.orig)
