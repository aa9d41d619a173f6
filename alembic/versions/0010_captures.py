"""Authorise first, capture on shipment: acts on charges and permissions, chargebacks."""

import re

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_TEXT = sqlmodel.sql.sqltypes.AutoString
_INSTANT = sqlmodel.sql.sqltypes.UTCDateTime

_CHECKS = {
    "attempt": {
        "attempt_state": (
            "state IN ('intended', 'in_doubt', 'pending', 'authorized', 'captured', 'declined', "
            "'refused', 'canceled')"
        ),
        "attempt_authorized_yen": "authorized_yen IS NULL OR amount_yen <= authorized_yen",
    },
    "slot": {
        "slot_state": (
            "state IN ('due', 'open', 'authorized', 'waiting_buyer', 'paid', 'refused', "
            "'quarantined', 'uncollectible')"
        )
    },
}
_NEW_COLUMNS = {
    "attempt": {"authorized_yen": "INTEGER", "lapses_at": "DATETIME"},
    "slot": {"shipped_on": "DATE"},
}
_RULES = (
    ("pending_authorizations", sa.Boolean(), "0"),
    ("open_authorizations", _TEXT(), "one"),
    ("cap_of_canceled", _TEXT(), "kept"),
    ("authorization_days", sa.Integer(), "30"),
    ("reauthorize_days", sa.Integer(), "3"),
    ("refunds_per_charge", sa.Integer(), "10"),
)


def upgrade() -> None:
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    for table in ("attempt", "slot"):
        if on_postgresql:
            _change_on_postgresql(table)
        else:
            _rebuild_on_sqlite(table)
    op.drop_index("attempt_one_open_or_successful", table_name="attempt")
    _partial_index(
        "attempt_one_open_or_successful",
        "attempt",
        ["slot_id"],
        "state IN ('intended', 'in_doubt', 'pending', 'authorized', 'captured')",
        unique=True,
    )
    _partial_index(
        "attempt_authorized", "attempt", ["merchant_id", "look_at", "id"], "state = 'authorized'"
    )
    op.create_index("attempt_may_be_captured", "attempt", ["id", "authorized_yen"], unique=True)
    for name, kind, default in _RULES:
        # A boolean's default is written differently by the two databases.
        told = sa.text("false") if default == "0" else default
        column = sa.Column(name, kind, nullable=False, server_default=told)
        op.add_column("merchant", column)
    _acts()
    _chargebacks()


def _partial_index(
    name: str, table: str, columns: list[str], where: str, *, unique: bool = False
) -> None:
    rule = sa.text(where)
    op.create_index(name, table, columns, unique=unique, sqlite_where=rule, postgresql_where=rule)


def _change_on_postgresql(table: str) -> None:
    kinds = {"INTEGER": sa.Integer(), "DATE": sa.Date(), "DATETIME": _INSTANT()}
    for column, kind in _NEW_COLUMNS[table].items():
        op.add_column(table, sa.Column(column, kinds[kind], nullable=True))
    for name, rule in _CHECKS[table].items():
        if name.endswith("_state"):
            op.drop_constraint(op.f(name), table)
        op.create_check_constraint(op.f(name), table, rule)


def _rebuild_on_sqlite(table: str) -> None:
    """SQLite cannot change a CHECK: the table is made anew from its own words, with its rows.

    Foreign keys of other tables are checked at the end of the transaction only.
    """
    bind = op.get_bind()
    (made,) = bind.execute(
        sa.text("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = :t"), {"t": table}
    ).one()
    others = bind.execute(
        sa.text(
            "SELECT sql FROM sqlite_master WHERE tbl_name = :t AND type IN ('index', 'trigger') "
            "AND sql IS NOT NULL"
        ),
        {"t": table},
    ).scalars()
    kept = ", ".join(row[1] for row in bind.exec_driver_sql(f"PRAGMA table_info({table})"))
    statements = [
        "PRAGMA defer_foreign_keys=ON",
        f"CREATE TEMP TABLE kept_rows AS SELECT * FROM {table}",  # noqa: S608 - own names
        f"DROP TABLE {table}",
        _changed(made, table),
        f"INSERT INTO {table} ({kept}) SELECT {kept} FROM kept_rows",  # noqa: S608 - own names
        "DROP TABLE kept_rows",
    ]
    for statement in [*statements, *list(others)]:
        bind.exec_driver_sql(statement)


def _changed(made: str, table: str) -> str:
    """The CREATE TABLE with the new columns and CHECKs in it."""
    for name, rule in _CHECKS[table].items():
        made, found = re.subn(
            rf"CONSTRAINT {name} CHECK \(.*?\)\)", f"CONSTRAINT {name} CHECK ({rule})", made
        )
        if name.endswith("_state") and found != 1:
            raise AssertionError(f"CHECK {name} of {table} is not where it was: {made}")
        if not found:
            made = made.rstrip().removesuffix(")") + f", CONSTRAINT {name} CHECK ({rule}))"
    columns = ", ".join(f"{name} {kind}" for name, kind in _NEW_COLUMNS[table].items())
    return re.sub(r"(id INTEGER NOT NULL,)", rf"\1 {columns},", made, count=1)


def _acts() -> None:
    op.create_table(
        "act",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("merchant_id", _TEXT(), nullable=False),
        sa.Column("kind", _TEXT(), nullable=False),
        sa.Column("permission_id", sa.Integer(), nullable=False),
        sa.Column("attempt_id", sa.Integer(), nullable=True),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("reference", _TEXT(), nullable=False),
        sa.Column("idempotency_key", _TEXT(length=32), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("amount_yen", sa.Integer(), nullable=True),
        sa.Column("authorized_yen", sa.Integer(), nullable=True),
        sa.Column("cause", _TEXT(), nullable=False),
        sa.Column("state", _TEXT(), nullable=False),
        sa.Column("actor", _TEXT(), nullable=False),
        sa.Column("requested_at", _INSTANT(), nullable=False),
        sa.Column("look_at", _INSTANT(), nullable=False),
        sa.Column("worker_id", _TEXT(), nullable=True),
        sa.Column("sends", sa.Integer(), nullable=False),
        sa.Column("answered_at", _INSTANT(), nullable=True),
        sa.Column("reason_code", _TEXT(), nullable=True),
        sa.Column("amazon_request_id", _TEXT(), nullable=True),
        sa.Column("detail", _TEXT(), nullable=True),
        sa.CheckConstraint("kind IN ('capture', 'cancel', 'close')", name=op.f("act_kind")),
        sa.CheckConstraint(
            "state IN ('intended', 'in_doubt', 'pending', 'quarantined', 'done', 'declined')",
            name=op.f("act_state"),
        ),
        sa.CheckConstraint(
            "(kind = 'close') = (attempt_id IS NULL)", name=op.f("act_of_one_thing")
        ),
        sa.CheckConstraint(
            "(kind = 'capture') = (amount_yen IS NOT NULL)", name=op.f("act_amount_of_a_capture")
        ),
        sa.CheckConstraint(
            "amount_yen IS NULL OR (authorized_yen IS NOT NULL "
            "AND amount_yen BETWEEN 1 AND authorized_yen)",
            name=op.f("act_within_authorized"),
        ),
        sa.CheckConstraint("number >= 1", name=op.f("act_number")),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchant.id"], name=op.f("fk_act_merchant_id")),
        sa.ForeignKeyConstraint(
            ["permission_id"], ["charge_permission.id"], name=op.f("fk_act_permission_id")
        ),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempt.id"], name=op.f("fk_act_attempt_id")),
        sa.ForeignKeyConstraint(
            ["attempt_id", "authorized_yen"],
            ["attempt.id", "attempt.authorized_yen"],
            name=op.f("fk_act_authorized"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_act")),
        sa.UniqueConstraint("merchant_id", "reference", name=op.f("uq_act_merchant_id_reference")),
        sa.UniqueConstraint(
            "merchant_id", "idempotency_key", name=op.f("uq_act_merchant_id_idempotency_key")
        ),
    )
    going = "state <> 'declined'"
    _partial_index("act_one_of_a_charge", "act", ["attempt_id"], going, unique=True)
    _partial_index(
        "act_one_close", "act", ["permission_id"], f"kind = 'close' AND {going}", unique=True
    )
    _partial_index(
        "act_unsettled",
        "act",
        ["merchant_id", "look_at", "id"],
        "state IN ('intended', 'in_doubt', 'pending')",
    )


def _chargebacks() -> None:
    op.create_table(
        "chargeback",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("merchant_id", _TEXT(), nullable=False),
        sa.Column("attempt_id", sa.Integer(), nullable=False),
        sa.Column("case_id", _TEXT(length=64), nullable=False),
        sa.Column("amount_yen", sa.Integer(), nullable=False),
        sa.Column("happened_on", sa.Date(), nullable=False),
        sa.Column("reason", _TEXT(), nullable=False),
        sa.Column("actor", _TEXT(), nullable=False),
        sa.Column("booked_at", _INSTANT(), nullable=False),
        sa.CheckConstraint("amount_yen >= 1", name=op.f("chargeback_amount_yen")),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.id"], name=op.f("fk_chargeback_merchant_id")
        ),
        sa.ForeignKeyConstraint(
            ["attempt_id"], ["attempt.id"], name=op.f("fk_chargeback_attempt_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chargeback")),
        sa.UniqueConstraint("attempt_id", "case_id", name=op.f("uq_chargeback_attempt_id_case_id")),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE TRIGGER chargeback_append_only BEFORE UPDATE OR DELETE OR TRUNCATE "
            "ON chargeback FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
        return
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER chargeback_no_{change.lower()} BEFORE {change} ON chargeback BEGIN "
            "SELECT RAISE(ABORT, 'chargeback is append-only: write a correction instead'); END"
        )


def downgrade() -> None:
    raise NotImplementedError("books are not taken back; restore a backup instead")
