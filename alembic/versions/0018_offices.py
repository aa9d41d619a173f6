"""What the back office keeps: settings by version, approvals, bulk work."""

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    raise NotImplementedError("books are not taken back; restore a backup instead")
