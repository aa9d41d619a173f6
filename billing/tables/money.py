"""Invoices, the slots that pay them, the attempts to charge a slot, and the monthly cap."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Index, LargeBinary, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from billing.tables import naming as _naming  # noqa: F401 - sets the names before any table is made

SLOT_STATES = (
    *("due", "open", "authorized", "waiting_buyer", "paid", "refused"),
    *("quarantined", "uncollectible"),
)
ATTEMPT_STATES = (
    *("intended", "in_doubt", "pending", "authorized", "captured"),
    *("declined", "refused", "canceled"),
)
UNSETTLED_ATTEMPT = "state IN ('intended', 'in_doubt', 'pending')"
OPEN_OR_SUCCESSFUL = "state IN ('intended', 'in_doubt', 'pending', 'authorized', 'captured')"
TRIED_AGAIN = "state = 'due' AND (declines > 0 OR cap_moves > 0)"
AUTHORIZED_ATTEMPT = "state = 'authorized'"
MAX_YEN = 1_000_000_000


class InvoiceRow(SQLModel, table=True):
    """What one cycle, or a change inside it, costs; below 0 it is a credit note.

    `number` is derived from what is sold, never from a counter. `offset_yen` of the total are
    settled without a charge: credit that pays (above 0), or a sum given back (below 0).
    `price_id` is the price that held; null in books older than changes of plan.
    """

    __tablename__ = "invoice"
    __table_args__ = (
        UniqueConstraint("subscription_id", "cycle", "purpose"),
        UniqueConstraint("merchant_id", "number"),
        CheckConstraint(f"total_yen BETWEEN -{MAX_YEN} AND {MAX_YEN}", name="invoice_total_yen"),
        CheckConstraint("paid_yen BETWEEN 0 AND total_yen - offset_yen", name="invoice_paid_yen"),
        CheckConstraint("state IN ('open', 'paid', 'void', 'uncollectible')", name="invoice_state"),
    )

    id: int | None = Field(default=None, primary_key=True)
    merchant_id: str = Field(foreign_key="merchant.id")
    subscription_id: int = Field(foreign_key="subscription.id")
    cycle: int
    purpose: str = "renewal"
    number: str
    state: str
    issued_on: date
    period_start: date
    period_end: date
    total_yen: int
    paid_yen: int = 0
    offset_yen: int = 0
    price_id: int | None = Field(default=None, foreign_key="price.id")


class InvoiceLineRow(SQLModel, table=True):
    """One line, with the words that explain its amount. Append-only."""

    __tablename__ = "invoice_line"

    invoice_id: int = Field(foreign_key="invoice.id", primary_key=True)
    position: int = Field(primary_key=True)
    kind: str
    description_ja: str
    description_en: str
    quantity: int
    unit_yen: int
    amount_yen: int
    tax_category: str


class InvoiceTaxRow(SQLModel, table=True):
    """Tax of one rate on one invoice, rounded exactly once. Append-only."""

    __tablename__ = "invoice_tax"

    invoice_id: int = Field(foreign_key="invoice.id", primary_key=True)
    tax_category: str = Field(primary_key=True)
    rate_percent: str
    gross_yen: int
    tax_yen: int
    net_yen: int


class SlotRow(SQLModel, table=True):
    """The identity of one thing to be paid; charged at most once, ever."""

    __tablename__ = "slot"
    __table_args__ = (
        UniqueConstraint("subscription_id", "cycle", "purpose"),
        UniqueConstraint("merchant_id", "reference"),
        CheckConstraint(f"amount_yen BETWEEN 1 AND {MAX_YEN}", name="slot_amount_yen"),
        CheckConstraint(f"state IN {SLOT_STATES}", name="slot_state"),
        Index(
            "slot_due",
            "merchant_id",
            "due_at",
            "id",
            sqlite_where=text("state = 'due'"),
            postgresql_where=text("state = 'due'"),
        ),
        Index(
            "slot_open",
            "merchant_id",
            "id",
            sqlite_where=text("state = 'open'"),
            postgresql_where=text("state = 'open'"),
        ),
        Index(
            "slot_waiting_buyer",
            "merchant_id",
            "permission_id",
            sqlite_where=text("state = 'waiting_buyer'"),
            postgresql_where=text("state = 'waiting_buyer'"),
        ),
        Index(
            "slot_quarantined",
            "merchant_id",
            "id",
            sqlite_where=text("state = 'quarantined'"),
            postgresql_where=text("state = 'quarantined'"),
        ),
        Index(
            "slot_refused",
            "merchant_id",
            "due_at",
            "id",
            sqlite_where=text("state = 'refused'"),
            postgresql_where=text("state = 'refused'"),
        ),
        Index(
            "slot_tried_again",
            "merchant_id",
            "due_at",
            "id",
            sqlite_where=text(TRIED_AGAIN),
            postgresql_where=text(TRIED_AGAIN),
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    merchant_id: str = Field(foreign_key="merchant.id")
    subscription_id: int = Field(foreign_key="subscription.id")
    invoice_id: int = Field(foreign_key="invoice.id", index=True)
    permission_id: int = Field(foreign_key="charge_permission.id", index=True)
    cycle: int
    purpose: str
    part: int
    reference: str
    amount_yen: int
    state: str
    first_due_at: datetime
    due_at: datetime
    attempts: int = 0
    declines: int = 0
    declined_on: date | None = None
    cap_moves: int = 0
    # The attempt that a person asked for: a decline of it uses up no try of the schedule.
    asked_attempt: int | None = None
    reason: str | None = None
    settled_at: datetime | None = None
    shipped_on: date | None = None


class AttemptRow(SQLModel, table=True):
    """One try to charge a slot, with its own key and the bytes that are sent, replays included.

    `authorized_yen` is set where Amazon authorised first, until `lapses_at` by its own rule; once
    captured, `amount_yen` is what was captured of it.
    """

    __tablename__ = "attempt"
    __table_args__ = (
        UniqueConstraint("slot_id", "number"),
        UniqueConstraint("merchant_id", "idempotency_key"),
        CheckConstraint(f"state IN {ATTEMPT_STATES}", name="attempt_state"),
        Index(
            "attempt_one_open_or_successful",
            "slot_id",
            unique=True,
            sqlite_where=text(OPEN_OR_SUCCESSFUL),
            postgresql_where=text(OPEN_OR_SUCCESSFUL),
        ),
        Index(
            "attempt_unsettled",
            "merchant_id",
            "look_at",
            "id",
            sqlite_where=text(UNSETTLED_ATTEMPT),
            postgresql_where=text(UNSETTLED_ATTEMPT),
        ),
        Index(
            "attempt_unsettled_permission",
            "permission_id",
            sqlite_where=text(UNSETTLED_ATTEMPT),
            postgresql_where=text(UNSETTLED_ATTEMPT),
        ),
        # Sums of a day are read from this index alone: all that they need lies in it.
        Index(
            "attempt_by_time",
            *("merchant_id", "intended_at", "id", "state", "amount_yen", "reason_code"),
        ),
        # The amount first: by its merchant SQLite would take it for an answer to other questions.
        Index("attempt_by_amount", "amount_yen", "merchant_id", "id"),
        Index(
            "attempt_declined",
            "merchant_id",
            "intended_at",
            "id",
            sqlite_where=text("state = 'declined'"),
            postgresql_where=text("state = 'declined'"),
        ),
        Index(
            "attempt_authorized",
            "merchant_id",
            "look_at",
            "id",
            sqlite_where=text(AUTHORIZED_ATTEMPT),
            postgresql_where=text(AUTHORIZED_ATTEMPT),
        ),
        Index(
            "attempt_authorized_permission",
            "permission_id",
            sqlite_where=text(AUTHORIZED_ATTEMPT),
            postgresql_where=text(AUTHORIZED_ATTEMPT),
        ),
        Index("attempt_may_be_captured", "id", "authorized_yen", unique=True),
        CheckConstraint(
            "authorized_yen IS NULL OR amount_yen <= authorized_yen",
            name="attempt_authorized_yen",
        ),
        UniqueConstraint("merchant_id", "charge_id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    merchant_id: str = Field(foreign_key="merchant.id")
    slot_id: int = Field(foreign_key="slot.id")
    permission_id: int = Field(foreign_key="charge_permission.id")
    number: int
    idempotency_key: str = Field(max_length=32)
    body: bytes = Field(sa_type=LargeBinary)
    amount_yen: int
    state: str
    worker_id: str
    intended_at: datetime
    look_at: datetime
    sends: int = 0
    answered_at: datetime | None = None
    charge_id: str | None = None
    reason_code: str | None = None
    request_id: str | None = None
    detail: str | None = None
    authorized_yen: int | None = None
    lapses_at: datetime | None = None


class CapMonthRow(SQLModel, table=True):
    """Room of one charge permission in one calendar month; the CHECK is the cap."""

    __tablename__ = "cap_month"
    __table_args__ = (
        CheckConstraint("used_yen >= 0 AND held_yen >= 0", name="cap_month_positive"),
        CheckConstraint("used_yen + held_yen <= limit_yen", name="cap_month_limit"),
    )

    permission_id: int = Field(foreign_key="charge_permission.id", primary_key=True)
    month: str = Field(primary_key=True, max_length=7)
    limit_yen: int
    learned_limit_yen: int | None = None
    used_yen: int = 0
    held_yen: int = 0


class CapHoldRow(SQLModel, table=True):
    """What one attempt takes from one cap month: held until a definite answer ends the doubt."""

    __tablename__ = "cap_hold"
    __table_args__ = (
        CheckConstraint("state IN ('held', 'used', 'released')", name="cap_hold_state"),
        CheckConstraint("amount_yen > 0", name="cap_hold_amount_yen"),
    )

    attempt_id: int = Field(foreign_key="attempt.id", primary_key=True)
    month: str = Field(primary_key=True, max_length=7)
    permission_id: int = Field(foreign_key="charge_permission.id")
    amount_yen: int
    state: str
