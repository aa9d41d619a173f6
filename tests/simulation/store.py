"""The books of a simulated world: real tables, real migrations, SQLite in memory, no disk.

Tasks change places only outside transactions, so that one connection serves every process; that is
SQLite's own promise of one writer at a time. What may befall a commit is drawn from the tape.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Final

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.pool import StaticPool

from app.migrations import migrate
from billing.store.database import PRAGMAS
from simulation.world import World

_NOT_IN_MEMORY: Final = ("journal_mode", "synchronous", "busy_timeout")

Rows = list[dict[str, Any]]


@cache
def migrated() -> bytes:
    """A database with the newest schema, made once by the real migrations."""
    raw = sqlite3.connect(":memory:", check_same_thread=False)
    engine = _engine(raw, lambda connection: None)
    migrate(engine)
    return bytes(raw.serialize())


class Store:
    """One database and the faults of its commits."""

    def __init__(self) -> None:
        self.raw = sqlite3.connect(":memory:", check_same_thread=False)
        self.raw.deserialize(migrated())
        self.engine = _engine(self.raw, self._begun)
        self._commit = self.engine.dialect.do_commit
        self.engine.dialect.do_commit = self._committing  # type: ignore[method-assign] # a fault
        self.world: World | None = None
        self.point: Callable[[str], None] = lambda name: None
        self.rates: dict[str, int] = {}
        self.counts: dict[str, int] = {}

    def rows(self, sql: str, *values: Any) -> Rows:
        """Rows of a query, read past the engine; nobody is inside a transaction then."""
        cursor = self.raw.execute(sql, values)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    def backup(self) -> sqlite3.Connection:
        """A copy of the books as they are."""
        copy = sqlite3.connect(":memory:", check_same_thread=False)
        self.raw.backup(copy)
        return copy

    def put_back(self, copy: sqlite3.Connection) -> None:
        """The books are the copy again; what was booked since is lost."""
        copy.backup(self.raw)
        copy.close()

    def close(self) -> None:
        """Forget everything."""
        self.engine.dispose()
        self.raw.close()

    def _begun(self, connection: Any) -> None:
        reading = connection.get_execution_options().get("autopay_reading", False)
        self.point("read" if reading else "begin")
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    def _committing(self, connection: Any) -> None:
        raw = connection.dbapi_connection if hasattr(connection, "dbapi_connection") else connection
        if not raw.in_transaction:
            return
        fate = self._fate()
        if fate == "lost":
            raise sqlite3.OperationalError("simulated: disk I/O error, nothing was committed")
        if fate == "lock":
            raise sqlite3.OperationalError("database is locked")
        if fate == "kill" and self.world is not None:
            self.world.die()
        self._commit(connection)
        if fate == "unknown":
            raise sqlite3.OperationalError("simulated: connection lost during the commit")

    def _fate(self) -> str:
        if self.world is None or self.world.current is None:
            return ""
        for kind, rate in self.rates.items():
            if rate and self.world.tape.choose(f"commit:{kind}", 2, permille=rate):
                self.counts[kind] = self.counts.get(kind, 0) + 1
                self.world.trace(f"{self.world.current.process.name} commit {kind}")
                return kind
        return ""


def _engine(raw: sqlite3.Connection, begun: Callable[[Any], None]) -> Engine:
    raw.isolation_level = None
    for pragma in PRAGMAS:
        if not pragma.startswith(_NOT_IN_MEMORY):
            raw.execute(f"PRAGMA {pragma}")
    engine = create_engine("sqlite://", creator=lambda: raw, poolclass=StaticPool)
    # The books live in this one connection: whoever gives it up only undoes what is open.
    engine.dialect.do_close = lambda connection: connection.rollback()  # type: ignore[method-assign] # see above
    event.listen(engine, "begin", begun)
    return engine


@contextmanager
def open_store() -> Iterator[Store]:
    """A fresh store, forgotten at the end."""
    store = Store()
    yield store
    store.close()
