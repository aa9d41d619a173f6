"""Staff of a merchant: roles, second factors, sessions, and what they did twice by mistake."""

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    raise NotImplementedError("books are not taken back; restore a backup instead")
