"""What becomes of a notice: its mails and webhooks, who gets them, and in which words."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, LargeBinary, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from billing.tables import naming as _naming  # noqa: F401 - sets the names before any table is made

CHANNELS = ("mail", "webhook")
DELIVERY_STATES = ("waiting", "sent", "dead")


class NoticeRulesRow(SQLModel, table=True):
    """How one merchant tells people: language, sender, imprint, days of warning before a charge."""

    __tablename__ = "notice_rules"
    __table_args__ = (
        CheckConstraint("language IN ('ja', 'en')", name="notice_rules_language"),
        CheckConstraint("upcoming_days BETWEEN 0 AND 60", name="notice_rules_upcoming_days"),
    )

    merchant_id: str = Field(foreign_key="merchant.id", primary_key=True)
    language: str = "ja"
    upcoming_days: int = 10
    mail_from: str = ""
    mail_name: str = ""
    reply_to: str = ""
    staff_email: str = ""
    seller_name: str = ""
    seller_postal_code: str = ""
    seller_address: str = ""
    seller_phone: str = ""
    seller_url: str = ""
    buyer_url: str = ""


class NoticeTemplateRow(SQLModel, table=True):
    """One version of a merchant's own words for a kind of mail; the newest one holds.

    Both texts null: back to the words that come with the program. Append-only.
    """

    __tablename__ = "notice_template"
    __table_args__ = (
        CheckConstraint("language IN ('ja', 'en')", name="notice_template_language"),
        CheckConstraint("version >= 1", name="notice_template_version"),
    )

    merchant_id: str = Field(foreign_key="merchant.id", primary_key=True)
    kind: str = Field(primary_key=True)
    language: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    subject: str | None = None
    body: str | None = None
    made_at: datetime
    made_by: str


class EventHeadRow(SQLModel, table=True):
    """The last position of a merchant's events; its lock is what keeps positions without gaps."""

    __tablename__ = "event_head"

    merchant_id: str = Field(foreign_key="merchant.id", primary_key=True)
    position: int = 0


class WebhookEndpointRow(SQLModel, table=True):
    """An address of the merchant that is told every event, with its sealed secrets.

    While a rotation lasts (`old_secret_until`) both secrets sign. `failing_since` is the first
    failure after the last success.
    """

    __tablename__ = "webhook_endpoint"
    __table_args__ = (
        UniqueConstraint("merchant_id", "code"),
        CheckConstraint("state IN ('active', 'disabled')", name="webhook_endpoint_state"),
    )

    id: int | None = Field(default=None, primary_key=True)
    merchant_id: str = Field(foreign_key="merchant.id")
    code: str = Field(max_length=64)
    url: str
    sealed_secret: bytes = Field(sa_type=LargeBinary)
    sealed_old_secret: bytes | None = Field(default=None, sa_type=LargeBinary)
    old_secret_until: datetime | None = None
    state: str = "active"
    made_at: datetime
    failing_since: datetime | None = None
    disabled_at: datetime | None = None
    disabled_reason: str | None = None


class DeliveryRow(SQLModel, table=True):
    """One notice for one recipient by one channel, from its planning to its end.

    `target` is `customer`, `staff`, or the endpoint's code. `message_id` is the same at every try,
    so that a receiver can tell a repetition. A mail's recipient and words are frozen before its
    first try. `look_at` is the next try, or while one is under way the end of its lease.
    """

    __tablename__ = "delivery"
    __table_args__ = (
        UniqueConstraint("notice_id", "channel", "target"),
        CheckConstraint(f"channel IN {CHANNELS}", name="delivery_channel"),
        CheckConstraint(f"state IN {DELIVERY_STATES}", name="delivery_state"),
        CheckConstraint("tries >= 0", name="delivery_tries"),
        Index(
            "delivery_waiting",
            "merchant_id",
            "channel",
            "look_at",
            "id",
            sqlite_where=text("state = 'waiting'"),
            postgresql_where=text("state = 'waiting'"),
        ),
        Index(
            "delivery_dead",
            "merchant_id",
            "channel",
            "id",
            sqlite_where=text("state = 'dead'"),
            postgresql_where=text("state = 'dead'"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    merchant_id: str = Field(foreign_key="merchant.id")
    notice_id: int = Field(foreign_key="notice.id")
    channel: str
    target: str
    endpoint_id: int | None = Field(default=None, foreign_key="webhook_endpoint.id", index=True)
    message_id: str
    state: str = "waiting"
    look_at: datetime
    tries: int = 0
    worker_id: str | None = None
    planned_at: datetime
    settled_at: datetime | None = None
    detail: str | None = None
    recipient: str | None = None
    language: str | None = None
    template_version: int | None = None
    subject: str | None = None
    body: str | None = None
