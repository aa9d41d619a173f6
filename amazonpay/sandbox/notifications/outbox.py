"""What waits to be sent, on disk: endpoints, messages and the deliveries between them.

States of a delivery: waiting, then delivered (2xx), refused (any other definite answer: no retry),
lost (retries used up), dropped (by a fault) or abandoned (its endpoint was removed).
"""

import json
import sqlite3
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from amazonpay.sandbox.control_input import Json
from amazonpay.sandbox.store import Store

_STYLE_COLUMN: Final = 8
MOST_ENDPOINTS: Final = 16
"""Each endpoint is served by one task, so this bounds the requests in flight."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where notifications go; `id` is the subscription's part of its ARN."""

    seq: int
    id: str
    url: str
    style: Json
    created_at: int
    confirmed: bool


@dataclass(frozen=True, slots=True)
class Message:
    """One publication. `at` is its virtual instant, None until the sender has dated it.

    `cv1` is 1 when it is about an object that was migrated from CV1.
    """

    seq: int
    at: int | None
    object_type: str | None
    object_id: str | None
    permission_id: str | None
    notification_type: str | None
    type: str
    endpoint: int | None
    style: Json
    message_id: str
    notification_id: str
    cv1: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message on its way to one endpoint; `due_at` is the virtual instant of the next try."""

    seq: int
    message: int
    endpoint: int
    url: str
    state: str
    due_at: int | None
    tries: int
    fault: str | None
    attempts: str

    def is_due(self, now: int) -> bool:
        """Whether it is to be tried at that instant."""
        return self.state == "waiting" and self.due_at is not None and self.due_at <= now


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What is to be published by hand, or by another room that has no state change to show."""

    object_type: str | None = None
    object_id: str | None = None
    permission_id: str | None = None
    notification_type: str | None = None
    type: str = "Notification"
    endpoint: int | None = None


def as_uuid(text: str) -> str:
    """The UUID of thirty-two stored hexadecimal digits."""
    return str(uuid.UUID(hex=text, version=4))


# endpoints
def endpoints(store: Store) -> list[Endpoint]:
    """All endpoints, oldest first."""
    rows = store.connection.execute("SELECT * FROM ipn_endpoints ORDER BY seq")
    return [_endpoint(row) for row in rows]


def endpoint_by(store: Store, column: str, value: str | int) -> Endpoint | None:
    """The endpoint with that `seq`, `id` or `url`."""
    query = f"SELECT * FROM ipn_endpoints WHERE {column} = ?"  # noqa: S608 - our own names
    row = store.connection.execute(query, (value,)).fetchone()
    return None if row is None else _endpoint(row)


def _endpoint(row: sqlite3.Row) -> Endpoint:
    return Endpoint(row[0], row[1], row[2], json.loads(row[3]), row[4], bool(row[5]))


def put_endpoint(store: Store, url: str, *, style: Json, now: int) -> Endpoint:
    """Adds an endpoint, or gives the one of that URL another style."""
    row = store.connection.execute(
        "INSERT INTO ipn_endpoints (id, url, style, created_at) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (url) DO UPDATE SET style = excluded.style RETURNING *",
        (str(uuid.uuid4()), url, json.dumps(style), now),
    ).fetchone()
    return _endpoint(row)


def mark_confirmed(store: Store, endpoint: Endpoint) -> None:
    """Notes that the endpoint's subscription was confirmed."""
    store.connection.execute(
        "UPDATE ipn_endpoints SET confirmed = 1 WHERE seq = ?", (endpoint.seq,)
    )


def remove_endpoint(store: Store, endpoint: Endpoint) -> None:
    """Removes an endpoint; what waited for it is abandoned."""
    store.connection.execute(
        "UPDATE ipn_deliveries SET state = 'abandoned', due_at = NULL "
        "WHERE endpoint = ? AND state = 'waiting'",
        (endpoint.seq,),
    )
    store.connection.execute("DELETE FROM ipn_endpoints WHERE seq = ?", (endpoint.seq,))


# messages
def publish(store: Store, notice: Notice, *, style: Json, now: int) -> Message:
    """Publishes a message; every endpoint, or the one it names, gets a delivery at once."""
    cursor = store.connection.execute(
        "INSERT INTO ipn_messages (at, object_type, object_id, permission_id, "
        "notification_type, type, endpoint, style, cv1) VALUES (?, ?, ?, ?, ?, ?, ?, ?, "
        "coalesce((SELECT json_extract(details, '$.migrated') FROM permissions WHERE id = ?), 0))",
        (
            *(now, notice.object_type, notice.object_id, notice.permission_id),
            *(notice.notification_type, notice.type, notice.endpoint, json.dumps(style)),
            notice.object_id,
        ),
    )
    return message(store, cursor.lastrowid or 0)


def message(store: Store, seq: int) -> Message:
    """A message that exists."""
    row = store.connection.execute("SELECT * FROM ipn_messages WHERE seq = ?", (seq,)).fetchone()
    return as_message(row)


def as_message(row: sqlite3.Row) -> Message:
    """The message of a row."""
    columns = list(row)
    columns[_STYLE_COLUMN] = json.loads(columns[_STYLE_COLUMN])
    return Message(*columns)


def date_messages(store: Store, *, now: int) -> None:
    """Gives messages that have no instant yet the present one."""
    store.connection.execute("UPDATE ipn_messages SET at = ? WHERE at IS NULL", (now,))


# deliveries
def next_due(store: Store, endpoint: int, *, now: int) -> Delivery | None:
    """The delivery to an endpoint that has been due for longest."""
    row = store.connection.execute(
        "SELECT * FROM ipn_deliveries WHERE endpoint = ? AND state = 'waiting' AND due_at <= ? "
        "ORDER BY due_at, seq LIMIT 1",
        (endpoint, now),
    ).fetchone()
    return None if row is None else Delivery(*row)


def soonest(store: Store, *, besides: Collection[int] = ()) -> int | None:
    """The instant at which something is due next at other endpoints, None when nothing waits."""
    rows = store.connection.execute(
        "SELECT seq, (SELECT due_at FROM ipn_deliveries WHERE endpoint = ipn_endpoints.seq "
        "AND state = 'waiting' AND due_at IS NOT NULL ORDER BY due_at LIMIT 1) "
        "FROM ipn_endpoints"
    )
    return min((due for seq, due in rows if due is not None and seq not in besides), default=None)


def count_waiting(store: Store) -> int:
    """How many deliveries wait, due or not."""
    row = store.connection.execute(
        "SELECT count(*) FROM ipn_deliveries WHERE state = 'waiting'"
    ).fetchone()
    return int(row[0])


def save(store: Store, row: Delivery) -> None:
    """Writes back what can change; nothing happens when a reset took the delivery away."""
    store.connection.execute(
        "UPDATE ipn_deliveries SET state = ?, due_at = ?, tries = ?, fault = ?, attempts = ? "
        "WHERE seq = ? AND state = 'waiting'",
        (row.state, row.due_at, row.tries, row.fault, row.attempts, row.seq),
    )


def is_holding(store: Store, endpoint: int) -> bool:
    """Whether a delivery to this endpoint is held back until the next one was sent."""
    return _held(store, endpoint, before=1 << 62) is not None


def release_held(store: Store, endpoint: int, *, before: int) -> None:
    """What was held back before a delivery is due as it was, since that one was sent."""
    held = _held(store, endpoint, before=before)
    if held is not None:
        store.connection.execute(
            "UPDATE ipn_deliveries SET due_at = "
            "(SELECT at FROM ipn_messages WHERE seq = ipn_deliveries.message) WHERE seq = ?",
            (held,),
        )


def _held(store: Store, endpoint: int, *, before: int) -> int | None:
    row = store.connection.execute(
        "SELECT seq FROM ipn_deliveries WHERE endpoint = ? AND state = 'waiting' "
        "AND fault = 'reorder' AND tries = 0 AND seq < ? LIMIT 1",
        (endpoint, before),
    ).fetchone()
    return None if row is None else int(row[0])
