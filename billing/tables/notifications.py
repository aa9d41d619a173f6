"""The inbox of notifications, and how many deliveries were refused, by kind."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from billing.tables import naming as _naming  # noqa: F401 - sets the names before any table is made

NOTIFICATION_KINDS = ("change", "unreadable", "unsubscribed", "subscription")
NOTIFICATION_STATES = ("waiting", "parked", "done", "attention")
OPEN_NOTIFICATION = "state IN ('waiting', 'parked')"


class NotificationRow(SQLModel, table=True):
    """One genuine message of Amazon, stored before it was answered with 200.

    It is a hint to look at an object and never says how that stands. `waiting` is looked at from
    `look_at` on, `parked` named an object that our books do not know yet, `done` was looked at,
    `attention` is shown to a person. `result` says in words what came of it.
    """

    __tablename__ = "notification"
    __table_args__ = (
        UniqueConstraint("merchant_id", "message_id"),
        CheckConstraint(f"kind IN {NOTIFICATION_KINDS}", name="notification_kind"),
        CheckConstraint(f"state IN {NOTIFICATION_STATES}", name="notification_state"),
        Index(
            "notification_open",
            "merchant_id",
            "look_at",
            "id",
            sqlite_where=text(OPEN_NOTIFICATION),
            postgresql_where=text(OPEN_NOTIFICATION),
        ),
        Index("notification_by_time", "merchant_id", "received_at", "id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    merchant_id: str = Field(foreign_key="merchant.id")
    message_id: str = Field(max_length=100)
    kind: str
    topic_arn: str
    object_type: str | None = None
    object_id: str | None = None
    permission_amazon_id: str | None = None
    notification_type: str | None = None
    notification_id: str | None = None
    sent_at: datetime
    received_at: datetime
    state: str
    look_at: datetime
    tries: int = 0
    worker_id: str | None = None
    handled_at: datetime | None = None
    result: str | None = None
    message: str | None = None


class RefusedNotificationRow(SQLModel, table=True):
    """How often deliveries were refused for one kind of reason; their content is not kept."""

    __tablename__ = "refused_notification"

    merchant_id: str = Field(foreign_key="merchant.id", primary_key=True)
    kind: str = Field(primary_key=True, max_length=64)
    refused: int
    first_at: datetime
    last_at: datetime
    last_reason: str
