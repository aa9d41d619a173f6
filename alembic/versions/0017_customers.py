"""Customers who sign in: accounts, mail links, sessions, consents."""

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    raise NotImplementedError("books are not taken back; restore a backup instead")
