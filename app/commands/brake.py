"""`autopay brake`: stop new charges, look, and let them go on."""

from app.context import opened_books
from app.output import say, write_json
from app.settings import load_settings
from billing import (
    Brake,
    load_brake,
    pull_brake,
    pull_global_brake,
    reading,
    release_brake,
    release_global_brake,
    writing,
)
from scheduler import SystemClock


def show(*, as_json: bool) -> None:
    """Say whether anything stops this merchant: its own brake, that of all, or a restoration."""
    with opened_books(load_settings()) as books, reading(books.database) as connection:
        _tell(load_brake(connection, books.merchant.id), as_json=as_json)


def pull(*, reason: str, by: str, everything: bool, as_json: bool) -> None:
    """Stop new charges and refunds, of one merchant or of all; BadInput without a reason."""
    with opened_books(load_settings()) as books:
        at = SystemClock().now()
        if everything:
            brake = writing(
                books.database, lambda c: pull_global_brake(c, by=by, reason=reason, at=at)
            )
        else:
            brake = writing(
                books.database, lambda c: pull_brake(c, books.merchant, by=by, reason=reason, at=at)
            )
    _tell(brake, as_json=as_json)


def release(*, reason: str, by: str, everything: bool, as_json: bool) -> None:
    """Let charging go on; raises BadInput without a reason. Another brake may still hold."""
    with opened_books(load_settings()) as books:
        at = SystemClock().now()
        if everything:
            writing(books.database, lambda c: release_global_brake(c, by=by, reason=reason, at=at))
        else:
            writing(
                books.database,
                lambda c: release_brake(c, books.merchant, by=by, reason=reason, at=at),
            )
        with reading(books.database) as connection:
            _tell(load_brake(connection, books.merchant.id), as_json=as_json)


def _tell(brake: Brake, *, as_json: bool) -> None:
    if as_json:
        pulled_at = None if brake.pulled_at is None else brake.pulled_at.isoformat()
        write_json(
            {
                "pulled": brake.is_pulled,
                "pulled_at": pulled_at,
                "pulled_by": brake.pulled_by,
                "reason": brake.reason,
                "scope": str(brake.scope),
            }
        )
        return
    if brake.is_pulled:
        say(brake.words[0].upper() + brake.words[1:])
    else:
        say("The brake is released: charging goes on.")
