"""The inbox for people: what came, what became of it, and looking again."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select, update

from billing.notifications.keeping import OPEN, READABLE
from billing.store.rows import fetch, is_word, table_of
from billing.tables import NotificationRow
from plans import BadInput

notifications = table_of(NotificationRow)

_COLUMNS = (
    *("message_id", "kind", "topic_arn", "object_type", "object_id", "permission_amazon_id"),
    *("notification_type", "notification_id", "sent_at", "received_at", "state", "look_at"),
    *("tries", "handled_at", "result", "message"),
)


class UnknownNotification(BadInput):
    """The merchant's inbox holds no message of that id."""


@dataclass(frozen=True, slots=True)
class InboxFilter:
    """Which messages to list: in one state (None: any), about one object or permission."""

    state: str | None = None
    about: str | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class StoredNotification:
    """One message of the inbox; `permission_amazon_id` is the permission it belongs to."""

    message_id: str
    kind: str
    topic_arn: str
    object_type: str | None
    object_id: str | None
    permission_amazon_id: str | None
    notification_type: str | None
    notification_id: str | None
    sent_at: datetime
    received_at: datetime
    state: str
    look_at: datetime
    tries: int
    handled_at: datetime | None
    result: str | None
    message: str | None


def list_notifications(
    connection: Connection, merchant_id: str, wanted: InboxFilter
) -> list[StoredNotification]:
    """The newest messages first."""
    statement = select(*(notifications.c[name] for name in _COLUMNS)).where(
        notifications.c.merchant_id == merchant_id
    )
    if wanted.state is not None:
        statement = statement.where(notifications.c.state == wanted.state)
    if wanted.about is not None:
        named = (notifications.c.object_id, notifications.c.permission_amazon_id)
        statement = statement.where((named[0] == wanted.about) | (named[1] == wanted.about))
    newest = statement.order_by(notifications.c.received_at.desc(), notifications.c.id.desc())
    return [StoredNotification(**row) for row in fetch(connection, newest.limit(wanted.limit))]


def show_notification(
    connection: Connection, merchant_id: str, *, message_id: str
) -> StoredNotification:
    """One message by its id; raises `UnknownNotification`."""
    statement = select(*(notifications.c[name] for name in _COLUMNS)).where(
        notifications.c.merchant_id == merchant_id, notifications.c.message_id == message_id
    )
    rows = fetch(connection, statement)
    if not rows:
        raise UnknownNotification(
            field="message_id",
            value=message_id,
            rule=f"the inbox of merchant {merchant_id!r} has no such message",
            remedy="take the id from autopay notifications list",
        )
    return StoredNotification(**rows[0])


def retry_notification(
    connection: Connection, merchant_id: str, *, message_id: str, at: datetime
) -> StoredNotification:
    """Let a message be looked into again as if it had just come.

    Raises `UnknownNotification`, and `BadInput` for one that names nothing that can be read.
    """
    found = show_notification(connection, merchant_id, message_id=message_id)
    if found.object_type not in READABLE or found.object_id is None:
        raise BadInput(
            field="message_id",
            value=message_id,
            rule=f"it is about {found.object_type or found.kind}, which no call can read",
            remedy="look it up in Seller Central",
        )
    connection.execute(
        update(notifications)
        .where(notifications.c.merchant_id == merchant_id)
        .where(notifications.c.message_id == message_id)
        .where(is_word(notifications.c.state, *OPEN, "attention", "done"))
        .values(state="waiting", look_at=at, tries=0, handled_at=None, result=None, worker_id=None)
    )
    return show_notification(connection, merchant_id, message_id=message_id)
