"""What is known about attempts in doubt, what Amazon said is left, and rows that always fail."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field, SQLModel

from billing.tables import naming as _naming  # noqa: F401 - sets the names before any table is made

PROOF_KINDS = ("amazon", "balance", "report", "notifications", "person", "decision")
PROOF_VERDICTS = ("happened", "did_not_happen", "silent")
POISON_STEPS = ("opening", "intending", "sending")


class ProofRow(SQLModel, table=True):
    """One thing that speaks for or against a charge or a refund having happened. Append-only.

    `what` is JSON with the figures that were seen, `actor` is `janitor` or the person who says
    so, `amazon_id` the charge or refund that it names.
    """

    __tablename__ = "proof"
    __table_args__ = (
        CheckConstraint(f"kind IN {PROOF_KINDS}", name="proof_kind"),
        CheckConstraint(f"verdict IN {PROOF_VERDICTS}", name="proof_verdict"),
        CheckConstraint(
            "(attempt_id IS NULL) <> (refund_row_id IS NULL)", name="proof_of_one_thing"
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    merchant_id: str = Field(foreign_key="merchant.id")
    attempt_id: int | None = Field(default=None, foreign_key="attempt.id", index=True)
    refund_row_id: int | None = Field(default=None, foreign_key="refund.id", index=True)
    kind: str
    verdict: str
    seen_at: datetime
    what: str
    actor: str
    amazon_id: str | None = None


class DoubtRow(SQLModel, table=True):
    """An attempt that replays did not settle: since when its key rests, and whether it is parked.

    While `rested_at` is set nobody sends the key again, so that what is seen later than the last
    possible send can count as proof.
    """

    __tablename__ = "doubt"
    __table_args__ = (
        Index(
            "doubt_open",
            "merchant_id",
            "look_at",
            "attempt_id",
            sqlite_where=text("settled_at IS NULL"),
            postgresql_where=text("settled_at IS NULL"),
        ),
    )

    attempt_id: int = Field(foreign_key="attempt.id", primary_key=True)
    merchant_id: str = Field(foreign_key="merchant.id")
    opened_at: datetime
    rested_at: datetime | None = None
    look_at: datetime
    parked_at: datetime | None = None
    parked_reason: str | None = None
    settled_at: datetime | None = None


class BalanceReadingRow(SQLModel, table=True):
    """What Amazon said is left under the cap of a permission at one moment. Append-only."""

    __tablename__ = "balance_reading"
    __table_args__ = (
        Index("balance_reading_latest", "permission_id", "read_at"),
        CheckConstraint("balance_yen >= 0", name="balance_reading_yen"),
    )

    id: int | None = Field(default=None, primary_key=True)
    merchant_id: str = Field(foreign_key="merchant.id")
    permission_id: int = Field(foreign_key="charge_permission.id")
    read_at: datetime
    limit_yen: int | None = None
    balance_yen: int


class PoisonRow(SQLModel, table=True):
    """A row that failed in one step of the charging path: how often, why, and when it is set aside.

    `subject` is the subscription (opening), the slot's reference (intending) or the attempt's key
    (sending).
    """

    __tablename__ = "poison"
    __table_args__ = (CheckConstraint(f"step IN {POISON_STEPS}", name="poison_step"),)

    merchant_id: str = Field(foreign_key="merchant.id", primary_key=True)
    step: str = Field(primary_key=True)
    subject: str = Field(primary_key=True)
    tries: int
    error: str
    first_at: datetime
    last_at: datetime
    retry_at: datetime
    set_aside_at: datetime | None = None
