"""Deliveries of notices: mails and webhooks, endpoints, own words, places of events."""

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_TEXT = sqlmodel.sql.sqltypes.AutoString
_INSTANT = sqlmodel.sql.sqltypes.UTCDateTime


def upgrade() -> None:
    op.add_column("customer", sa.Column("language", _TEXT(), nullable=True))
    _notices()
    _rules()
    _templates()
    op.create_table(
        "event_head",
        sa.Column("merchant_id", _TEXT(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        _of_merchant("event_head"),
        sa.PrimaryKeyConstraint("merchant_id", name=op.f("pk_event_head")),
    )
    _endpoints()
    _deliveries()


def _of_merchant(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["merchant_id"], ["merchant.id"], name=op.f(f"fk_{table}_merchant_id")
    )


def _notices() -> None:
    for column in (
        sa.Column("reference", _TEXT(), nullable=True),
        sa.Column("facts", _TEXT(), nullable=True),
        sa.Column("position", sa.Integer(), nullable=True),
    ):
        op.add_column("notice", column)
    # SQLite makes the table anew for this; its rows and indexes are carried over.
    with op.batch_alter_table("notice") as notice:
        notice.alter_column("subscription_id", existing_type=sa.Integer(), nullable=True)
    _index("notice_unplaced", ["merchant_id", "id"], "position IS NULL")
    _index("notice_position", ["merchant_id", "position"], "position IS NOT NULL", unique=True)


def _index(
    name: str, columns: list[str], where: str, *, table: str = "notice", unique: bool = False
) -> None:
    rule = sa.text(where)
    op.create_index(name, table, columns, unique=unique, sqlite_where=rule, postgresql_where=rule)


def _rules() -> None:
    texts = (
        *("mail_from", "mail_name", "reply_to", "staff_email", "seller_name"),
        *("seller_postal_code", "seller_address", "seller_phone", "seller_url", "buyer_url"),
    )
    op.create_table(
        "notice_rules",
        sa.Column("merchant_id", _TEXT(), nullable=False),
        sa.Column("language", _TEXT(), nullable=False),
        sa.Column("upcoming_days", sa.Integer(), nullable=False),
        *(sa.Column(name, _TEXT(), nullable=False) for name in texts),
        sa.CheckConstraint("language IN ('ja', 'en')", name=op.f("notice_rules_language")),
        sa.CheckConstraint(
            "upcoming_days BETWEEN 0 AND 60", name=op.f("notice_rules_upcoming_days")
        ),
        _of_merchant("notice_rules"),
        sa.PrimaryKeyConstraint("merchant_id", name=op.f("pk_notice_rules")),
    )


def _templates() -> None:
    op.create_table(
        "notice_template",
        sa.Column("merchant_id", _TEXT(), nullable=False),
        sa.Column("kind", _TEXT(), nullable=False),
        sa.Column("language", _TEXT(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("subject", _TEXT(), nullable=True),
        sa.Column("body", _TEXT(), nullable=True),
        sa.Column("made_at", _INSTANT(), nullable=False),
        sa.Column("made_by", _TEXT(), nullable=False),
        sa.CheckConstraint("language IN ('ja', 'en')", name=op.f("notice_template_language")),
        sa.CheckConstraint("version >= 1", name=op.f("notice_template_version")),
        _of_merchant("notice_template"),
        sa.PrimaryKeyConstraint(
            "merchant_id", "kind", "language", "version", name=op.f("pk_notice_template")
        ),
    )


def _endpoints() -> None:
    op.create_table(
        "webhook_endpoint",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("merchant_id", _TEXT(), nullable=False),
        sa.Column("code", _TEXT(length=64), nullable=False),
        sa.Column("url", _TEXT(), nullable=False),
        sa.Column("sealed_secret", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_old_secret", sa.LargeBinary(), nullable=True),
        sa.Column("old_secret_until", _INSTANT(), nullable=True),
        sa.Column("state", _TEXT(), nullable=False),
        sa.Column("made_at", _INSTANT(), nullable=False),
        sa.Column("failing_since", _INSTANT(), nullable=True),
        sa.Column("disabled_at", _INSTANT(), nullable=True),
        sa.Column("disabled_reason", _TEXT(), nullable=True),
        sa.CheckConstraint("state IN ('active', 'disabled')", name=op.f("webhook_endpoint_state")),
        _of_merchant("webhook_endpoint"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_endpoint")),
        sa.UniqueConstraint(
            "merchant_id", "code", name=op.f("uq_webhook_endpoint_merchant_id_code")
        ),
    )


def _deliveries() -> None:
    op.create_table(
        "delivery",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("merchant_id", _TEXT(), nullable=False),
        sa.Column("notice_id", sa.Integer(), nullable=False),
        sa.Column("channel", _TEXT(), nullable=False),
        sa.Column("target", _TEXT(), nullable=False),
        sa.Column("endpoint_id", sa.Integer(), nullable=True),
        sa.Column("message_id", _TEXT(), nullable=False),
        sa.Column("state", _TEXT(), nullable=False),
        sa.Column("look_at", _INSTANT(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("worker_id", _TEXT(), nullable=True),
        sa.Column("planned_at", _INSTANT(), nullable=False),
        sa.Column("settled_at", _INSTANT(), nullable=True),
        sa.Column("detail", _TEXT(), nullable=True),
        sa.Column("recipient", _TEXT(), nullable=True),
        sa.Column("language", _TEXT(), nullable=True),
        sa.Column("template_version", sa.Integer(), nullable=True),
        sa.Column("subject", _TEXT(), nullable=True),
        sa.Column("body", _TEXT(), nullable=True),
        sa.CheckConstraint("channel IN ('mail', 'webhook')", name=op.f("delivery_channel")),
        sa.CheckConstraint("state IN ('waiting', 'sent', 'dead')", name=op.f("delivery_state")),
        sa.CheckConstraint("tries >= 0", name=op.f("delivery_tries")),
        _of_merchant("delivery"),
        sa.ForeignKeyConstraint(["notice_id"], ["notice.id"], name=op.f("fk_delivery_notice_id")),
        sa.ForeignKeyConstraint(
            ["endpoint_id"], ["webhook_endpoint.id"], name=op.f("fk_delivery_endpoint_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery")),
        sa.UniqueConstraint(
            "notice_id", "channel", "target", name=op.f("uq_delivery_notice_id_channel_target")
        ),
    )
    op.create_index(op.f("ix_delivery_endpoint_id"), "delivery", ["endpoint_id"])
    _index(
        "delivery_waiting",
        ["merchant_id", "channel", "look_at", "id"],
        "state = 'waiting'",
        table="delivery",
    )
    _index("delivery_dead", ["merchant_id", "channel", "id"], "state = 'dead'", table="delivery")


def downgrade() -> None:
    raise NotImplementedError("books are not taken back; restore a backup instead")
