"""What the pages of the back office look for is found by its index, not by reading the history."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

PARTIAL = (
    ("slot_refused", "slot", ["merchant_id", "due_at", "id"], "state = 'refused'"),
    (
        "slot_tried_again",
        "slot",
        ["merchant_id", "due_at", "id"],
        "state = 'due' AND (declines > 0 OR cap_moves > 0)",
    ),
    ("attempt_declined", "attempt", ["merchant_id", "intended_at", "id"], "state = 'declined'"),
)
# What staff type is the beginning of one of these, compared by code points on both databases.
BEGINS = (
    ("customer", "name"),
    ("customer", "kana"),
    ("customer", "email"),
    ("customer", "external_id"),
    ("subscription", "external_id"),
    ("charge_permission", "amazon_id"),
)


def upgrade() -> None:
    op.create_index("ix_subscription_customer_id", "subscription", ["customer_id"])
    op.create_index("subscription_event_by_time", "subscription_event", ["merchant_id", "at"])
    op.create_index("notice_of_subscription", "notice", ["subscription_id", "id"])
    op.create_index("charge_permission_of_buyer", "charge_permission", ["merchant_id", "buyer_id"])
    for name, table, columns, where in PARTIAL:
        rows = sa.text(where)
        op.create_index(name, table, columns, sqlite_where=rows, postgresql_where=rows)
    by_code_point = ' COLLATE "C"' if op.get_bind().dialect.name == "postgresql" else ""
    for table, column in BEGINS:
        op.execute(
            f"CREATE INDEX {table}_begins_{column} "
            f"ON {table} (merchant_id, {column}{by_code_point})"
        )


def downgrade() -> None:
    raise NotImplementedError("books are not taken back; restore a backup instead")
