"""Refunds that wait for a second person, and what that person said."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from billing.tables import naming as _naming  # noqa: F401 - sets the names before any table is made

APPROVAL_STATES = ("waiting", "approved", "declined", "withdrawn", "expired")
WAITING_APPROVAL = "state = 'waiting'"


class RefundApprovalRow(SQLModel, table=True):
    """A refund that one person asks for and another one decides about; yen are whole.

    Once approved it is requested by its `request_id`, which makes one refund however often it is
    asked for. No charge has two that wait, and nobody approves or declines what he asked for.
    """

    __tablename__ = "refund_approval"
    __table_args__ = (
        UniqueConstraint("merchant_id", "request_id"),
        CheckConstraint("amount_yen >= 1", name="refund_approval_amount_yen"),
        CheckConstraint(f"state IN {APPROVAL_STATES}", name="refund_approval_state"),
        CheckConstraint(
            "state NOT IN ('approved', 'declined') OR "
            "(decided_by IS NOT NULL AND decided_by <> asked_by)",
            name="refund_approval_by_two_persons",
        ),
        CheckConstraint("asked_at < expires_at", name="refund_approval_expires_at"),
        Index("refund_approval_listed", "merchant_id", "state", "id"),
        Index(
            "refund_approval_one_waiting",
            "attempt_id",
            unique=True,
            sqlite_where=text(WAITING_APPROVAL),
            postgresql_where=text(WAITING_APPROVAL),
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    merchant_id: str = Field(foreign_key="merchant.id")
    attempt_id: int = Field(foreign_key="attempt.id")
    request_id: str = Field(max_length=64)
    amount_yen: int
    reason: str
    state: str = "waiting"
    asked_by: str = Field(max_length=64)
    asked_at: datetime
    expires_at: datetime
    decided_by: str | None = Field(default=None, max_length=64)
    decided_at: datetime | None = None
    note: str | None = None
