"""A charge that waits for its shipment is found by its permission, without reading the history."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    authorized = sa.text("state = 'authorized'")
    op.create_index(
        "attempt_authorized_permission",
        "attempt",
        ["permission_id"],
        sqlite_where=authorized,
        postgresql_where=authorized,
    )


def downgrade() -> None:
    raise NotImplementedError("books are not taken back; restore a backup instead")
