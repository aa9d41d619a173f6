"""What waits for a person of the merchant is found without reading the history."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    waits = sa.text("state = 'quarantined'")
    op.create_index(
        "slot_quarantined",
        "slot",
        ["merchant_id", "id"],
        sqlite_where=waits,
        postgresql_where=waits,
    )


def downgrade() -> None:
    raise NotImplementedError("books are not taken back; restore a backup instead")
