"""What pages sum or list is found by its index: sums of days, refunds, chargebacks, audit events."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

LISTED = (
    ("refund_by_time", "refund", ["merchant_id", "answered_at", "id"]),
    ("chargeback_by_day", "chargeback", ["merchant_id", "happened_on", "id"]),
    ("audit_event_of_merchant", "audit_event", ["merchant_id", "id"]),
    ("audit_event_by_actor", "audit_event", ["merchant_id", "actor", "id"]),
    ("audit_event_by_kind", "audit_event", ["merchant_id", "kind", "id"]),
)


def upgrade() -> None:
    # With what is summed beside the time, sums of a day are read from the index alone.
    op.drop_index("attempt_by_time", "attempt")
    op.create_index(
        "attempt_by_time",
        "attempt",
        ["merchant_id", "intended_at", "id", "state", "amount_yen", "reason_code"],
    )
    for name, table, columns in LISTED:
        op.create_index(name, table, columns)
    quarantined = sa.text("state = 'quarantined'")
    op.create_index(
        "refund_quarantined",
        "refund",
        ["merchant_id", "id"],
        sqlite_where=quarantined,
        postgresql_where=quarantined,
    )


def downgrade() -> None:
    raise NotImplementedError("books are not taken back; restore a backup instead")
