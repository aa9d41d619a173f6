"""Bulk work of the staff: what was asked for, and each of its rows with what became of it."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from billing.tables import naming as _naming  # noqa: F401 - sets the names before any table is made

BULK_JOB_STATES = ("draft", "ready", "done", "stopped", "withdrawn", "undoing", "undone")
BULK_ROW_STATES = ("waiting", "left_out", "done", "refused", "undone", "kept")
BULK_JOB_UNDER_WAY = "state IN ('ready', 'undoing')"
BULK_ROW_WAITING = "state = 'waiting'"


class BulkJobRow(SQLModel, table=True):
    """One piece of bulk work, from its dry run to its end.

    `kind` says what is done to the rows, `terms` (canonical JSON) with which values. A request
    makes one job, however often it is sent: `request_id` is unique. A `draft` has been tried dry
    and nothing else; `decided_by` made it `ready` or withdrew it.
    """

    __tablename__ = "bulk_job"
    __table_args__ = (
        UniqueConstraint("merchant_id", "request_id"),
        CheckConstraint(f"state IN {BULK_JOB_STATES}", name="bulk_job_state"),
        CheckConstraint(
            "state = 'draft' OR decided_by IS NOT NULL", name="bulk_job_decided_by_somebody"
        ),
        Index("bulk_job_listed", "merchant_id", "id"),
        Index(
            "bulk_job_under_way",
            "merchant_id",
            "id",
            sqlite_where=text(BULK_JOB_UNDER_WAY),
            postgresql_where=text(BULK_JOB_UNDER_WAY),
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    merchant_id: str = Field(foreign_key="merchant.id")
    kind: str = Field(max_length=32)
    request_id: str = Field(max_length=64)
    state: str = "draft"
    terms: str = "{}"
    asked_by: str
    asked_at: datetime
    decided_by: str | None = None
    decided_at: datetime | None = None
    finished_at: datetime | None = None


class BulkRowRow(SQLModel, table=True):
    """One row of bulk work; `subject` is what people call it, `subject_id` its row.

    `left_out` by the dry run or `refused` when it was its turn: `reason` says why in a word,
    `detail` adds a name or a figure. `before` and `after` (canonical JSON) are what an undoing
    needs. Amounts are whole yen.
    """

    __tablename__ = "bulk_row"
    __table_args__ = (
        UniqueConstraint("job_id", "subject"),
        CheckConstraint(f"state IN {BULK_ROW_STATES}", name="bulk_row_state"),
        CheckConstraint(
            "state NOT IN ('left_out', 'refused', 'kept') OR reason IS NOT NULL",
            name="bulk_row_says_why_not",
        ),
        Index(
            "bulk_row_waiting",
            "job_id",
            "position",
            sqlite_where=text(BULK_ROW_WAITING),
            postgresql_where=text(BULK_ROW_WAITING),
        ),
    )

    job_id: int = Field(foreign_key="bulk_job.id", primary_key=True)
    position: int = Field(primary_key=True)
    subject: str
    subject_id: int | None = None
    state: str = "waiting"
    amount_yen: int | None = None
    reason: str | None = Field(default=None, max_length=64)
    detail: str | None = None
    before: str | None = None
    after: str | None = None
    done_at: datetime | None = None
