"""The statements that write many rows at once: one per call on PostgreSQL, prepared on SQLite.

Where each renewal writes two dozen rows, binding their values one by one costs more than storing
them. PostgreSQL gets all rows as one JSON text; SQLite's driver gets plain tuples.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import Any, Literal

from sqlalchemy import (
    JSON,
    Column,
    Connection,
    Date,
    DateTime,
    Dialect,
    Executable,
    LargeBinary,
    Table,
    Text,
    TypeDecorator,
    bindparam,
    cast,
    column,
    func,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import psycopg
from sqlalchemy.dialects.sqlite import pysqlite

Kind = Literal["insert", "insert unless known", "set", "add"]
Encoder = Callable[[Any], Any]

POSTGRESQL: Dialect = psycopg.dialect()  # type: ignore[no-untyped-call] # SQLAlchemy's own gap
SQLITE: Dialect = pysqlite.dialect()


@dataclass(frozen=True, slots=True)
class _Write:
    """A statement, and how the values of some columns are written for it.

    `text` and `names` are SQLite's: the statement as its driver gets it, and the columns of its
    question marks, in order.
    """

    statement: Executable
    encoders: tuple[tuple[str, Encoder], ...]
    text: str = ""
    names: tuple[str, ...] = ()

    def as_json(self, rows: Sequence[Mapping[str, Any]]) -> str:
        """The rows as one text."""
        return json.dumps(self._encoded(rows), separators=(",", ":"), allow_nan=False)

    def as_tuples(self, rows: Sequence[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
        """The rows as the driver of SQLite takes them."""
        if len(self.names) == 1:
            return [(row[self.names[0]],) for row in self._encoded(rows)]
        return list(map(itemgetter(*self.names), self._encoded(rows)))

    def _encoded(self, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        encoded = [dict(row) for row in rows]
        for name, encode in self.encoders:
            for row in encoded:
                if row[name] is not None:
                    row[name] = encode(row[name])
        return encoded


def write_rows(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    *,
    kind: Kind,
    key: tuple[str, ...] = ("id",),
) -> None:
    """Write rows that all name the same columns; raises `ValueError` when they do not.

    `set` puts the values into the rows of the same key, `add` adds them to what is there; both
    want a key only once.
    """
    names = _names(table, rows)
    if connection.dialect.name == "postgresql":
        write = _postgres_write(table, names, kind, key)
        connection.execute(write.statement, {"given": write.as_json(rows)})
    else:
        write = _sqlite_write(table, names, kind, key)
        connection.exec_driver_sql(write.text, write.as_tuples(rows))


def insert_with_ids(
    connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]
) -> list[int]:
    """Insert rows and return their ids, in the order given."""
    if connection.dialect.name == "postgresql":
        write = _postgres_write(table, _names(table, rows), "insert", ("id",))
        returning = _returning(table, write.statement)
        # Numbers are drawn in the order in which the rows are read from the text.
        return sorted(connection.execute(returning, {"given": write.as_json(rows)}).scalars())
    # Nobody else writes before this transaction ends, so the next numbers are ours to give.
    last = connection.execute(_highest_id(table)).scalar() or 0
    ids = list(range(last + 1, last + 1 + len(rows)))
    numbered = [{**row, "id": number} for row, number in zip(rows, ids, strict=True)]
    write_rows(connection, table, numbered, kind="insert")
    return ids


def _names(table: Table, rows: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    first = rows[0].keys()
    if any(row.keys() != first for row in rows):
        # A column that only a later row names would be left out without a word.
        raise ValueError(f"rows of {table.name}: every row must name the same columns")
    return tuple(first)


@lru_cache(maxsize=256)
def _highest_id(table: Table) -> Executable:
    return select(func.max(table.c.id))


@lru_cache(maxsize=256)
def _returning(table: Table, statement: Any) -> Executable:
    returning: Executable = statement.returning(table.c.id)
    return returning


@lru_cache(maxsize=512)
def _postgres_write(
    table: Table, names: tuple[str, ...], kind: Kind, key: tuple[str, ...]
) -> _Write:
    given = (
        func.json_to_recordset(cast(bindparam("given", type_=Text), JSON))
        .table_valued(*(column(name, table.c[name].type) for name in names))
        .render_derived(name="given", with_types=True)
    )
    if kind in ("insert", "insert unless known"):
        fresh = postgresql.insert(table).from_select(
            names, select(*(given.c[name] for name in names)), include_defaults=False
        )
        statement: Any = fresh if kind == "insert" else fresh.on_conflict_do_nothing()
    else:
        same = [table.c[name] == given.c[name] for name in key]
        values = _new_values(table, {name: given.c[name] for name in names}, kind, key)
        statement = update(table).where(*same).values(values)
    return _Write(statement, _needed((name, _json_encoder(table.c[name])) for name in names))


@lru_cache(maxsize=512)
def _sqlite_write(table: Table, names: tuple[str, ...], kind: Kind, key: tuple[str, ...]) -> _Write:
    # A prefix keeps the columns' own names free: a parameter may not be called like one.
    given = {name: bindparam(f"given_{name}", type_=table.c[name].type) for name in names}
    if kind in ("insert", "insert unless known"):
        fresh = sqlite.insert(table).values(given)
        statement: Any = fresh if kind == "insert" else fresh.on_conflict_do_nothing()
    else:
        same = [table.c[name] == given[name] for name in key]
        statement = update(table).where(*same).values(_new_values(table, given, kind, key))
    compiled = statement.compile(dialect=SQLITE)
    order = tuple(name.removeprefix("given_") for name in compiled.positiontup or ())
    types = {name: table.c[name].type.dialect_impl(SQLITE) for name in order}
    encoders = _needed((name, types[name].bind_processor(SQLITE)) for name in order)
    return _Write(statement, encoders, str(compiled), order)


def _needed(encoders: Iterable[tuple[str, Encoder | None]]) -> tuple[tuple[str, Encoder], ...]:
    return tuple((name, encode) for name, encode in encoders if encode is not None)


def _new_values(
    table: Table, given: Mapping[str, Any], kind: Kind, key: tuple[str, ...]
) -> dict[str, Any]:
    changed = {name: value for name, value in given.items() if name not in key}
    if kind == "add":
        return {name: table.c[name] + value for name, value in changed.items()}
    return changed


def _json_encoder(of: Column[Any]) -> Encoder | None:
    """How a value is written in JSON; None where JSON has a word of its own for it."""
    kind = of.type
    if isinstance(kind, TypeDecorator) and isinstance(kind.impl_instance, DateTime):
        # The type itself refuses an instant without a time zone.
        return lambda value: kind.process_bind_param(value, POSTGRESQL).isoformat()
    if isinstance(kind, Date):
        return lambda value: value.isoformat()
    if isinstance(kind, LargeBinary):
        return lambda value: f"\\x{value.hex()}"
    return None
