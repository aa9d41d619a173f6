"""Refunds that a second person must approve, and from which sum on."""

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_TEXT = sqlmodel.sql.sqltypes.AutoString
_INSTANT = sqlmodel.sql.sqltypes.UTCDateTime


def upgrade() -> None:
    limit = sa.Column("refund_approval_yen", sa.Integer(), nullable=False, server_default="10000")
    op.add_column("merchant", limit)
    _approvals()


def _approvals() -> None:
    op.create_table(
        "refund_approval",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("merchant_id", _TEXT(), nullable=False),
        sa.Column("attempt_id", sa.Integer(), nullable=False),
        sa.Column("request_id", _TEXT(length=64), nullable=False),
        sa.Column("amount_yen", sa.Integer(), nullable=False),
        sa.Column("reason", _TEXT(), nullable=False),
        sa.Column("state", _TEXT(), nullable=False),
        sa.Column("asked_by", _TEXT(length=64), nullable=False),
        sa.Column("asked_at", _INSTANT(), nullable=False),
        sa.Column("expires_at", _INSTANT(), nullable=False),
        sa.Column("decided_by", _TEXT(length=64), nullable=True),
        sa.Column("decided_at", _INSTANT(), nullable=True),
        sa.Column("note", _TEXT(), nullable=True),
        sa.CheckConstraint("amount_yen >= 1", name=op.f("refund_approval_amount_yen")),
        sa.CheckConstraint(
            "state IN ('waiting', 'approved', 'declined', 'withdrawn', 'expired')",
            name=op.f("refund_approval_state"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('approved', 'declined') OR "
            "(decided_by IS NOT NULL AND decided_by <> asked_by)",
            name=op.f("refund_approval_by_two_persons"),
        ),
        sa.CheckConstraint("asked_at < expires_at", name=op.f("refund_approval_expires_at")),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.id"], name=op.f("fk_refund_approval_merchant_id")
        ),
        sa.ForeignKeyConstraint(
            ["attempt_id"], ["attempt.id"], name=op.f("fk_refund_approval_attempt_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refund_approval")),
        sa.UniqueConstraint(
            "merchant_id", "request_id", name=op.f("uq_refund_approval_merchant_id_request_id")
        ),
    )
    op.create_index("refund_approval_listed", "refund_approval", ["merchant_id", "state", "id"])
    waiting = sa.text("state = 'waiting'")
    op.create_index(
        "refund_approval_one_waiting",
        "refund_approval",
        ["attempt_id"],
        unique=True,
        sqlite_where=waiting,
        postgresql_where=waiting,
    )


def downgrade() -> None:
    raise NotImplementedError("books are not taken back; restore a backup instead")
