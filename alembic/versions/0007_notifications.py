"""The inbox of notifications, refused deliveries by kind, and what a merchant listens to."""

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_TEXT = sqlmodel.sql.sqltypes.AutoString
_INSTANT = sqlmodel.sql.sqltypes.UTCDateTime


def upgrade() -> None:
    op.add_column("merchant", sa.Column("notification_topics", _TEXT(), nullable=True))
    op.add_column("merchant", sa.Column("sweep_days", sa.Integer(), nullable=True))
    op.add_column("charge_permission", sa.Column("state_changed_at", _INSTANT(), nullable=True))
    op.create_table(
        "notification",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("merchant_id", _TEXT(), nullable=False),
        sa.Column("message_id", _TEXT(length=100), nullable=False),
        sa.Column("kind", _TEXT(), nullable=False),
        sa.Column("topic_arn", _TEXT(), nullable=False),
        sa.Column("object_type", _TEXT(), nullable=True),
        sa.Column("object_id", _TEXT(), nullable=True),
        sa.Column("permission_amazon_id", _TEXT(), nullable=True),
        sa.Column("notification_type", _TEXT(), nullable=True),
        sa.Column("notification_id", _TEXT(), nullable=True),
        sa.Column("sent_at", _INSTANT(), nullable=False),
        sa.Column("received_at", _INSTANT(), nullable=False),
        sa.Column("state", _TEXT(), nullable=False),
        sa.Column("look_at", _INSTANT(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("worker_id", _TEXT(), nullable=True),
        sa.Column("handled_at", _INSTANT(), nullable=True),
        sa.Column("result", _TEXT(), nullable=True),
        sa.Column("message", _TEXT(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('change', 'unreadable', 'unsubscribed', 'subscription')",
            name=op.f("notification_kind"),
        ),
        sa.CheckConstraint(
            "state IN ('waiting', 'parked', 'done', 'attention')",
            name=op.f("notification_state"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.id"], name=op.f("fk_notification_merchant_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notification")),
        sa.UniqueConstraint(
            "merchant_id", "message_id", name=op.f("uq_notification_merchant_id_message_id")
        ),
    )
    op.create_index(
        "notification_open",
        "notification",
        ["merchant_id", "look_at", "id"],
        sqlite_where=sa.text("state IN ('waiting', 'parked')"),
        postgresql_where=sa.text("state IN ('waiting', 'parked')"),
    )
    op.create_index("notification_by_time", "notification", ["merchant_id", "received_at", "id"])
    op.create_table(
        "refused_notification",
        sa.Column("merchant_id", _TEXT(), nullable=False),
        sa.Column("kind", _TEXT(length=64), nullable=False),
        sa.Column("refused", sa.Integer(), nullable=False),
        sa.Column("first_at", _INSTANT(), nullable=False),
        sa.Column("last_at", _INSTANT(), nullable=False),
        sa.Column("last_reason", _TEXT(), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.id"], name=op.f("fk_refused_notification_merchant_id")
        ),
        sa.PrimaryKeyConstraint("merchant_id", "kind", name=op.f("pk_refused_notification")),
    )


def downgrade() -> None:
    raise NotImplementedError("books are not taken back; restore a backup instead")
