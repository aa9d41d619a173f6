"""Charges of a rare amount and slots in flight are found by an index, not in the whole history."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("attempt_by_amount", "attempt", ["amount_yen", "merchant_id", "id"])
    is_open = sa.text("state = 'open'")
    op.create_index(
        "slot_open",
        "slot",
        ["merchant_id", "id"],
        sqlite_where=is_open,
        postgresql_where=is_open,
    )


def downgrade() -> None:
    raise NotImplementedError("books are not taken back; restore a backup instead")
