"""The double-entry ledger, append-only, and the outbox of notices."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from billing.tables import naming as _naming  # noqa: F401 - sets the names before any table is made


class JournalRow(SQLModel, table=True):
    """One business event in the books; `reference` keeps it from being booked twice."""

    __tablename__ = "journal"
    __table_args__ = (UniqueConstraint("merchant_id", "reference"),)

    id: int | None = Field(default=None, primary_key=True)
    merchant_id: str = Field(foreign_key="merchant.id")
    reference: str
    kind: str
    booked_on: date
    invoice_id: int = Field(foreign_key="invoice.id", index=True)


class PostingRow(SQLModel, table=True):
    """One side of a journal: debit positive, credit negative; a journal's postings sum to zero."""

    __tablename__ = "posting"
    __table_args__ = (CheckConstraint("amount_yen <> 0", name="posting_amount_yen"),)

    journal_id: int = Field(foreign_key="journal.id", primary_key=True)
    account: str = Field(primary_key=True)
    amount_yen: int


class NoticeRow(SQLModel, table=True):
    """A message to a person or a webhook, written with its cause, delivered at least once.

    `subscription_id` is null for what concerns the merchant alone. `reference` names the slot or
    refund, `facts` (JSON) what the words need and no other row keeps. `position` is its place among
    the merchant's events, given once it is visible to all; `delivered_at` is when nothing of it was
    left to send.
    """

    __tablename__ = "notice"
    __table_args__ = (
        UniqueConstraint("merchant_id", "dedup_key"),
        Index("notice_of_subscription", "subscription_id", "id"),
        Index(
            "notice_waiting",
            "merchant_id",
            "id",
            sqlite_where=text("delivered_at IS NULL"),
            postgresql_where=text("delivered_at IS NULL"),
        ),
        Index(
            "notice_unplaced",
            "merchant_id",
            "id",
            sqlite_where=text("position IS NULL"),
            postgresql_where=text("position IS NULL"),
        ),
        Index(
            "notice_position",
            "merchant_id",
            "position",
            unique=True,
            sqlite_where=text("position IS NOT NULL"),
            postgresql_where=text("position IS NOT NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    merchant_id: str = Field(foreign_key="merchant.id")
    subscription_id: int | None = Field(default=None, foreign_key="subscription.id")
    dedup_key: str
    kind: str
    written_at: datetime
    amount_yen: int | None = None
    reason: str | None = None
    next_try_at: datetime | None = None
    delivered_at: datetime | None = None
    reference: str | None = None
    facts: str | None = None
    position: int | None = None
