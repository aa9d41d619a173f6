"""Core tables of the row classes, and writes of many rows in one round trip."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ARRAY,
    Column,
    ColumnElement,
    Connection,
    Executable,
    Integer,
    Table,
    any_,
    bindparam,
    insert,
    literal_column,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import SQLModel

Row = Mapping[str, Any]
"""A row as read: column name → value."""


def table_of(row_class: type[SQLModel]) -> Table:
    """The Core table behind a row class."""
    table: Table = row_class.__table__  # type: ignore[attr-defined] # SQLModel adds it at run time
    return table


def is_word(column: Column[Any], *words: str) -> ColumnElement[bool]:
    """`column` is one of our own words, written into the statement instead of bound.

    SQLite uses a partial index only when the statement itself repeats the index's condition; a
    bound value could be anything. Without it, finding what is due would cost more with every year
    of history. Never for foreign text.
    """
    literals: list[ColumnElement[str]] = [literal_column(f"'{word}'") for word in words]
    return column == literals[0] if len(literals) == 1 else column.in_(literals)


def among(connection: Connection, column: Column[Any], ids: Collection[int]) -> ColumnElement[bool]:
    """`column` is one of `ids`; on PostgreSQL one bound array, for binding hundreds of numbers one
    by one takes longer than finding their rows."""
    if connection.dialect.name == "postgresql":
        return column == any_(bindparam(None, list(ids), ARRAY(Integer), unique=True))
    return column.in_(list(ids))


def fetch(connection: Connection, statement: Executable) -> list[Row]:
    """All rows of a query."""
    return [dict(row) for row in connection.execute(statement).mappings()]


def insert_many(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows; nothing happens for none."""
    if rows:
        connection.execute(insert(table), list(rows))


def insert_unless_known(
    connection: Connection, table: Table, rows: Sequence[dict[str, Any]]
) -> None:
    """Insert rows; one that a unique constraint already knows is left as it is."""
    if not rows:
        return
    dialect_insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    connection.execute(dialect_insert(table).on_conflict_do_nothing(), list(rows))


def insert_returning_ids(
    connection: Connection, table: Table, rows: Sequence[dict[str, Any]]
) -> list[int]:
    """Insert rows and return their ids in the order given."""
    if not rows:
        return []
    statement = insert(table).returning(table.c.id, sort_by_parameter_order=True)
    return list(connection.execute(statement, list(rows)).scalars())


def update_many(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Update rows by `id`; raises `ValueError` unless every row names the same columns."""
    if not rows:
        return
    if any(row.keys() != rows[0].keys() for row in rows):
        # A column that only a later row names would be left out without a word.
        raise ValueError(f"update of {table.name}: every row must name the same columns")
    names = [name for name in rows[0] if name != "id"]
    statement = (
        update(table)
        .where(table.c.id == bindparam("row_id"))
        .values({name: bindparam(f"new_{name}") for name in names})
    )
    connection.execute(
        statement,
        [{"row_id": row["id"], **{f"new_{n}": row[n] for n in names}} for row in rows],
    )
