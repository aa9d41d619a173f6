"""Changed agreements, quotes, and invoices for changes inside a cycle."""

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TEXT = sqlmodel.sql.sqltypes.AutoString


def upgrade() -> None:
    _invoices_have_a_purpose()
    for column in ("body", "quote_id"):
        op.add_column("subscription_event", sa.Column(column, _TEXT(), nullable=True))
    op.add_column("subscription_event", sa.Column("sequence", sa.Integer(), nullable=True))
    op.create_index(
        "subscription_event_sequence",
        "subscription_event",
        ["subscription_id", "sequence"],
        unique=True,
        sqlite_where=sa.text("sequence IS NOT NULL"),
        postgresql_where=sa.text("sequence IS NOT NULL"),
    )
    op.create_table(
        "agreement",
        sa.Column("subscription_id", sa.Integer(), nullable=False),
        sa.Column("merchant_id", _TEXT(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("body", _TEXT(), nullable=False),
        sa.Column("credit_yen", sa.Integer(), nullable=False),
        sa.Column("pending_quote_id", _TEXT(), nullable=True),
        sa.CheckConstraint("credit_yen >= 0", name=op.f("agreement_credit_yen")),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.id"], name=op.f("fk_agreement_merchant_id")
        ),
        sa.ForeignKeyConstraint(
            ["subscription_id"], ["subscription.id"], name=op.f("fk_agreement_subscription_id")
        ),
        sa.PrimaryKeyConstraint("subscription_id", name=op.f("pk_agreement")),
    )
    op.create_table(
        "quote",
        sa.Column("merchant_id", _TEXT(), nullable=False),
        sa.Column("id", _TEXT(length=64), nullable=False),
        sa.Column("subscription_id", sa.Integer(), nullable=False),
        sa.Column("state", _TEXT(), nullable=False),
        sa.Column("asked_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("expires_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("body", _TEXT(), nullable=False),
        sa.Column("outcome", _TEXT(), nullable=True),
        sa.Column("result", _TEXT(), nullable=True),
        sa.Column("settled_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
        sa.CheckConstraint(
            "state IN ('open', 'charging', 'confirmed', 'declined')", name=op.f("quote_state")
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.id"], name=op.f("fk_quote_merchant_id")
        ),
        sa.ForeignKeyConstraint(
            ["subscription_id"], ["subscription.id"], name=op.f("fk_quote_subscription_id")
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pk_quote")),
    )
    op.create_index(op.f("ix_quote_subscription_id"), "quote", ["subscription_id"])


def _invoices_have_a_purpose() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.add_column("invoice", sa.Column("purpose", _TEXT(), server_default="renewal"))
        op.add_column("invoice", sa.Column("offset_yen", sa.Integer(), server_default="0"))
        op.add_column("invoice", sa.Column("price_id", sa.Integer(), nullable=True))
        op.create_foreign_key(op.f("fk_invoice_price_id"), "invoice", "price", ["price_id"], ["id"])
        for column in ("purpose", "offset_yen"):
            op.alter_column("invoice", column, nullable=False, server_default=None)
        op.drop_constraint("uq_invoice_subscription_id_cycle", "invoice")
        for name in ("invoice_paid_yen", "invoice_total_yen"):
            op.drop_constraint(op.f(name), "invoice")
        op.create_unique_constraint(
            op.f("uq_invoice_subscription_id_cycle_purpose"),
            "invoice",
            ["subscription_id", "cycle", "purpose"],
        )
        op.create_check_constraint(
            op.f("invoice_paid_yen"), "invoice", "paid_yen BETWEEN 0 AND total_yen - offset_yen"
        )
        op.create_check_constraint(
            op.f("invoice_total_yen"), "invoice", "total_yen BETWEEN -1000000000 AND 1000000000"
        )
        return
    _rebuild_on_sqlite()


def _rebuild_on_sqlite() -> None:
    """SQLite cannot drop a constraint: the table is made anew, its rows come back under their ids.

    Foreign keys of lines, slots and journals are checked at the end of the transaction only.
    """
    op.execute("PRAGMA defer_foreign_keys=ON")
    op.execute("CREATE TEMP TABLE kept_invoice AS SELECT * FROM invoice")
    op.drop_table("invoice")
    op.create_table(
        "invoice",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("merchant_id", _TEXT(), nullable=False),
        sa.Column("subscription_id", sa.Integer(), nullable=False),
        sa.Column("cycle", sa.Integer(), nullable=False),
        sa.Column("purpose", _TEXT(), nullable=False),
        sa.Column("number", _TEXT(), nullable=False),
        sa.Column("state", _TEXT(), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("period_start", sa.Date(), nullable=False),
        sa.Column("period_end", sa.Date(), nullable=False),
        sa.Column("total_yen", sa.Integer(), nullable=False),
        sa.Column("paid_yen", sa.Integer(), nullable=False),
        sa.Column("offset_yen", sa.Integer(), nullable=False),
        sa.Column("price_id", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "state IN ('open', 'paid', 'void', 'uncollectible')", name=op.f("invoice_state")
        ),
        sa.CheckConstraint(
            "paid_yen BETWEEN 0 AND total_yen - offset_yen", name=op.f("invoice_paid_yen")
        ),
        sa.CheckConstraint(
            "total_yen BETWEEN -1000000000 AND 1000000000", name=op.f("invoice_total_yen")
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.id"], name=op.f("fk_invoice_merchant_id")
        ),
        sa.ForeignKeyConstraint(
            ["subscription_id"], ["subscription.id"], name=op.f("fk_invoice_subscription_id")
        ),
        sa.ForeignKeyConstraint(["price_id"], ["price.id"], name=op.f("fk_invoice_price_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoice")),
        sa.UniqueConstraint("merchant_id", "number", name=op.f("uq_invoice_merchant_id_number")),
        sa.UniqueConstraint(
            "subscription_id",
            "cycle",
            "purpose",
            name=op.f("uq_invoice_subscription_id_cycle_purpose"),
        ),
    )
    kept = "id, merchant_id, subscription_id, cycle, number, state, issued_on, period_start"
    kept += ", period_end, total_yen, paid_yen"
    op.execute(
        f"INSERT INTO invoice ({kept}, purpose, offset_yen) "  # noqa: S608 - our own column names
        f"SELECT {kept}, 'renewal', 0 FROM kept_invoice"
    )
    op.execute("DROP TABLE kept_invoice")


def downgrade() -> None:
    raise NotImplementedError("books are not taken back; restore a backup instead")
