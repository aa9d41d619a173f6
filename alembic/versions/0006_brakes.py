"""The brake that keeps new charges from beginning."""

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    text = sqlmodel.sql.sqltypes.AutoString
    instant = sqlmodel.sql.sqltypes.UTCDateTime
    op.create_table(
        "brake",
        sa.Column("merchant_id", text(), nullable=False),
        sa.Column("last_run_at", instant(), nullable=True),
        sa.Column("pulled_at", instant(), nullable=True),
        sa.Column("pulled_by", text(), nullable=True),
        sa.Column("reason", text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.id"], name=op.f("fk_brake_merchant_id")
        ),
        sa.PrimaryKeyConstraint("merchant_id", name=op.f("pk_brake")),
    )


def downgrade() -> None:
    raise NotImplementedError("books are not taken back; restore a backup instead")
