"""Which environment a database belongs to; a copy that is started elsewhere must not send.

The mark is written by `autopay migrate` and pinned by the first run that sends: the name of the
installation, the host that Amazon is reached at, the host and the identity of the database itself,
and the Amazon account of each merchant. A dump, a template copy or a copied file carries the mark
along and has another identity, so it shows itself before the first call.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, insert, make_url, select, text, update
from sqlalchemy.exc import DBAPIError

from billing.store.events import write_audit_event
from billing.store.rows import Row, fetch, insert_unless_known, table_of
from billing.tables import EnvironmentAccountRow, EnvironmentMarkRow, MerchantRow

__all__ = [
    "Difference",
    "Here",
    "Mark",
    "NotThisEnvironment",
    "confirm_environment",
    "differences",
    "here",
    "is_pinned",
    "load_mark",
    "mark_environment",
    "pin_environment",
    "refusal",
]

_marks = table_of(EnvironmentMarkRow)
_accounts = table_of(EnvironmentAccountRow)
_merchants = table_of(MerchantRow)

LOCAL = "local"
LOOPBACK = frozenset({"", "localhost", "127.0.0.1", "::1", "[::1]"})

# The cluster's own number and the database's number in it: neither a dump nor a template copy has
# the same two.
_IDENTITY = """SELECT (SELECT system_identifier FROM pg_control_system()) || '/' ||
(SELECT oid FROM pg_database WHERE datname = current_database())"""


class NotThisEnvironment(Exception):
    """The database belongs elsewhere; nothing was sent. The message names what differs."""


@dataclass(frozen=True, slots=True)
class Here:
    """Where a program runs: what its settings and its database say about themselves."""

    name: str
    amazon_host: str
    place: str
    place_id: str | None


@dataclass(frozen=True, slots=True)
class Mark:
    """What the database says it belongs to; the places are None until it sends."""

    uid: str
    name: str
    amazon_host: str | None
    place: str | None
    place_id: str | None

    @property
    def is_pinned(self) -> bool:
        """It has been sent from: copies of it could repeat that."""
        return self.place is not None


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as the mark says; `marked` None means that nothing was noted."""

    what: str
    marked: str | None
    found: str | None

    def __str__(self) -> str:
        return f"{self.what} is {self.found or 'unknown'}, the database says {self.marked}"


def here(database: Engine, *, name: str, amazon_host: str | None) -> Here:
    """Look at where we are; asks the database for its identity, and nobody else for anything."""
    url = make_url(str(database.url))
    if url.get_backend_name() == "sqlite":
        return Here(name, _host(amazon_host), "sqlite", _file_identity(url.database))
    return Here(name, _host(amazon_host), _host(url.host), _database_identity(database))


def mark_environment(connection: Connection, *, name: str, uid: str, at: datetime, by: str) -> None:
    """Give a database without a mark its own; `uid` must be unlike any other. Idempotent."""
    row = {"id": 1, "uid": uid, "name": name, "marked_at": at, "marked_by": by}
    insert_unless_known(connection, _marks, [row])


def load_mark(connection: Connection) -> Mark | None:
    """The mark of the database; None for one that was never marked."""
    columns = (_marks.c.uid, _marks.c.name, _marks.c.amazon_host, _marks.c.place, _marks.c.place_id)
    rows = fetch(connection, select(*columns))
    return Mark(**rows[0]) if rows else None


def differences(
    connection: Connection, mark: Mark, found: Here, *, merchant_id: str
) -> tuple[Difference, ...]:
    """What differs between the mark and here, for one merchant; nothing before it is pinned.

    A key that was replaced in its own place is a rotation and no difference; anywhere else it is
    named with the rest.
    """
    if not mark.is_pinned:
        return ()
    account = _account(connection, merchant_id)
    pairs: list[tuple[str, str | None, str | None]] = [
        ("the environment's name (AUTOPAY_ENVIRONMENT_NAME)", mark.name, found.name),
        ("the host of Amazon (AUTOPAY_AMAZON_URL)", mark.amazon_host, found.amazon_host),
        ("the host of the database", mark.place, found.place),
    ]
    if mark.place_id is not None and found.place_id is not None:
        pairs.append(("the identity of the database", mark.place_id, found.place_id))
    if account is None:
        return _differing(pairs)
    merchant = _merchant(connection, merchant_id)
    if account["seller_id"]:
        pairs.append(("the Amazon account", account["seller_id"], merchant["seller_id"]))
    if not _differing(pairs):
        return ()
    keys = (account["key_fingerprint"], merchant["key_fingerprint"])
    return _differing([*pairs, ("the fingerprint of the key", *keys)])


def _differing(pairs: Sequence[tuple[str, str | None, str | None]]) -> tuple[Difference, ...]:
    return tuple(Difference(*pair) for pair in pairs if pair[1] != pair[2])


def refusal(found: Sequence[Difference]) -> str:
    """What a person reads who started a copy: what differs, and the commands that go on."""
    return (
        "these books belong to another environment, nothing was sent: "
        + "; ".join(str(one) for one in found)
        + ". If this is a copy for tests, give it keys of its own and an empty database; if the "
        "books were moved here or restored from a backup, say so: autopay environment confirm "
        "--by NAME --reason TEXT"
    )


def is_pinned(connection: Connection, mark: Mark, *, merchant_id: str) -> bool:
    """True when place and account are noted as they are now, so that nothing is left to write."""
    merchant = _merchant(connection, merchant_id)
    return mark.is_pinned and _account(connection, merchant_id) == merchant


def pin_environment(
    connection: Connection, found: Here, *, merchant_id: str, at: datetime, by: str
) -> None:
    """Note where the database sends from, and the merchant's account; what is noted stays."""
    unpinned = update(_marks).where(_marks.c.place.is_(None))
    connection.execute(unpinned.values(_values(found)))
    account = _account(connection, merchant_id)
    merchant = _merchant(connection, merchant_id)
    if account is None:
        insert_unless_known(connection, _accounts, [merchant])
        return
    if account == merchant:
        return
    _set_account(connection, merchant)
    _note(connection, "keys_changed", by, "the keys of the merchant were replaced", at, merchant_id)


def confirm_environment(
    connection: Connection, found: Here, *, by: str, reason: str, at: datetime
) -> None:
    """A person says that the database belongs here from now on, with the keys it has now."""
    connection.execute(update(_marks).values(_values(found) | {"marked_at": at, "marked_by": by}))
    known = select(_accounts.c.merchant_id)
    for merchant_id in connection.execute(known).scalars().all():
        _set_account(connection, _merchant(connection, merchant_id))
    _note(connection, "environment_confirmed", by, reason, at, None)


def _values(found: Here) -> dict[str, str | None]:
    return {
        "name": found.name,
        "amazon_host": found.amazon_host,
        "place": found.place,
        "place_id": found.place_id,
    }


def _account(connection: Connection, merchant_id: str) -> Row | None:
    rows = fetch(connection, select(_accounts).where(_accounts.c.merchant_id == merchant_id))
    return rows[0] if rows else None


def _merchant(connection: Connection, merchant_id: str) -> dict[str, str | None]:
    """The account of a merchant as its keys say now, as a row of `environment_account`."""
    columns = (_merchants.c.environment, _merchants.c.seller_id, _merchants.c.key_fingerprint)
    statement = select(_merchants.c.id.label("merchant_id"), *columns)
    return dict(fetch(connection, statement.where(_merchants.c.id == merchant_id))[0])


def _set_account(connection: Connection, row: dict[str, str | None]) -> None:
    mine = _accounts.c.merchant_id == row["merchant_id"]
    if connection.execute(update(_accounts).where(mine).values(row)).rowcount == 0:
        connection.execute(insert(_accounts).values(row))


def _note(
    connection: Connection, kind: str, by: str, reason: str, at: datetime, merchant_id: str | None
) -> None:
    write_audit_event(
        connection, kind=kind, actor=by, reason=reason, at=at, merchant_id=merchant_id
    )


def _host(host: str | None) -> str:
    """Sockets and loopback are one class: every port of this machine, whatever it is called."""
    known = (host or "").lower()
    return LOCAL if known in LOOPBACK or known.startswith("/") else known


def _file_identity(file: str | None) -> str | None:
    """The file itself, not its path: a folder may be mounted elsewhere, a copy is another file."""
    try:
        return None if file is None else str(os.stat(file).st_ino)
    except OSError:
        return None


def _database_identity(database: Engine) -> str | None:
    """None where the server does not tell; host and name are compared all the same."""
    try:
        with database.connect() as connection:
            return str(connection.execute(text(_IDENTITY)).scalar_one())
    except DBAPIError:
        return None
