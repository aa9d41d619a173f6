"""`autopay environment` and `autopay database`: where the books belong, and who may what."""

from collections.abc import Sequence
from datetime import datetime
from uuid import uuid4

from sqlalchemy import Connection

from app.context import Books, opened_books, opened_database, where_we_are
from app.grants import apply_grants, grant_statements
from app.output import say, write_json, write_table
from app.problems import Refused
from app.settings import load_settings
from billing import reading, writing
from billing.restore import begin_restoration
from billing.store.environment import (
    Difference,
    Here,
    Mark,
    confirm_environment,
    differences,
    load_mark,
    mark_environment,
    pin_environment,
)
from scheduler import SystemClock


def show(*, as_json: bool) -> None:
    """Mark and place; raises `Refused` (exit 1) when they differ."""
    settings = load_settings()
    with opened_database(settings) as database:
        found = where_we_are(settings, database)
        with reading(database) as connection:
            mark = load_mark(connection)
            told: Sequence[Difference] = ()
            if mark is not None:
                told = differences(connection, mark, found, merchant_id=settings.merchant)
    if as_json:
        write_json(
            {
                "mark": _mark_json(mark),
                "here": _here_json(found),
                "differences": [str(one) for one in told],
            }
        )
    else:
        _table(mark, found)
    if told:
        raise Refused("these books belong elsewhere: " + "; ".join(str(one) for one in told))


def confirm(*, by: str, reason: str, moved: bool, at: datetime | None, as_json: bool) -> None:
    """The books belong here from now on; unless moved, they are compared with Amazon first."""
    at = at or SystemClock().now()
    with opened_books(load_settings()) as books:
        found = where_we_are(books.settings, books.database)
        _confirm(books, found, by=by, reason=reason, moved=moved, at=at)
        with reading(books.database) as connection:
            mark = load_mark(connection)
    if as_json:
        write_json({"mark": _mark_json(mark), "reconcile_only": not moved, "at": at.isoformat()})
        return
    say("The books belong here from now on.")
    if not moved:
        say("Nothing new is charged until they are compared: autopay restore reconcile")


def grants(*, role: str, apply: bool) -> None:
    """Print the statements, or run them all in one transaction; raises `Refused` on SQLite."""
    with opened_database(load_settings()) as database:
        if apply:
            done = writing(database, lambda connection: apply_grants(connection, role))
            say(f"{role}: {done} statements; the books can be added to and not changed")
            return
        with reading(database) as connection:
            for statement in grant_statements(connection, role):
                say(f"{statement};")


def _confirm(books: Books, found: Here, *, by: str, reason: str, moved: bool, at: datetime) -> None:
    if not by.strip() or not reason.strip():
        raise Refused("--by and --reason must say who confirms this and why")

    def work(connection: Connection) -> None:
        mark_environment(connection, name=found.name, uid=uuid4().hex, at=at, by=by)
        pin_environment(connection, found, merchant_id=books.merchant.id, at=at, by=by)
        confirm_environment(connection, found, by=by, reason=reason, at=at)
        if not moved:
            begin_restoration(connection, by=by, reason=reason, at=at)

    writing(books.database, work)


def _mark_json(mark: Mark | None) -> dict[str, str | None] | None:
    if mark is None:
        return None
    return {
        "uid": mark.uid,
        "name": mark.name,
        "amazon_host": mark.amazon_host,
        "place": mark.place,
        "place_id": mark.place_id,
    }


def _here_json(found: Here) -> dict[str, str | None]:
    return {
        "name": found.name,
        "amazon_host": found.amazon_host,
        "place": found.place,
        "place_id": found.place_id,
    }


def _table(mark: Mark | None, found: Here) -> None:
    said = _mark_json(mark) or {}
    here = _here_json(found)
    rows = [(name.replace("_", " "), said.get(name), value) for name, value in here.items()]
    write_table(("What", "The books say", "Found here"), rows, title="Environment")
