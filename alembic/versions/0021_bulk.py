"""Bulk work of the back office: its rows, its progress, its way back."""

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_TEXT = sqlmodel.sql.sqltypes.AutoString
_INSTANT = sqlmodel.sql.sqltypes.UTCDateTime


def upgrade() -> None:
    _jobs()
    _rows()


def _jobs() -> None:
    op.create_table(
        "bulk_job",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("merchant_id", _TEXT(), nullable=False),
        sa.Column("kind", _TEXT(length=32), nullable=False),
        sa.Column("request_id", _TEXT(length=64), nullable=False),
        sa.Column("state", _TEXT(), nullable=False),
        sa.Column("terms", _TEXT(), nullable=False),
        sa.Column("asked_by", _TEXT(), nullable=False),
        sa.Column("asked_at", _INSTANT(), nullable=False),
        sa.Column("decided_by", _TEXT(), nullable=True),
        sa.Column("decided_at", _INSTANT(), nullable=True),
        sa.Column("finished_at", _INSTANT(), nullable=True),
        sa.CheckConstraint(
            "state IN ('draft', 'ready', 'done', 'stopped', 'withdrawn', 'undoing', 'undone')",
            name=op.f("bulk_job_state"),
        ),
        sa.CheckConstraint(
            "state = 'draft' OR decided_by IS NOT NULL",
            name=op.f("bulk_job_decided_by_somebody"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.id"], name=op.f("fk_bulk_job_merchant_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulk_job")),
        sa.UniqueConstraint(
            "merchant_id", "request_id", name=op.f("uq_bulk_job_merchant_id_request_id")
        ),
    )
    op.create_index("bulk_job_listed", "bulk_job", ["merchant_id", "id"])
    under_way = sa.text("state IN ('ready', 'undoing')")
    op.create_index(
        "bulk_job_under_way",
        "bulk_job",
        ["merchant_id", "id"],
        sqlite_where=under_way,
        postgresql_where=under_way,
    )


def _rows() -> None:
    op.create_table(
        "bulk_row",
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("subject", _TEXT(), nullable=False),
        sa.Column("subject_id", sa.Integer(), nullable=True),
        sa.Column("state", _TEXT(), nullable=False),
        sa.Column("amount_yen", sa.Integer(), nullable=True),
        sa.Column("reason", _TEXT(length=64), nullable=True),
        sa.Column("detail", _TEXT(), nullable=True),
        sa.Column("before", _TEXT(), nullable=True),
        sa.Column("after", _TEXT(), nullable=True),
        sa.Column("done_at", _INSTANT(), nullable=True),
        sa.CheckConstraint(
            "state IN ('waiting', 'left_out', 'done', 'refused', 'undone', 'kept')",
            name=op.f("bulk_row_state"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('left_out', 'refused', 'kept') OR reason IS NOT NULL",
            name=op.f("bulk_row_says_why_not"),
        ),
        sa.ForeignKeyConstraint(["job_id"], ["bulk_job.id"], name=op.f("fk_bulk_row_job_id")),
        sa.PrimaryKeyConstraint("job_id", "position", name=op.f("pk_bulk_row")),
        sa.UniqueConstraint("job_id", "subject", name=op.f("uq_bulk_row_job_id_subject")),
    )
    waiting = sa.text("state = 'waiting'")
    op.create_index(
        "bulk_row_waiting",
        "bulk_row",
        ["job_id", "position"],
        sqlite_where=waiting,
        postgresql_where=waiting,
    )


def downgrade() -> None:
    raise NotImplementedError("books are not taken back; restore a backup instead")
