"""Passkeys of the staff, and the challenges that they are asked to sign."""

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_TEXT = sqlmodel.sql.sqltypes.AutoString
_INSTANT = sqlmodel.sql.sqltypes.UTCDateTime


def upgrade() -> None:
    _passkeys()
    _challenges()


def _passkeys() -> None:
    op.create_table(
        "passkey",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("merchant_id", _TEXT(), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column("credential_id", _TEXT(length=1364), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("rp_id", _TEXT(length=253), nullable=False),
        sa.Column("transports", _TEXT(), nullable=False),
        sa.Column("name", _TEXT(length=64), nullable=False),
        sa.Column("created_at", _INSTANT(), nullable=False),
        sa.Column("used_at", _INSTANT(), nullable=True),
        sa.CheckConstraint("sign_count >= 0", name=op.f("passkey_sign_count")),
        sa.CheckConstraint("name <> ''", name=op.f("passkey_name")),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.id"], name=op.f("fk_passkey_merchant_id")
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "staff_id"],
            ["staff_user.merchant_id", "staff_user.id"],
            name=op.f("fk_passkey_staff_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passkey")),
        sa.UniqueConstraint(
            "merchant_id", "credential_id", name=op.f("uq_passkey_merchant_id_credential_id")
        ),
    )
    op.create_index("ix_passkey_staff_id", "passkey", ["staff_id"])


def _challenges() -> None:
    op.create_table(
        "passkey_challenge",
        sa.Column("session_hash", _TEXT(length=64), nullable=False),
        sa.Column("ceremony", _TEXT(), nullable=False),
        sa.Column("challenge", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", _INSTANT(), nullable=False),
        sa.CheckConstraint(
            "ceremony IN ('register', 'prove')", name=op.f("passkey_challenge_ceremony")
        ),
        sa.PrimaryKeyConstraint("session_hash", "ceremony", name=op.f("pk_passkey_challenge")),
    )
    op.create_index("ix_passkey_challenge_made_at", "passkey_challenge", ["made_at"])


def downgrade() -> None:
    raise NotImplementedError("books are not taken back; restore a backup instead")
