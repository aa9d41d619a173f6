"""Staff of a merchant: roles, second factors, sessions, and what they did twice by mistake."""

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_TEXT = sqlmodel.sql.sqltypes.AutoString
_INSTANT = sqlmodel.sql.sqltypes.UTCDateTime


def upgrade() -> None:
    _staff()
    _recovery_codes()
    _sessions()
    _failures()
    _devices()
    _forms()


def _staff() -> None:
    op.create_table(
        "staff_user",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("merchant_id", _TEXT(), nullable=False),
        sa.Column("name", _TEXT(length=64), nullable=False),
        sa.Column("role", _TEXT(), nullable=False),
        sa.Column("state", _TEXT(), nullable=False),
        sa.Column("password_hash", _TEXT(), nullable=True),
        sa.Column("sealed_totp", sa.LargeBinary(), nullable=True),
        sa.Column("totp_step", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("created_at", _INSTANT(), nullable=False),
        sa.Column("changed_at", _INSTANT(), nullable=False),
        sa.CheckConstraint(
            "role IN ('viewer', 'support', 'finance', 'owner')", name=op.f("staff_user_role")
        ),
        sa.CheckConstraint("state IN ('active', 'disabled')", name=op.f("staff_user_state")),
        sa.CheckConstraint("name = lower(name)", name=op.f("staff_user_name")),
        sa.CheckConstraint("epoch >= 1", name=op.f("staff_user_epoch")),
        sa.CheckConstraint("totp_step >= 0", name=op.f("staff_user_totp_step")),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.id"], name=op.f("fk_staff_user_merchant_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_user")),
        sa.UniqueConstraint("merchant_id", "name", name=op.f("uq_staff_user_merchant_id_name")),
        sa.UniqueConstraint("merchant_id", "id", name=op.f("uq_staff_user_merchant_id_id")),
    )


def _recovery_codes() -> None:
    op.create_table(
        "recovery_code",
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column("code_hash", _TEXT(length=64), nullable=False),
        sa.Column("used_at", _INSTANT(), nullable=True),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff_user.id"], name=op.f("fk_recovery_code_staff_id")
        ),
        sa.PrimaryKeyConstraint("staff_id", "code_hash", name=op.f("pk_recovery_code")),
    )


def _sessions() -> None:
    op.create_table(
        "web_session",
        sa.Column("id_hash", _TEXT(length=64), nullable=False),
        sa.Column("merchant_id", _TEXT(), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=True),
        sa.Column("customer_id", sa.Integer(), nullable=True),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("level", _TEXT(), nullable=False),
        sa.Column("pending_totp", sa.LargeBinary(), nullable=True),
        sa.Column("began_at", _INSTANT(), nullable=False),
        sa.Column("used_at", _INSTANT(), nullable=False),
        sa.Column("proved_at", _INSTANT(), nullable=False),
        sa.Column("ended_at", _INSTANT(), nullable=True),
        sa.CheckConstraint(
            "(staff_id IS NULL) <> (customer_id IS NULL)", name=op.f("web_session_of_one_person")
        ),
        sa.CheckConstraint("level IN ('password', 'full')", name=op.f("web_session_level")),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.id"], name=op.f("fk_web_session_merchant_id")
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "staff_id"],
            ["staff_user.merchant_id", "staff_user.id"],
            name=op.f("fk_web_session_staff_id"),
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_web_session_customer_id")
        ),
        sa.PrimaryKeyConstraint("id_hash", name=op.f("pk_web_session")),
    )
    for column in ("staff_id", "customer_id", "used_at"):
        op.create_index(op.f(f"ix_web_session_{column}"), "web_session", [column])


def _failures() -> None:
    op.create_table(
        "sign_in_failure",
        sa.Column("merchant_id", _TEXT(), nullable=False),
        sa.Column("key_hash", _TEXT(length=64), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_at", _INSTANT(), nullable=False),
        sa.CheckConstraint("failures >= 1", name=op.f("sign_in_failure_failures")),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.id"], name=op.f("fk_sign_in_failure_merchant_id")
        ),
        sa.PrimaryKeyConstraint("merchant_id", "key_hash", name=op.f("pk_sign_in_failure")),
    )
    op.create_index(op.f("ix_sign_in_failure_last_at"), "sign_in_failure", ["last_at"])


def _devices() -> None:
    op.create_table(
        "known_device",
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column("device_hash", _TEXT(length=64), nullable=False),
        sa.Column("seen_at", _INSTANT(), nullable=False),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff_user.id"], name=op.f("fk_known_device_staff_id")
        ),
        sa.PrimaryKeyConstraint("staff_id", "device_hash", name=op.f("pk_known_device")),
    )


def _forms() -> None:
    op.create_table(
        "form_use",
        sa.Column("form_hash", _TEXT(length=64), nullable=False),
        sa.Column("merchant_id", _TEXT(), nullable=False),
        sa.Column("path", _TEXT(), nullable=False),
        sa.Column("state", _TEXT(), nullable=False),
        sa.Column("used_at", _INSTANT(), nullable=False),
        sa.Column("leads_to", _TEXT(), nullable=True),
        sa.Column("shown", _TEXT(), nullable=True),
        sa.CheckConstraint("state IN ('begun', 'done')", name=op.f("form_use_state")),
        sa.CheckConstraint("state = 'begun' OR leads_to IS NOT NULL", name=op.f("form_use_done")),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.id"], name=op.f("fk_form_use_merchant_id")
        ),
        sa.PrimaryKeyConstraint("form_hash", name=op.f("pk_form_use")),
    )
    op.create_index(op.f("ix_form_use_used_at"), "form_use", ["used_at"])


def downgrade() -> None:
    raise NotImplementedError("books are not taken back; restore a backup instead")
