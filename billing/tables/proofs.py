"""Amazon's reports as they were asked for, refunds paid by hand, permissions that were replaced."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from billing.tables import naming as _naming  # noqa: F401 - sets the names before any table is made

REPORT_STATES = ("asked", "making", "read", "empty", "failed")
STILL_OPEN = "ended_at IS NULL"


class RefundByHandRow(SQLModel, table=True):
    """How a refund in the state `by_hand` was paid: it never goes to Amazon. Append-only."""

    __tablename__ = "refund_by_hand"

    refund_row_id: int = Field(foreign_key="refund.id", primary_key=True)
    merchant_id: str = Field(foreign_key="merchant.id")
    bank_reference: str = Field(max_length=64)
    paid_on: date
    booked_at: datetime


class AmazonReportRow(SQLModel, table=True):
    """A report of Amazon's transactions of one span of time: asked for, in the making, read.

    `empty` is a report that Amazon cancelled, which it does when nothing is in it; `sha256` is of
    the document's bytes.
    """

    __tablename__ = "amazon_report"
    __table_args__ = (
        UniqueConstraint("merchant_id", "idempotency_key"),
        CheckConstraint(f"state IN {REPORT_STATES}", name="amazon_report_state"),
        CheckConstraint("start_at < end_at", name="amazon_report_window"),
    )

    id: int | None = Field(default=None, primary_key=True)
    merchant_id: str = Field(foreign_key="merchant.id")
    kind: str
    idempotency_key: str = Field(max_length=32)
    start_at: datetime
    end_at: datetime
    state: str
    requested_at: datetime
    report_id: str | None = None
    document_id: str | None = None
    read_at: datetime | None = None
    row_count: int | None = None
    sha256: str | None = Field(default=None, max_length=64)
    detail: str | None = None


class PermissionReplacementRow(SQLModel, table=True):
    """A subscription that goes on with a new charge permission; `ended_at` is when nothing of it
    hung on the old one any more."""

    __tablename__ = "permission_replacement"
    __table_args__ = (
        UniqueConstraint("subscription_id", "new_permission_id"),
        CheckConstraint(
            "old_permission_id <> new_permission_id", name="permission_replacement_differs"
        ),
        Index(
            "permission_replacement_open",
            "merchant_id",
            "old_permission_id",
            sqlite_where=text(STILL_OPEN),
            postgresql_where=text(STILL_OPEN),
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    merchant_id: str = Field(foreign_key="merchant.id")
    subscription_id: int = Field(foreign_key="subscription.id")
    old_permission_id: int = Field(foreign_key="charge_permission.id")
    new_permission_id: int = Field(foreign_key="charge_permission.id")
    actor: str
    reason: str
    replaced_at: datetime
    ended_at: datetime | None = None
