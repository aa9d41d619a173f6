"""Refunds of captured charges, and how much of each charge can still be given back."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, LargeBinary, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from billing.tables import naming as _naming  # noqa: F401 - sets the names before any table is made

REFUND_STATES = (
    *("intended", "in_doubt", "pending", "quarantined"),
    *("refunded", "declined", "by_hand"),
)
REFUND_ORIGINS = ("desk", "agreement")
OPEN_REFUND = "state IN ('intended', 'in_doubt', 'pending', 'quarantined')"
CLAIMABLE_REFUND = "state IN ('intended', 'in_doubt', 'pending')"
MOST_YEN = 10_000_000
"""The most that Amazon Pay gives back of one charge, in yen."""


class RefundRow(SQLModel, table=True):
    """One sum to give back of one captured charge, with its key and the bytes that are sent.

    What the back office asks for has the origin `desk`, what a change or a cancellation owes has
    `agreement`. `owed_before_yen` of the amount were in the books before: all of it for an
    agreement, else what an earlier refund of the charge could not give back. The rest is newly
    owed, and `taxes` (JSON) says of which tax rates. Triggers count every refund in `refund_room`
    and refuse to change its amount, its bytes or a final state.
    """

    __tablename__ = "refund"
    __table_args__ = (
        UniqueConstraint("attempt_id", "number"),
        UniqueConstraint("merchant_id", "reference"),
        UniqueConstraint("merchant_id", "idempotency_key"),
        UniqueConstraint("merchant_id", "request_id", "part"),
        UniqueConstraint("merchant_id", "refund_id"),
        CheckConstraint(f"amount_yen BETWEEN 1 AND {MOST_YEN}", name="refund_amount_yen"),
        CheckConstraint("owed_before_yen BETWEEN 0 AND amount_yen", name="refund_owed_before_yen"),
        CheckConstraint(f"origin IN {REFUND_ORIGINS}", name="refund_origin"),
        CheckConstraint("number >= 1 AND part >= 1", name="refund_number"),
        CheckConstraint(f"state IN {REFUND_STATES}", name="refund_state"),
        Index(
            "refund_one_open",
            "attempt_id",
            unique=True,
            sqlite_where=text(OPEN_REFUND),
            postgresql_where=text(OPEN_REFUND),
        ),
        Index(
            "refund_unsettled",
            "merchant_id",
            "look_at",
            "id",
            sqlite_where=text(CLAIMABLE_REFUND),
            postgresql_where=text(CLAIMABLE_REFUND),
        ),
        Index("refund_by_time", "merchant_id", "answered_at", "id"),
        Index(
            "refund_quarantined",
            "merchant_id",
            "id",
            sqlite_where=text("state = 'quarantined'"),
            postgresql_where=text("state = 'quarantined'"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    merchant_id: str = Field(foreign_key="merchant.id")
    attempt_id: int = Field(foreign_key="attempt.id")
    request_id: str = Field(max_length=64)
    part: int
    number: int
    reference: str
    idempotency_key: str = Field(max_length=32)
    body: bytes = Field(sa_type=LargeBinary)
    origin: str
    amount_yen: int
    owed_before_yen: int = 0
    taxes: str
    state: str
    reason: str
    actor: str
    requested_at: datetime
    look_at: datetime
    worker_id: str | None = None
    sends: int = 0
    answered_at: datetime | None = None
    refund_id: str | None = None
    reason_code: str | None = None
    amazon_request_id: str | None = None
    detail: str | None = None


class RefundRoomRow(SQLModel, table=True):
    """How much of a charge may be given back; the CHECK is the limit, triggers keep the sums."""

    __tablename__ = "refund_room"
    __table_args__ = (
        CheckConstraint("refunded_yen >= 0 AND held_yen >= 0", name="refund_room_positive"),
        CheckConstraint("refunded_yen + held_yen <= limit_yen", name="refund_room_limit"),
    )

    attempt_id: int = Field(foreign_key="attempt.id", primary_key=True)
    limit_yen: int
    refunded_yen: int = 0
    held_yen: int = 0
