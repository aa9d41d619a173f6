"""Refunds, and the room that the database itself counts for them."""

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_TEXT = sqlmodel.sql.sqltypes.AutoString
_INSTANT = sqlmodel.sql.sqltypes.UTCDateTime
_HOLDING = "('intended', 'in_doubt', 'pending', 'quarantined')"
_DONE = "= 'refunded'"
_FINAL = "('refunded', 'declined')"
_FROZEN = ("attempt_id", "amount_yen", "owed_before_yen", "idempotency_key", "body")
_SAYS_FROZEN = "a refund never changes its charge, amount, key, bytes or final state"
_SAYS_KEPT = "refunds are never deleted"
_SAYS_NO_ROOM = "only a captured charge with a refund_room can be refunded"


def upgrade() -> None:
    op.create_table(
        "refund",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("merchant_id", _TEXT(), nullable=False),
        sa.Column("attempt_id", sa.Integer(), nullable=False),
        sa.Column("request_id", _TEXT(length=64), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("reference", _TEXT(), nullable=False),
        sa.Column("idempotency_key", _TEXT(length=32), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("origin", _TEXT(), nullable=False),
        sa.Column("amount_yen", sa.Integer(), nullable=False),
        sa.Column("owed_before_yen", sa.Integer(), nullable=False),
        sa.Column("taxes", _TEXT(), nullable=False),
        sa.Column("state", _TEXT(), nullable=False),
        sa.Column("reason", _TEXT(), nullable=False),
        sa.Column("actor", _TEXT(), nullable=False),
        sa.Column("requested_at", _INSTANT(), nullable=False),
        sa.Column("look_at", _INSTANT(), nullable=False),
        sa.Column("worker_id", _TEXT(), nullable=True),
        sa.Column("sends", sa.Integer(), nullable=False),
        sa.Column("answered_at", _INSTANT(), nullable=True),
        sa.Column("refund_id", _TEXT(), nullable=True),
        sa.Column("reason_code", _TEXT(), nullable=True),
        sa.Column("amazon_request_id", _TEXT(), nullable=True),
        sa.Column("detail", _TEXT(), nullable=True),
        sa.CheckConstraint("amount_yen BETWEEN 1 AND 10000000", name=op.f("refund_amount_yen")),
        sa.CheckConstraint(
            "owed_before_yen BETWEEN 0 AND amount_yen", name=op.f("refund_owed_before_yen")
        ),
        sa.CheckConstraint("origin IN ('desk', 'agreement')", name=op.f("refund_origin")),
        sa.CheckConstraint("number >= 1 AND part >= 1", name=op.f("refund_number")),
        sa.CheckConstraint(
            "state IN ('intended', 'in_doubt', 'pending', 'quarantined', 'refunded', 'declined')",
            name=op.f("refund_state"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.id"], name=op.f("fk_refund_merchant_id")
        ),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempt.id"], name=op.f("fk_refund_attempt_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refund")),
        sa.UniqueConstraint("attempt_id", "number", name=op.f("uq_refund_attempt_id_number")),
        sa.UniqueConstraint(
            "merchant_id", "reference", name=op.f("uq_refund_merchant_id_reference")
        ),
        sa.UniqueConstraint(
            "merchant_id", "idempotency_key", name=op.f("uq_refund_merchant_id_idempotency_key")
        ),
        sa.UniqueConstraint(
            "merchant_id", "request_id", "part", name=op.f("uq_refund_merchant_id_request_id_part")
        ),
        sa.UniqueConstraint(
            "merchant_id", "refund_id", name=op.f("uq_refund_merchant_id_refund_id")
        ),
    )
    _index("refund_one_open", ["attempt_id"], f"state IN {_HOLDING}", unique=True)
    _index(
        "refund_unsettled",
        ["merchant_id", "look_at", "id"],
        "state IN ('intended', 'in_doubt', 'pending')",
    )
    op.create_table(
        "refund_room",
        sa.Column("attempt_id", sa.Integer(), nullable=False),
        sa.Column("limit_yen", sa.Integer(), nullable=False),
        sa.Column("refunded_yen", sa.Integer(), nullable=False),
        sa.Column("held_yen", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "refunded_yen >= 0 AND held_yen >= 0", name=op.f("refund_room_positive")
        ),
        sa.CheckConstraint("refunded_yen + held_yen <= limit_yen", name=op.f("refund_room_limit")),
        sa.ForeignKeyConstraint(
            ["attempt_id"], ["attempt.id"], name=op.f("fk_refund_room_attempt_id")
        ),
        sa.PrimaryKeyConstraint("attempt_id", name=op.f("pk_refund_room")),
    )
    if op.get_bind().dialect.name == "postgresql":
        _triggers_of_postgresql()
    else:
        _triggers_of_sqlite()


def _index(name: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    rule = sa.text(where)
    op.create_index(
        name, "refund", columns, unique=unique, sqlite_where=rule, postgresql_where=rule
    )


def _worth(row: str, words: str) -> str:
    return f"CASE WHEN {row}.state {words} THEN {row}.amount_yen ELSE 0 END"


def _counted() -> str:
    """The statement that counts a new refund in its room."""
    return _room_update(
        f"held_yen = held_yen + {_worth('NEW', f'IN {_HOLDING}')}, "
        f"refunded_yen = refunded_yen + {_worth('NEW', _DONE)}"
    )


def _recounted() -> str:
    """One statement for a change of state, so that no moment of it lies outside the CHECK."""
    holding = f"IN {_HOLDING}"
    return _room_update(
        f"held_yen = held_yen - {_worth('OLD', holding)} + {_worth('NEW', holding)}, "
        f"refunded_yen = refunded_yen - {_worth('OLD', _DONE)} + {_worth('NEW', _DONE)}"
    )


def _room_update(values: str) -> str:
    return f"UPDATE refund_room SET {values} WHERE attempt_id = NEW.attempt_id"  # noqa: S608 - our own words


def _room_exists() -> str:
    return (
        "EXISTS (SELECT 1 FROM refund_room r JOIN attempt a ON a.id = r.attempt_id "
        "WHERE a.id = NEW.attempt_id AND a.merchant_id = NEW.merchant_id "
        "AND a.state = 'captured')"
    )


def _changed(operator: str) -> str:
    """True when a column that never changes does, or a final state is left."""
    frozen = " OR ".join(f"NEW.{column} {operator} OLD.{column}" for column in _FROZEN)
    return f"{frozen} OR (OLD.state IN {_FINAL} AND NEW.state <> OLD.state)"


def _triggers_of_postgresql() -> None:
    op.execute(
        f"""
        CREATE FUNCTION refund_counts() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'DELETE' THEN
                RAISE EXCEPTION '{_SAYS_KEPT}';
            ELSIF TG_OP = 'INSERT' THEN
                IF NOT {_room_exists()} THEN
                    RAISE EXCEPTION '{_SAYS_NO_ROOM}';
                END IF;
                {_counted()};
            ELSE
                IF {_changed("IS DISTINCT FROM")} THEN
                    RAISE EXCEPTION '{_SAYS_FROZEN}';
                END IF;
                IF NEW.state <> OLD.state THEN
                    {_recounted()};
                END IF;
            END IF;
            RETURN NULL;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER refund_counted AFTER INSERT OR UPDATE OR DELETE ON refund "
        "FOR EACH ROW EXECUTE FUNCTION refund_counts()"
    )


def _triggers_of_sqlite() -> None:
    op.execute(
        "CREATE TRIGGER refund_of_captured BEFORE INSERT ON refund "
        f"WHEN NOT {_room_exists()} BEGIN SELECT RAISE(ABORT, '{_SAYS_NO_ROOM}'); END"
    )
    op.execute(f"CREATE TRIGGER refund_counted AFTER INSERT ON refund BEGIN {_counted()}; END")
    op.execute(
        "CREATE TRIGGER refund_frozen BEFORE UPDATE ON refund "
        f"WHEN {_changed('IS NOT')} BEGIN SELECT RAISE(ABORT, '{_SAYS_FROZEN}'); END"
    )
    op.execute(
        "CREATE TRIGGER refund_recounted AFTER UPDATE OF state ON refund "
        f"WHEN NEW.state <> OLD.state BEGIN {_recounted()}; END"
    )
    op.execute(
        "CREATE TRIGGER refund_kept BEFORE DELETE ON refund "
        f"BEGIN SELECT RAISE(ABORT, '{_SAYS_KEPT}'); END"
    )


def downgrade() -> None:
    raise NotImplementedError("books are not taken back; restore a backup instead")
