"""The queue that carries slices to many machines (PostgreSQL only), and signs of life of workers.

The queue's tables are procrastinate's own, made by the schema that the library brings. When a newer
library changes it, its own files of changes after 3.10 belong into a migration of ours.
"""

import sqlalchemy as sa
import sqlmodel
from alembic import op
from procrastinate.schema import SchemaManager

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    instant = sqlmodel.sql.sqltypes.UTCDateTime
    op.create_table(
        "worker",
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("started_at", instant(), nullable=False),
        sa.Column("alive_until", instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_worker")),
    )
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        # Past SQLAlchemy, which would prepare it: a prepared statement holds one command only.
        connection.connection.driver_connection.execute(SchemaManager.get_schema())


def downgrade() -> None:
    raise NotImplementedError("books are not taken back; restore a backup instead")
