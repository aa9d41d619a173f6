"""Core tables of the row classes, and writes of many rows in one round trip."""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Dialect,
    Executable,
    Select,
    Table,
    Text,
    any_,
    bindparam,
    func,
    literal,
    literal_column,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import UserDefinedType
from sqlmodel import SQLModel

from billing.store.bulk import insert_with_ids, write_rows

Row = Mapping[str, Any]
"""A row as read: column name → value."""


def table_of(row_class: type[SQLModel]) -> Table:
    """The Core table behind a row class."""
    table: Table = row_class.__table__  # type: ignore[attr-defined] # SQLModel adds it at run time
    return table


def fresh_row(connection: Connection, table: Table, row: Row) -> postgresql.Insert | sqlite.Insert:
    """An INSERT of one row that can be told what to do where the row is already there."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table).values(row)
    return sqlite.insert(table).values(row)


def is_word(column: Column[Any], *words: str) -> ColumnElement[bool]:
    """`column` is one of our own words, written into the statement instead of bound.

    SQLite uses a partial index only when the statement itself repeats the index's condition; a
    bound value could be anything. Without it, finding what is due would cost more with every year
    of history. Never for foreign text.
    """
    literals: list[ColumnElement[str]] = [literal_column(f"'{word}'") for word in words]
    return column == literals[0] if len(literals) == 1 else column.in_(literals)


def among(connection: Connection, column: Column[Any], ids: Collection[int]) -> ColumnElement[bool]:
    """`column` is one of `ids`, in one parameter: binding hundreds of numbers one by one takes
    longer than finding their rows, and makes another statement of each number of them."""
    if connection.dialect.name == "postgresql":
        return column == any_(bindparam(None, ids, _Ids(), unique=True))
    return column.in_(_listed(literal(_json_list(ids), Text)))


class _Ids(UserDefinedType[Collection[int]]):
    """Whole numbers as PostgreSQL's own text of an array: the driver writes a list number by
    number, which takes longer than finding the rows."""

    cache_ok = True
    render_bind_cast = True

    def get_col_spec(self, **_options: Any) -> str:
        """As the statement calls it."""
        return "INTEGER[]"

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], str]:
        """How the numbers are sent."""
        return lambda ids: f"{{{','.join(map(str, ids))}}}"


def _listed(ids: ColumnElement[Any]) -> Select[Any]:
    return select(func.json_each(ids).table_valued("value").c.value)


def _json_list(ids: Collection[int]) -> str:
    return f"[{','.join(map(str, ids))}]"


def fetch(
    connection: Connection, statement: Executable, given: Mapping[str, Any] | None = None
) -> list[Row]:
    """All rows of a query; `given` are the values of its named parameters."""
    result = connection.execute(statement, given)
    names = tuple(result.keys())
    # A row is a tuple: making the mapping here takes a fifth of what asking it for one takes.
    return [dict(zip(names, row, strict=True)) for row in result.all()]


def rows_by_id(connection: Connection, table: Table, ids: Collection[int]) -> dict[int, Row]:
    """The rows of these ids, by id."""
    if not ids:
        return {}
    if connection.dialect.name == "postgresql":
        found = fetch(connection, _by_array(table), {"ids": ids})
    else:
        found = fetch(connection, _by_list(table), {"ids": _json_list(ids)})
    return {row["id"]: row for row in found}


# Made once per table: to put such a statement together takes as long as to find its rows.
@lru_cache(maxsize=128)
def _by_array(table: Table) -> Executable:
    return select(table).where(table.c.id == any_(bindparam("ids", type_=_Ids())))


@lru_cache(maxsize=128)
def _by_list(table: Table) -> Executable:
    return select(table).where(table.c.id.in_(_listed(bindparam("ids", type_=Text))))


def insert_many(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows; nothing happens for none. Raises `ValueError` for rows of different columns."""
    if rows:
        write_rows(connection, table, rows, kind="insert")


def insert_unless_known(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows; one that a unique constraint already knows is left as it is."""
    if rows:
        write_rows(connection, table, rows, kind="insert unless known")


def insert_returning_ids(connection: Connection, table: Table, rows: Sequence[Row]) -> list[int]:
    """Insert rows and return their ids in the order given."""
    return insert_with_ids(connection, table, rows) if rows else []


def update_many(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Update rows by `id`; raises `ValueError` unless every row names the same columns.

    Of several rows with the same id the last one holds.
    """
    if rows:
        last = {row["id"]: row for row in rows}
        write_rows(connection, table, list(last.values()), kind="set")


def add_many(
    connection: Connection, table: Table, rows: Sequence[Row], *, key: tuple[str, ...]
) -> None:
    """Add whole numbers to columns of the rows with the same `key`; those of one key add up."""
    sums: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in rows:
        known = sums.setdefault(tuple(row[name] for name in key), {})
        for name, value in row.items():
            known[name] = value if name in key else known.get(name, 0) + value
    if sums:
        write_rows(connection, table, list(sums.values()), kind="add", key=key)
