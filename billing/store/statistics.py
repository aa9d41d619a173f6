"""Tells SQLite what an index of the merchant finds: very many rows.

Without figures it takes `merchant_id = ?` for as good as any other condition and reads all rows of
the merchant to find one. Its own ANALYZE reads all of the books, or a first thousand entries of an
index, which are those without a value; what it would learn is known beforehand.
"""

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, Engine

__all__ = ["refresh_statistics"]

OWNER = "merchant_id"
# Far more than anything else finds, and not so many that a range within them seems to be all.
OWNED = 1_000
# Of a time or a word: fewer rows than of a merchant, more than of an id.
ALIKE = 10
# Partial indexes hold what is open, a small share.
PARTIAL_SHARE = 50


def refresh_statistics(engine: Engine) -> None:
    """Write down how many rows the tables have; PostgreSQL counts by itself.

    Costs one look at the end of each table. Takes the place of every figure that was there.
    """
    if engine.dialect.name != "sqlite":
        return
    with engine.connect() as connection:
        connection.exec_driver_sql("ANALYZE sqlite_schema")
        # Makes the table of figures where there is none; merchants are few.
        connection.exec_driver_sql("ANALYZE merchant")
        connection.exec_driver_sql("DELETE FROM sqlite_stat1")
        figures = [
            figure for table in _tables(connection) for figure in _figures(connection, table)
        ]
        for figure in figures:
            connection.exec_driver_sql("INSERT INTO sqlite_stat1 VALUES (?, ?, ?)", figure)
        connection.exec_driver_sql("ANALYZE sqlite_schema")
        connection.commit()
    # A connection reads the figures when it is opened.
    engine.dispose()


def _tables(connection: Connection) -> list[str]:
    named = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    return list(connection.exec_driver_sql(named).scalars())


def _figures(connection: Connection, table: str) -> Iterator[tuple[str, str, str]]:
    listed = connection.exec_driver_sql(
        'SELECT name, "unique", partial FROM pragma_index_list(?)', (table,)
    ).all()
    owned = [
        (index, is_unique, is_partial, columns)
        for index, is_unique, is_partial in listed
        if (columns := _columns(connection, index))[:1] == [OWNER]
    ]
    if not owned:
        return
    rows = connection.exec_driver_sql(f'SELECT max(rowid) FROM "{table}"').scalar() or 0  # noqa: S608 - a table of ours
    for index, is_unique, is_partial, columns in owned:
        held = max(1, rows // PARTIAL_SHARE if is_partial else rows)
        later = [ALIKE] * (len(columns) - 1)
        if is_unique or columns[-1:] == ["id"]:
            later[-1:] = [1]
        if "id" in columns:
            place = columns.index("id")
            later[place - 1 :] = [1] * (len(columns) - place)
        yield table, index, _text(held, (OWNED // PARTIAL_SHARE if is_partial else OWNED, *later))


def _text(rows: int, found: Sequence[int]) -> str:
    """How many rows there are, and how many share their first value, their first two, and so on."""
    return " ".join(str(min(rows, each)) for each in (rows, *found))


def _columns(connection: Connection, index: str) -> list[str | None]:
    named = "SELECT name FROM pragma_index_info(?) ORDER BY seqno"
    return list(connection.exec_driver_sql(named, (index,)).scalars())
