"""Rows for proofs from Amazon's reports, refunds paid by hand, and replaced permissions."""

import re

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_TEXT = sqlmodel.sql.sqltypes.AutoString
_INSTANT = sqlmodel.sql.sqltypes.UTCDateTime

_STATES = (
    "state IN ('intended', 'in_doubt', 'pending', 'quarantined', 'refunded', 'declined', 'by_hand')"
)
# How the triggers of revision 0005 told what was given back, and what never changes again.
_DONE, _DONE_NOW = "state = 'refunded'", "state IN ('refunded', 'by_hand')"
_FINAL, _FINAL_NOW = "IN ('refunded', 'declined')", "IN ('refunded', 'declined', 'by_hand')"
_APPEND_ONLY = "refund_by_hand"


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        _change_refunds_of_postgresql()
    else:
        _rebuild_refunds_of_sqlite()
    _payments_by_hand()
    _reports()
    _replacements()


def _change_refunds_of_postgresql() -> None:
    op.drop_constraint(op.f("refund_state"), "refund")
    op.create_check_constraint(op.f("refund_state"), "refund", _STATES)
    found = sa.text("SELECT pg_get_functiondef('refund_counts'::regproc)")
    (made,) = op.get_bind().execute(found).one()
    op.get_bind().exec_driver_sql(_with_by_hand(made).replace("%", "%%"))


def _with_by_hand(words: str) -> str:
    """A trigger that counts what was paid by hand as given back, and lets it stay so."""
    changed = words.replace(_DONE, _DONE_NOW)
    return re.sub(re.escape(_FINAL), _FINAL_NOW, changed)


def _rebuild_refunds_of_sqlite() -> None:
    """SQLite cannot change a CHECK: the table is made anew from its own words, with its rows.

    Foreign keys of other tables are checked at the end of the transaction only.
    """
    bind = op.get_bind()
    (made,) = bind.execute(
        sa.text("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = 'refund'")
    ).one()
    others = bind.execute(
        sa.text(
            "SELECT sql FROM sqlite_master WHERE tbl_name = 'refund' "
            "AND type IN ('index', 'trigger') AND sql IS NOT NULL ORDER BY type, name"
        )
    ).scalars()
    anew, found = re.subn(
        r"CONSTRAINT refund_state CHECK \(.*?\)\)",
        f"CONSTRAINT refund_state CHECK ({_STATES})",
        made,
    )
    if found != 1:
        raise AssertionError(f"CHECK refund_state is not where it was: {made}")
    statements = [
        "PRAGMA defer_foreign_keys=ON",
        "CREATE TEMP TABLE kept_rows AS SELECT * FROM refund",
        "DROP TABLE refund",
        anew,
        "INSERT INTO refund SELECT * FROM kept_rows",
        "DROP TABLE kept_rows",
    ]
    for statement in [*statements, *(_with_by_hand(each) for each in list(others))]:
        bind.exec_driver_sql(statement)


def _payments_by_hand() -> None:
    op.create_table(
        "refund_by_hand",
        sa.Column("refund_row_id", sa.Integer(), nullable=False),
        sa.Column("merchant_id", _TEXT(), nullable=False),
        sa.Column("bank_reference", _TEXT(length=64), nullable=False),
        sa.Column("paid_on", sa.Date(), nullable=False),
        sa.Column("booked_at", _INSTANT(), nullable=False),
        sa.ForeignKeyConstraint(
            ["refund_row_id"], ["refund.id"], name=op.f("fk_refund_by_hand_refund_row_id")
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.id"], name=op.f("fk_refund_by_hand_merchant_id")
        ),
        sa.PrimaryKeyConstraint("refund_row_id", name=op.f("pk_refund_by_hand")),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            f"CREATE TRIGGER {_APPEND_ONLY}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE "
            f"ON {_APPEND_ONLY} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
        return
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {_APPEND_ONLY}_no_{change.lower()} BEFORE {change} ON {_APPEND_ONLY} "
            f"BEGIN SELECT RAISE(ABORT, '{_APPEND_ONLY} is append-only: write a correction "
            "instead'); END"
        )


def _reports() -> None:
    op.create_table(
        "amazon_report",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("merchant_id", _TEXT(), nullable=False),
        sa.Column("kind", _TEXT(), nullable=False),
        sa.Column("idempotency_key", _TEXT(length=32), nullable=False),
        sa.Column("start_at", _INSTANT(), nullable=False),
        sa.Column("end_at", _INSTANT(), nullable=False),
        sa.Column("state", _TEXT(), nullable=False),
        sa.Column("requested_at", _INSTANT(), nullable=False),
        sa.Column("report_id", _TEXT(), nullable=True),
        sa.Column("document_id", _TEXT(), nullable=True),
        sa.Column("read_at", _INSTANT(), nullable=True),
        sa.Column("row_count", sa.Integer(), nullable=True),
        sa.Column("sha256", _TEXT(length=64), nullable=True),
        sa.Column("detail", _TEXT(), nullable=True),
        sa.CheckConstraint(
            "state IN ('asked', 'making', 'read', 'empty', 'failed')",
            name=op.f("amazon_report_state"),
        ),
        sa.CheckConstraint("start_at < end_at", name=op.f("amazon_report_window")),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.id"], name=op.f("fk_amazon_report_merchant_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_amazon_report")),
        sa.UniqueConstraint(
            "merchant_id",
            "idempotency_key",
            name=op.f("uq_amazon_report_merchant_id_idempotency_key"),
        ),
    )


def _replacements() -> None:
    op.create_table(
        "permission_replacement",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("merchant_id", _TEXT(), nullable=False),
        sa.Column("subscription_id", sa.Integer(), nullable=False),
        sa.Column("old_permission_id", sa.Integer(), nullable=False),
        sa.Column("new_permission_id", sa.Integer(), nullable=False),
        sa.Column("actor", _TEXT(), nullable=False),
        sa.Column("reason", _TEXT(), nullable=False),
        sa.Column("replaced_at", _INSTANT(), nullable=False),
        sa.Column("ended_at", _INSTANT(), nullable=True),
        sa.CheckConstraint(
            "old_permission_id <> new_permission_id", name=op.f("permission_replacement_differs")
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.id"], name=op.f("fk_permission_replacement_merchant_id")
        ),
        sa.ForeignKeyConstraint(
            ["subscription_id"],
            ["subscription.id"],
            name=op.f("fk_permission_replacement_subscription_id"),
        ),
        sa.ForeignKeyConstraint(
            ["old_permission_id"],
            ["charge_permission.id"],
            name=op.f("fk_permission_replacement_old_permission_id"),
        ),
        sa.ForeignKeyConstraint(
            ["new_permission_id"],
            ["charge_permission.id"],
            name=op.f("fk_permission_replacement_new_permission_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_permission_replacement")),
        sa.UniqueConstraint(
            "subscription_id",
            "new_permission_id",
            name=op.f("uq_permission_replacement_subscription_id_new_permission_id"),
        ),
    )
    rule = sa.text("ended_at IS NULL")
    op.create_index(
        "permission_replacement_open",
        "permission_replacement",
        ["merchant_id", "old_permission_id"],
        sqlite_where=rule,
        postgresql_where=rule,
    )


def downgrade() -> None:
    raise NotImplementedError("books are not taken back; restore a backup instead")
