"""Dunning schedules by plan, frozen on the invoice."""

import json

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_TEXT = sqlmodel.sql.sqltypes.AutoString
_SECTIONS = "section IN ('add_ons', 'coupons', 'families', 'migrations', 'dunning')"


def upgrade() -> None:
    _offers_may_be_schedules()
    op.add_column("plan", sa.Column("dunning", _TEXT(), nullable=True))
    op.add_column("slot", sa.Column("asked_attempt", sa.Integer(), nullable=True))
    op.create_table(
        "dunning",
        sa.Column("invoice_id", sa.Integer(), nullable=False),
        sa.Column("merchant_id", _TEXT(), nullable=False),
        sa.Column("schedule_code", _TEXT(), nullable=True),
        sa.Column("schedule_from", sa.Date(), nullable=True),
        sa.Column("began_on", sa.Date(), nullable=False),
        sa.Column("ends_by", _TEXT(), nullable=False),
        sa.Column("ends_closed_by", _TEXT(), nullable=False),
        sa.Column("terms", _TEXT(), nullable=False),
        sa.CheckConstraint(
            "ends_by IN ('pause', 'cancel', 'keep_open')", name=op.f("dunning_ends_by")
        ),
        sa.CheckConstraint(
            "ends_closed_by IN ('pause', 'cancel', 'keep_open')",
            name=op.f("dunning_ends_closed_by"),
        ),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"], name=op.f("fk_dunning_invoice_id")),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.id"], name=op.f("fk_dunning_merchant_id")
        ),
        sa.PrimaryKeyConstraint("invoice_id", name=op.f("pk_dunning")),
    )
    _freeze_what_runs()
    _refuse_changes("dunning")


def _offers_may_be_schedules() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint(op.f("offer_section"), "offer")
        op.create_check_constraint(op.f("offer_section"), "offer", _SECTIONS)
        return
    # SQLite cannot change a constraint: the table is made anew, its rows come back under their
    # ids. The references of versions are checked at the end of the transaction only.
    op.execute("PRAGMA defer_foreign_keys=ON")
    op.execute("CREATE TEMP TABLE kept_offer AS SELECT * FROM offer")
    op.drop_table("offer")
    op.create_table(
        "offer",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("merchant_id", _TEXT(), nullable=False),
        sa.Column("section", _TEXT(), nullable=False),
        sa.Column("code", _TEXT(), nullable=False),
        sa.Column("name_ja", _TEXT(), nullable=False),
        sa.Column("name_en", _TEXT(), nullable=False),
        sa.CheckConstraint(_SECTIONS, name=op.f("offer_section")),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.id"], name=op.f("fk_offer_merchant_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_offer")),
        sa.UniqueConstraint(
            "merchant_id", "section", "code", name=op.f("uq_offer_merchant_id_section_code")
        ),
    )
    kept = "id, merchant_id, section, code, name_ja, name_en"
    op.execute(f"INSERT INTO offer ({kept}) SELECT {kept} FROM kept_offer")  # noqa: S608 - our own column names
    op.execute("DROP TABLE kept_offer")


def _freeze_what_runs() -> None:
    """Open invoices whose dunning has begun go on under the merchant's rules of this moment."""
    connection = op.get_bind()
    running = connection.execute(
        sa.text(
            "SELECT i.id, i.merchant_id, m.dunning_days, m.dunning_end, "
            "COALESCE(MIN(s.declined_on), i.issued_on) AS began_on "
            "FROM invoice i JOIN slot s ON s.invoice_id = i.id JOIN merchant m "
            "ON m.id = i.merchant_id "
            "WHERE i.state = 'open' AND (s.declines > 0 OR s.state = 'waiting_buyer') "
            "GROUP BY i.id, i.merchant_id, m.dunning_days, m.dunning_end, i.issued_on"
        )
    ).all()
    if running:
        connection.execute(
            sa.text(
                "INSERT INTO dunning (invoice_id, merchant_id, began_on, ends_by, ends_closed_by, "
                "terms) VALUES (:invoice, :merchant, :began_on, :ends_by, :ends_by, :terms)"
            ),
            [
                {
                    "invoice": row.id,
                    "merchant": row.merchant_id,
                    "began_on": row.began_on,
                    "ends_by": row.dunning_end,
                    "terms": _terms(row.dunning_days, row.dunning_end),
                }
                for row in running
            ],
        )


def _terms(days: str, end: str) -> str:
    """The merchant's rules as a schedule: canonical text, what is a default left out."""
    terms: dict[str, object] = {}
    if days.replace(" ", "") != "1,3,7,14":
        terms["soft"] = {"days": [int(day) for day in days.split(",")]}
    if end != "pause":
        terms["end"] = end
    return json.dumps(terms, ensure_ascii=True, sort_keys=True, separators=(",", ":"))


def _refuse_changes(table: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE "
            f"ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
        return
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_no_{change.lower()} BEFORE {change} ON {table} BEGIN "
            f"SELECT RAISE(ABORT, '{table} is append-only: write a correction instead'); END"
        )


def downgrade() -> None:
    raise NotImplementedError("books are not taken back; restore a backup instead")
