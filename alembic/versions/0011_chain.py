"""The hash chain of the books, acts of operators, the environment mark, restorations.

Rows that are the memory of what was sent are never deleted from here on, by trigger.
"""

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_TEXT = sqlmodel.sql.sqltypes.AutoString
_INSTANT = sqlmodel.sql.sqltypes.UTCDateTime

APPEND_ONLY = ("chain_link", "audit_event")
# Their states change, their rows stay: they say what was owed and what was sent under which key.
KEPT = ("invoice", "slot", "attempt", "environment_mark", "restoration", "restoration_check")


def upgrade() -> None:
    _chain()
    _environment()
    _restorations()
    if op.get_bind().dialect.name == "postgresql":
        _triggers_of_postgresql()
    else:
        _triggers_of_sqlite()


def _chain() -> None:
    op.create_table(
        "chain_link",
        sa.Column("book", _TEXT(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("last_id", sa.Integer(), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("leaves", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("chained_at", _INSTANT(), nullable=False),
        sa.CheckConstraint("number >= 1", name=op.f("chain_link_number")),
        sa.CheckConstraint("entries >= 1", name=op.f("chain_link_entries")),
        sa.PrimaryKeyConstraint("book", "number", name=op.f("pk_chain_link")),
    )
    op.create_table(
        "audit_event",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("merchant_id", _TEXT(), nullable=True),
        sa.Column("at", _INSTANT(), nullable=False),
        sa.Column("kind", _TEXT(), nullable=False),
        sa.Column("actor", _TEXT(), nullable=False),
        sa.Column("reason", _TEXT(), nullable=False),
        sa.Column("detail", _TEXT(), nullable=True),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.id"], name=op.f("fk_audit_event_merchant_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_event")),
    )
    op.create_table(
        "global_brake",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("pulled_at", _INSTANT(), nullable=True),
        sa.Column("pulled_by", _TEXT(), nullable=True),
        sa.Column("reason", _TEXT(), nullable=True),
        sa.CheckConstraint("id = 1", name=op.f("global_brake_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_global_brake")),
    )


def _environment() -> None:
    op.create_table(
        "environment_mark",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("uid", _TEXT(), nullable=False),
        sa.Column("name", _TEXT(), nullable=False),
        sa.Column("amazon_host", _TEXT(), nullable=True),
        sa.Column("place", _TEXT(), nullable=True),
        sa.Column("place_id", _TEXT(), nullable=True),
        sa.Column("marked_at", _INSTANT(), nullable=False),
        sa.Column("marked_by", _TEXT(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("environment_mark_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_environment_mark")),
    )
    op.create_table(
        "environment_account",
        sa.Column("merchant_id", _TEXT(), nullable=False),
        sa.Column("environment", _TEXT(), nullable=False),
        sa.Column("seller_id", _TEXT(), nullable=True),
        sa.Column("key_fingerprint", _TEXT(), nullable=True),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.id"], name=op.f("fk_environment_account_merchant_id")
        ),
        sa.PrimaryKeyConstraint("merchant_id", name=op.f("pk_environment_account")),
    )


def _restorations() -> None:
    op.create_table(
        "restoration",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", _TEXT(), nullable=False),
        sa.Column("begun_at", _INSTANT(), nullable=False),
        sa.Column("begun_by", _TEXT(), nullable=False),
        sa.Column("reason", _TEXT(), nullable=False),
        sa.Column("restored_to", _INSTANT(), nullable=True),
        sa.Column("first_by", _TEXT(), nullable=True),
        sa.Column("first_at", _INSTANT(), nullable=True),
        sa.Column("second_by", _TEXT(), nullable=True),
        sa.Column("ended_at", _INSTANT(), nullable=True),
        sa.CheckConstraint("state IN ('reconciling', 'over')", name=op.f("restoration_state")),
        sa.CheckConstraint(
            "lower(second_by) <> lower(first_by)", name=op.f("restoration_two_people")
        ),
        sa.CheckConstraint(
            "state = 'reconciling' OR (first_by IS NOT NULL AND second_by IS NOT NULL)",
            name=op.f("restoration_over"),
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_restoration")),
    )
    rule = sa.text("state = 'reconciling'")
    op.create_index(
        "restoration_one_open",
        "restoration",
        ["state"],
        unique=True,
        sqlite_where=rule,
        postgresql_where=rule,
    )
    op.create_table(
        "restoration_check",
        sa.Column("restoration", sa.Integer(), nullable=False),
        sa.Column("merchant_id", _TEXT(), nullable=False),
        sa.Column("checked_at", _INSTANT(), nullable=False),
        sa.Column("found", _TEXT(), nullable=False),
        sa.ForeignKeyConstraint(
            ["restoration"], ["restoration.number"], name=op.f("fk_restoration_check_restoration")
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.id"], name=op.f("fk_restoration_check_merchant_id")
        ),
        sa.PrimaryKeyConstraint("restoration", "merchant_id", name=op.f("pk_restoration_check")),
    )


def _triggers_of_postgresql() -> None:
    op.execute(
        """
        CREATE FUNCTION refuse_delete() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'rows of % are never deleted', TG_TABLE_NAME;
        END $$
        """
    )
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE "
            f"ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    for table in KEPT:
        op.execute(
            f"CREATE TRIGGER {table}_kept BEFORE DELETE OR TRUNCATE "
            f"ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_delete()"
        )
    # Its row triggers do not see a TRUNCATE.
    op.execute(
        "CREATE TRIGGER refund_kept BEFORE TRUNCATE ON refund "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_delete()"
    )


def _triggers_of_sqlite() -> None:
    for table in APPEND_ONLY:
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{change.lower()} BEFORE {change} ON {table} BEGIN "
                f"SELECT RAISE(ABORT, '{table} is append-only: write a correction instead'); END"
            )
    for table in KEPT:
        op.execute(
            f"CREATE TRIGGER {table}_kept BEFORE DELETE ON {table} BEGIN "
            f"SELECT RAISE(ABORT, 'rows of {table} are never deleted'); END"
        )


def downgrade() -> None:
    raise NotImplementedError("books are not taken back; restore a backup instead")
