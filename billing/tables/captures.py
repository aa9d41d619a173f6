"""What we do with an authorised charge or a charge permission, and money banks take back."""

from datetime import date, datetime

from sqlalchemy import (
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    UniqueConstraint,
    text,
)
from sqlmodel import Field, SQLModel

from billing.tables import naming as _naming  # noqa: F401 - sets the names before any table is made

ACT_KINDS = ("capture", "cancel", "close")
ACT_STATES = ("intended", "in_doubt", "pending", "quarantined", "done", "declined")
GOING_ACT = "state <> 'declined'"
GOING_CLOSE = "kind = 'close' AND state <> 'declined'"
UNSETTLED_ACT = "state IN ('intended', 'in_doubt', 'pending')"


class ActRow(SQLModel, table=True):
    """One capture or cancellation of an authorised charge, or one closing of a permission.

    An authorisation is captured or cancelled, once: a charge has one act that did not fail.
    A capture's `authorized_yen` refers to that of its attempt, so its amount is never above what
    Amazon authorised. Amazon ignores the key of a cancellation and of a closing; it stays the
    identity of the act in our books.
    """

    __tablename__ = "act"
    __table_args__ = (
        UniqueConstraint("merchant_id", "reference"),
        UniqueConstraint("merchant_id", "idempotency_key"),
        ForeignKeyConstraint(
            ["attempt_id", "authorized_yen"],
            ["attempt.id", "attempt.authorized_yen"],
            name="fk_act_authorized",
        ),
        CheckConstraint(f"kind IN {ACT_KINDS}", name="act_kind"),
        CheckConstraint(f"state IN {ACT_STATES}", name="act_state"),
        CheckConstraint("(kind = 'close') = (attempt_id IS NULL)", name="act_of_one_thing"),
        CheckConstraint(
            "(kind = 'capture') = (amount_yen IS NOT NULL)", name="act_amount_of_a_capture"
        ),
        CheckConstraint(
            "amount_yen IS NULL OR (authorized_yen IS NOT NULL "
            "AND amount_yen BETWEEN 1 AND authorized_yen)",
            name="act_within_authorized",
        ),
        CheckConstraint("number >= 1", name="act_number"),
        Index(
            "act_one_of_a_charge",
            "attempt_id",
            unique=True,
            sqlite_where=text(GOING_ACT),
            postgresql_where=text(GOING_ACT),
        ),
        Index(
            "act_one_close",
            "permission_id",
            unique=True,
            sqlite_where=text(GOING_CLOSE),
            postgresql_where=text(GOING_CLOSE),
        ),
        Index(
            "act_unsettled",
            "merchant_id",
            "look_at",
            "id",
            sqlite_where=text(UNSETTLED_ACT),
            postgresql_where=text(UNSETTLED_ACT),
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    merchant_id: str = Field(foreign_key="merchant.id")
    kind: str
    permission_id: int = Field(foreign_key="charge_permission.id")
    attempt_id: int | None = Field(default=None, foreign_key="attempt.id")
    number: int
    reference: str
    idempotency_key: str = Field(max_length=32)
    body: bytes = Field(sa_type=LargeBinary)
    amount_yen: int | None = None
    authorized_yen: int | None = None
    cause: str
    state: str
    actor: str
    requested_at: datetime
    look_at: datetime
    worker_id: str | None = None
    sends: int = 0
    answered_at: datetime | None = None
    reason_code: str | None = None
    amazon_request_id: str | None = None
    detail: str | None = None


class ChargebackRow(SQLModel, table=True):
    """Money that a bank or Amazon took back of a captured charge. Append-only.

    `case_id` is the dispute's id; a case of a charge is booked once.
    """

    __tablename__ = "chargeback"
    __table_args__ = (
        UniqueConstraint("attempt_id", "case_id"),
        CheckConstraint("amount_yen >= 1", name="chargeback_amount_yen"),
        Index("chargeback_by_day", "merchant_id", "happened_on", "id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    merchant_id: str = Field(foreign_key="merchant.id")
    attempt_id: int = Field(foreign_key="attempt.id")
    case_id: str = Field(max_length=64)
    amount_yen: int
    happened_on: date
    reason: str
    actor: str
    booked_at: datetime
