"""Proofs of what stays unknown, Amazon's balances as they were read, and rows that always fail."""

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_TEXT = sqlmodel.sql.sqltypes.AutoString
_INSTANT = sqlmodel.sql.sqltypes.UTCDateTime
APPEND_ONLY = ("proof", "balance_reading")


def upgrade() -> None:
    _proofs()
    _doubts()
    _balance_readings()
    _poison()
    _refuse_changes()


def _proofs() -> None:
    op.create_table(
        "proof",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("merchant_id", _TEXT(), nullable=False),
        sa.Column("attempt_id", sa.Integer(), nullable=True),
        sa.Column("refund_row_id", sa.Integer(), nullable=True),
        sa.Column("kind", _TEXT(), nullable=False),
        sa.Column("verdict", _TEXT(), nullable=False),
        sa.Column("seen_at", _INSTANT(), nullable=False),
        sa.Column("what", _TEXT(), nullable=False),
        sa.Column("actor", _TEXT(), nullable=False),
        sa.Column("amazon_id", _TEXT(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('amazon', 'balance', 'report', 'notifications', 'person', 'decision')",
            name=op.f("proof_kind"),
        ),
        sa.CheckConstraint(
            "verdict IN ('happened', 'did_not_happen', 'silent')", name=op.f("proof_verdict")
        ),
        sa.CheckConstraint(
            "(attempt_id IS NULL) <> (refund_row_id IS NULL)", name=op.f("proof_of_one_thing")
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.id"], name=op.f("fk_proof_merchant_id")
        ),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempt.id"], name=op.f("fk_proof_attempt_id")),
        sa.ForeignKeyConstraint(
            ["refund_row_id"], ["refund.id"], name=op.f("fk_proof_refund_row_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_proof")),
    )
    op.create_index(op.f("ix_proof_attempt_id"), "proof", ["attempt_id"])
    op.create_index(op.f("ix_proof_refund_row_id"), "proof", ["refund_row_id"])


def _doubts() -> None:
    op.create_table(
        "doubt",
        sa.Column("attempt_id", sa.Integer(), nullable=False),
        sa.Column("merchant_id", _TEXT(), nullable=False),
        sa.Column("opened_at", _INSTANT(), nullable=False),
        sa.Column("rested_at", _INSTANT(), nullable=True),
        sa.Column("look_at", _INSTANT(), nullable=False),
        sa.Column("parked_at", _INSTANT(), nullable=True),
        sa.Column("parked_reason", _TEXT(), nullable=True),
        sa.Column("settled_at", _INSTANT(), nullable=True),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempt.id"], name=op.f("fk_doubt_attempt_id")),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.id"], name=op.f("fk_doubt_merchant_id")
        ),
        sa.PrimaryKeyConstraint("attempt_id", name=op.f("pk_doubt")),
    )
    unsettled = sa.text("settled_at IS NULL")
    op.create_index(
        "doubt_open",
        "doubt",
        ["merchant_id", "look_at", "attempt_id"],
        sqlite_where=unsettled,
        postgresql_where=unsettled,
    )


def _balance_readings() -> None:
    op.create_table(
        "balance_reading",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("merchant_id", _TEXT(), nullable=False),
        sa.Column("permission_id", sa.Integer(), nullable=False),
        sa.Column("read_at", _INSTANT(), nullable=False),
        sa.Column("limit_yen", sa.Integer(), nullable=True),
        sa.Column("balance_yen", sa.Integer(), nullable=False),
        sa.CheckConstraint("balance_yen >= 0", name=op.f("balance_reading_yen")),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.id"], name=op.f("fk_balance_reading_merchant_id")
        ),
        sa.ForeignKeyConstraint(
            ["permission_id"],
            ["charge_permission.id"],
            name=op.f("fk_balance_reading_permission_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_balance_reading")),
    )
    op.create_index("balance_reading_latest", "balance_reading", ["permission_id", "read_at"])


def _poison() -> None:
    op.create_table(
        "poison",
        sa.Column("merchant_id", _TEXT(), nullable=False),
        sa.Column("step", _TEXT(), nullable=False),
        sa.Column("subject", _TEXT(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("error", _TEXT(), nullable=False),
        sa.Column("first_at", _INSTANT(), nullable=False),
        sa.Column("last_at", _INSTANT(), nullable=False),
        sa.Column("retry_at", _INSTANT(), nullable=False),
        sa.Column("set_aside_at", _INSTANT(), nullable=True),
        sa.CheckConstraint("step IN ('opening', 'intending', 'sending')", name=op.f("poison_step")),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.id"], name=op.f("fk_poison_merchant_id")
        ),
        sa.PrimaryKeyConstraint("merchant_id", "step", "subject", name=op.f("pk_poison")),
    )


def _refuse_changes() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for table in APPEND_ONLY:
            op.execute(
                f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE "
                f"ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
            )
        return
    for table in APPEND_ONLY:
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{change.lower()} BEFORE {change} ON {table} BEGIN "
                f"SELECT RAISE(ABORT, '{table} is append-only: write a correction instead'); END"
            )


def downgrade() -> None:
    raise NotImplementedError("books are not taken back; restore a backup instead")
