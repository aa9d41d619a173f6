"""Reads and writes of sessions, buyers, buyer tokens and tracking numbers."""

import json
from dataclasses import asdict, fields, replace
from typing import Final

from amazonpay.sandbox.checkout.rows import Address, Buyer, Instrument, Session
from amazonpay.sandbox.checkout.wallet import TEST_BUYERS
from amazonpay.sandbox.refusals import not_found
from amazonpay.sandbox.rows import Permission
from amazonpay.sandbox.world import World

_DOCUMENTS: Final = ("recurring", "payment", "metadata", "web", "extras")
_COLUMNS: Final = tuple(column.name for column in fields(Session))
# The names are the dataclass's own: nothing from outside reaches these texts.
_INSERT: Final = f"INSERT INTO checkout_sessions VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608 - our own names
_UPDATE: Final = (
    f"UPDATE checkout_sessions SET {', '.join(f'{name} = ?' for name in _COLUMNS[2:])} "  # noqa: S608 - our own names
    "WHERE id = ?"
)


def from_row(row: tuple[object, ...]) -> Session:
    """The session of a table row."""
    values = dict(zip(_COLUMNS, row, strict=True))
    for name in _DOCUMENTS:
        text = values[name]
        values[name] = json.loads(text) if isinstance(text, str) else None
    return Session(**values)  # type: ignore[arg-type]  # SQLite columns are the fields


def _to_row(session: Session) -> list[object]:
    return [
        value if name not in _DOCUMENTS or value is None else json.dumps(value, ensure_ascii=False)
        for name in _COLUMNS
        for value in (getattr(session, name),)
    ]


def find(world: World, session_id: str) -> Session | None:
    """The session of that id."""
    row = world.store.connection.execute(
        "SELECT * FROM checkout_sessions WHERE id = ?", (session_id,)
    ).fetchone()
    return None if row is None else from_row(row)


def session(world: World, session_id: str) -> Session:
    """The session of that id, or 404."""
    found = find(world, session_id)
    if found is None:
        raise not_found(session_id)
    return found


def add(world: World, session: Session) -> Session:
    """Stores a new session, which gets its number here."""
    cursor = world.store.connection.execute(_INSERT, [None, *_to_row(session)[1:]])
    world.store.expect(session.due_at)
    return replace(session, seq=cursor.lastrowid or 0)


def save(world: World, session: Session) -> Session:
    """Writes a session back."""
    world.store.connection.execute(_UPDATE, [*_to_row(session)[2:], session.id])
    world.store.expect(session.due_at)
    return session


def scripted(world: World, session: Session, outcome: str) -> Session:
    """Says how the coming Complete is to end."""
    return save(world, replace(session, outcome=outcome))


def sessions_after(world: World, seq: int, limit: int) -> list[Session]:
    """Sessions in the order in which they were made."""
    rows = world.store.connection.execute(
        "SELECT * FROM checkout_sessions WHERE seq > ? ORDER BY seq LIMIT ?", (seq, limit)
    )
    return [from_row(row) for row in rows]


def forget(world: World, session: Session) -> None:
    """Deletes a session: from now on it is 404."""
    world.store.connection.execute("DELETE FROM checkout_sessions WHERE id = ?", (session.id,))


def soonest(world: World) -> int | None:
    """When the next session expires or is forgotten."""
    (at,) = world.store.connection.execute("SELECT min(due_at) FROM checkout_sessions").fetchone()
    return None if at is None else int(at)


def due(world: World) -> Session | None:
    """The session whose timer fires next."""
    row = world.store.connection.execute(
        "SELECT * FROM checkout_sessions ORDER BY due_at LIMIT 1"
    ).fetchone()
    return None if row is None else from_row(row)


def buyers(world: World) -> list[Buyer]:
    """The test buyers as they are now, then those made later."""
    rows = world.store.connection.execute("SELECT document FROM buyers ORDER BY seq")
    stored = {buyer.buyer_id: buyer for buyer in (_buyer(row[0]) for row in rows)}
    return list((TEST_BUYERS | stored).values())


def find_buyer(world: World, buyer_id: str) -> Buyer | None:
    """The buyer of that id."""
    row = world.store.connection.execute(
        "SELECT document FROM buyers WHERE id = ?", (buyer_id,)
    ).fetchone()
    return TEST_BUYERS.get(buyer_id) if row is None else _buyer(row[0])


def save_buyer(world: World, buyer: Buyer) -> Buyer:
    """Stores a buyer, new or changed."""
    world.store.connection.execute(
        "INSERT INTO buyers (id, email, document) VALUES (?, ?, ?) "
        "ON CONFLICT (id) DO UPDATE SET email = excluded.email, document = excluded.document",
        (buyer.buyer_id, buyer.email, json.dumps(asdict(buyer), ensure_ascii=False)),
    )
    return buyer


def _buyer(document: str) -> Buyer:
    value = json.loads(document)
    value["instruments"] = tuple(Instrument(**card) for card in value["instruments"])
    value["addresses"] = tuple(Address(**entry) for entry in value["addresses"])
    return Buyer(**value)


def add_token(
    world: World, token: str, buyer_id: str, scopes: tuple[str, ...], expires_at: int
) -> None:
    """Stores a buyer token."""
    world.store.connection.execute(
        "INSERT INTO buyer_tokens VALUES (?, ?, ?, ?)",
        (token, buyer_id, json.dumps(scopes), expires_at),
    )


def token(world: World, value: str, now: int) -> tuple[str, tuple[str, ...]] | None:
    """Buyer id and scopes of a token that is still valid."""
    row = world.store.connection.execute(
        "SELECT buyer_id, scopes FROM buyer_tokens WHERE token = ? AND expires_at > ?", (value, now)
    ).fetchone()
    return None if row is None else (str(row[0]), tuple(json.loads(row[1])))


def use_up_token(world: World, value: str) -> None:
    """Makes a token worthless."""
    world.store.connection.execute("DELETE FROM buyer_tokens WHERE token = ?", (value,))


def permissions_of(world: World, buyer_id: str) -> list[Permission]:
    """Every Charge Permission of a buyer, newest first."""
    rows = world.store.connection.execute(
        "SELECT * FROM permissions WHERE buyer_id = ? ORDER BY seq DESC", (buyer_id,)
    )
    return [Permission(*row) for row in rows]


def is_tracked(world: World, number: str) -> bool:
    """Whether a tracking number was used before."""
    found = world.store.connection.execute(
        "SELECT 1 FROM delivery_trackers WHERE tracking_number = ?", (number,)
    )
    return found.fetchone() is not None


def add_tracker(world: World, number: str, carrier: str, permission_id: str) -> None:
    """Takes a tracking number."""
    world.store.connection.execute(
        "INSERT INTO delivery_trackers VALUES (?, ?, ?)", (number, carrier, permission_id)
    )
