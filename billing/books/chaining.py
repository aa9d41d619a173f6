"""Appends links to the hash chain: after the commit, beside charging, never on its way.

Ids are given before rows are visible, so the newest row does not mean that all before it are there.
On PostgreSQL every writer that may still hold an older id is waited for, without a lock that could
make it wait for us; on SQLite there is one writer at a time and nothing to wait for.
"""

import time
from dataclasses import asdict
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, select, text
from sqlalchemy.exc import IntegrityError

from billing.books.chain import LARGEST_LINK, Entry, Head, Link, link
from billing.books.chain_books import BOOKS, Book, entries_of, newest_id
from billing.store.database import reading, writing
from billing.store.rows import insert_many, table_of
from billing.tables import ChainLinkRow

__all__ = ["chain_books", "head_of"]

_links = table_of(ChainLinkRow)

# Longer than a transaction of ours takes; one that is still open then is chained at the next tick.
LONGEST_WAIT_SECONDS = 5
LOOK_AGAIN = timedelta(milliseconds=20)
# Ids are scanned in steps, for gaps (rolled back rows) may be wide.
IDS_AT_A_TIME = 5_000

# Whoever inserts takes this lock before the id, and keeps it until it has committed.
_WRITERS = """SELECT DISTINCT virtualtransaction FROM pg_locks
WHERE locktype = 'relation' AND granted AND pid IS DISTINCT FROM pg_backend_pid()
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
AND relation = ANY (CAST(CAST(:tables AS text[]) AS regclass[]))
AND mode IN ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')"""


def chain_books(engine: Engine, *, at: datetime) -> int:
    """Chain every entry that is there for good; returns how many were added.

    `at` is noted in the links. Two that do it at once do no harm: one of them adds nothing. What a
    long transaction keeps us from chaining now is left to the next call.
    """
    return sum(_chain(engine, book, upto, at) for book, upto in _settled(engine))


def head_of(connection: Connection, book: Book) -> Head:
    """The newest link of a book; number 0 before the first."""
    statement = (
        select(_links.c.number, _links.c.last_id, _links.c.digest)
        .where(_links.c.book == book.name)
        .order_by(_links.c.number.desc())
        .limit(1)
    )
    found = connection.execute(statement).first()
    return Head(book.name) if found is None else Head(book.name, *found)


def _settled(engine: Engine) -> list[tuple[Book, int]]:
    """Each book with an id up to which no row can appear any more."""
    with reading(engine) as connection:
        newest = [(book, newest_id(connection, book)) for book in BOOKS]
        postgresql = connection.dialect.name == "postgresql"
    if postgresql and not _writers_are_gone(engine):
        return []
    return newest


def _writers_are_gone(engine: Engine) -> bool:
    tables = [book.entry.table for book in BOOKS]
    deadline = time.monotonic() + LONGEST_WAIT_SECONDS
    waited_for = _writers(engine, tables)
    while waited_for:
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOK_AGAIN.total_seconds())
        waited_for &= _writers(engine, tables)
    return True


def _writers(engine: Engine, tables: list[str]) -> set[str]:
    with engine.connect() as connection:
        return set(connection.execute(text(_WRITERS), {"tables": tables}).scalars())


def _chain(engine: Engine, book: Book, upto: int, at: datetime) -> int:
    added = 0
    with reading(engine) as connection:
        head = head_of(connection, book)
    reached = head.last_id
    waiting: list[Entry] = []
    while reached < upto or waiting:
        step = min(reached + IDS_AT_A_TIME, upto)
        if reached < step:
            with reading(engine) as connection:
                waiting += entries_of(connection, book, after=reached, upto=step)
            reached = step
        while waiting and (len(waiting) >= LARGEST_LINK or reached == upto):
            made = link(head, waiting[:LARGEST_LINK], at=at)
            if not _append(engine, made):
                return added
            head, waiting = made.head, waiting[LARGEST_LINK:]
            added += made.entries
    return added


def _append(engine: Engine, made: Link) -> bool:
    """False when another one has added a link of this number meanwhile."""
    row = asdict(made)
    try:
        writing(engine, lambda connection: insert_many(connection, _links, [row]))
    except IntegrityError:
        return False
    return True
