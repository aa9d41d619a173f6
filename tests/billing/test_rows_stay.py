"""Every table of history is guarded at the newest schema: no later migration loses a trigger."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from app.migrations import migrate
from billing import open_engine
from billing.books.chain_books import BOOKS

# Batch changes on SQLite make a table anew, and its triggers are gone unless made anew as well.
KEPT = ("invoice", "slot", "attempt", "environment_mark", "restoration", "restoration_check")
APPEND_ONLY = {part.table for book in BOOKS for part in (book.entry, *book.parts)} | {"chain_link"}


def test_sqlite_refuses_to_change_or_delete_history(sqlite_url: str) -> None:
    engine = open_engine(sqlite_url)
    migrate(engine)
    query = "SELECT tbl_name, sql FROM sqlite_master WHERE type = 'trigger'"
    with engine.begin() as connection:
        triggers = [(table, sql.upper()) for table, sql in connection.execute(text(query))]
        for table in sorted(APPEND_ONLY - {"invoice"}):
            guarded = [sql for name, sql in triggers if name == table]
            assert any("BEFORE UPDATE" in sql for sql in guarded), table
            assert any("BEFORE DELETE" in sql for sql in guarded), table
        for table in KEPT:
            assert any("BEFORE DELETE" in s for name, s in triggers if name == table), table
        connection.execute(text("INSERT INTO audit_event VALUES (1, NULL, 'x', 'k', 'a', 'r', '')"))
        for statement in ("UPDATE audit_event SET actor = 'b'", "DELETE FROM audit_event"):
            with pytest.raises(IntegrityError, match="append-only"):
                connection.execute(text(statement))
        replaced = "INSERT OR REPLACE INTO audit_event VALUES (1, NULL, 'x', 'k', 'b', 'r', '')"
        with pytest.raises(IntegrityError, match="append-only"):
            connection.execute(text(replaced))
    engine.dispose()
