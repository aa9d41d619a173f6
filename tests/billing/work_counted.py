"""Counts what databases read and are asked; the clock of a busy machine would say nothing."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event


@contextmanager
def reads_counted(database: Engine, *, table: str | None = None) -> Iterator[list[int]]:
    """Counts work: steps of SQLite's machine, rows that PostgreSQL's plans read.

    With `table` PostgreSQL's count is of that table alone; a small one is rightly read whole.
    """
    count = [0]
    if database.dialect.name == "postgresql":
        listened = ("before_cursor_execute", _explained(count, table))
        event.listen(database, *listened)
    else:
        listened = ("connect", _stepped(count))
        event.listen(database, *listened)
        database.dispose()
    try:
        yield count
    finally:
        event.remove(database, *listened)


def _stepped(count: list[int]) -> Any:
    def step() -> int:
        count[0] += 1
        return 0

    return lambda connection, _record: connection.set_progress_handler(step, 10)


def _explained(count: list[int], table: str | None) -> Any:
    def explain(_c: Any, cursor: Any, text: str, given: Any, _x: Any, many: bool) -> None:
        if many or not text.lstrip().startswith("SELECT"):
            return
        beside = cursor.connection.cursor()
        beside.execute(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {text}", given)
        plan = beside.fetchone()[0]
        top = (json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]
        count[0] += _rows_read(top, table)

    return explain


def _rows_read(node: dict[str, Any], table: str | None) -> int:
    below = sum(_rows_read(each, table) for each in node.get("Plans", ()))
    if "Scan" not in node["Node Type"] or table not in (None, node.get("Relation Name")):
        return below
    left_out = node.get("Rows Removed by Filter", 0)
    return below + int((node["Actual Rows"] + left_out) * node["Actual Loops"])


@contextmanager
def statements_counted(database: Engine) -> Iterator[list[str]]:
    """The statements that are sent, in order."""
    seen: list[str] = []

    def note(_c: Any, _cursor: Any, text: str, _given: Any, _x: Any, _many: bool) -> None:
        seen.append(text)

    event.listen(database, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(database, "before_cursor_execute", note)
