"""Who may use the web pages: staff, their second factors, sessions, failures, and forms sent once.

Secrets are kept as hashes, but for the key of the second factor, which is sealed.
"""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    UniqueConstraint,
)
from sqlmodel import Field, SQLModel

from billing.tables import naming as _naming  # noqa: F401 - sets the names before any table is made

STAFF_ROLES = ("viewer", "support", "finance", "owner")
STAFF_STATES = ("active", "disabled")
SESSION_LEVELS = ("password", "full")
FORM_STATES = ("begun", "done")
CEREMONIES = ("register", "prove")


class StaffUserRow(SQLModel, table=True):
    """One person of the merchant's staff; `name` is in lower case.

    `password_hash` is null for the one whose password is a setting. `epoch` rises with every
    change of password, role, second factor or state, which ends all sessions of before.
    `totp_step` is the newest time step whose code was used, so that no code counts twice.
    """

    __tablename__ = "staff_user"
    __table_args__ = (
        UniqueConstraint("merchant_id", "name"),
        # What sessions refer to, so that none can belong to another merchant's staff.
        UniqueConstraint("merchant_id", "id"),
        CheckConstraint(f"role IN {STAFF_ROLES}", name="staff_user_role"),
        CheckConstraint(f"state IN {STAFF_STATES}", name="staff_user_state"),
        CheckConstraint("name = lower(name)", name="staff_user_name"),
        CheckConstraint("epoch >= 1", name="staff_user_epoch"),
        CheckConstraint("totp_step >= 0", name="staff_user_totp_step"),
    )

    id: int | None = Field(default=None, primary_key=True)
    merchant_id: str = Field(foreign_key="merchant.id")
    name: str = Field(max_length=64)
    role: str
    state: str = "active"
    password_hash: str | None = None
    sealed_totp: bytes | None = Field(default=None, sa_type=LargeBinary)
    totp_step: int = 0
    epoch: int = 1
    created_at: datetime
    changed_at: datetime


class RecoveryCodeRow(SQLModel, table=True):
    """A code that stands in once for the second factor."""

    __tablename__ = "recovery_code"

    staff_id: int = Field(foreign_key="staff_user.id", primary_key=True)
    code_hash: str = Field(primary_key=True, max_length=64)
    used_at: datetime | None = None


class PasskeyRow(SQLModel, table=True):
    """A passkey (WebAuthn credential) of a staff user, which stands in for the second factor.

    `credential_id` is in base64url, `public_key` as COSE. `rp_id` is the host it was made for; no
    other can use it. `sign_count` is what its authenticator counted at the last use, 0 where it
    does not count. `transports` says how the browser reaches it, parted by commas.
    """

    __tablename__ = "passkey"
    __table_args__ = (
        UniqueConstraint("merchant_id", "credential_id"),
        CheckConstraint("sign_count >= 0", name="passkey_sign_count"),
        CheckConstraint("name <> ''", name="passkey_name"),
        ForeignKeyConstraint(
            ["merchant_id", "staff_id"],
            ["staff_user.merchant_id", "staff_user.id"],
            name="fk_passkey_staff_id",
        ),
        Index("ix_passkey_staff_id", "staff_id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    merchant_id: str = Field(foreign_key="merchant.id")
    staff_id: int
    credential_id: str = Field(max_length=1364)
    public_key: bytes = Field(sa_type=LargeBinary)
    sign_count: int = Field(default=0, sa_type=BigInteger)
    rp_id: str = Field(max_length=253)
    transports: str = ""
    name: str = Field(max_length=64)
    created_at: datetime
    used_at: datetime | None = None


class PasskeyChallengeRow(SQLModel, table=True):
    """What a session's passkey has to sign: one per session and ceremony, good once and not long.

    `session_hash` is that of the session, which may be deleted before.
    """

    __tablename__ = "passkey_challenge"
    __table_args__ = (
        CheckConstraint(f"ceremony IN {CEREMONIES}", name="passkey_challenge_ceremony"),
        Index("ix_passkey_challenge_made_at", "made_at"),
    )

    session_hash: str = Field(primary_key=True, max_length=64)
    ceremony: str = Field(primary_key=True)
    challenge: bytes = Field(sa_type=LargeBinary)
    made_at: datetime


class WebSessionRow(SQLModel, table=True):
    """One browser that is signed in, as staff or as a customer; `id_hash` is SHA-256 of its cookie.

    `epoch` is the staff user's at the beginning. `level` is `password` until the second factor
    was given. `pending_totp` is a sealed key that its reader is about to confirm.
    """

    __tablename__ = "web_session"
    __table_args__ = (
        CheckConstraint(
            "(staff_id IS NULL) <> (customer_id IS NULL)", name="web_session_of_one_person"
        ),
        CheckConstraint(f"level IN {SESSION_LEVELS}", name="web_session_level"),
        ForeignKeyConstraint(
            ["merchant_id", "staff_id"],
            ["staff_user.merchant_id", "staff_user.id"],
            name="fk_web_session_staff_id",
        ),
        Index("ix_web_session_staff_id", "staff_id"),
        Index("ix_web_session_customer_id", "customer_id"),
        Index("ix_web_session_used_at", "used_at"),
    )

    id_hash: str = Field(primary_key=True, max_length=64)
    merchant_id: str = Field(foreign_key="merchant.id")
    staff_id: int | None = None
    customer_id: int | None = Field(default=None, foreign_key="customer.id")
    epoch: int = 1
    level: str = "full"
    pending_totp: bytes | None = Field(default=None, sa_type=LargeBinary)
    began_at: datetime
    used_at: datetime
    proved_at: datetime
    ended_at: datetime | None = None


class SignInFailureRow(SQLModel, table=True):
    """How many tries to sign in have failed for one account, source or device; a brake, no book."""

    __tablename__ = "sign_in_failure"
    __table_args__ = (
        CheckConstraint("failures >= 1", name="sign_in_failure_failures"),
        Index("ix_sign_in_failure_last_at", "last_at"),
    )

    merchant_id: str = Field(foreign_key="merchant.id", primary_key=True)
    key_hash: str = Field(primary_key=True, max_length=64)
    failures: int
    last_at: datetime


class KnownDeviceRow(SQLModel, table=True):
    """A browser in which a staff user has signed in before: others' guesses do not slow it."""

    __tablename__ = "known_device"

    staff_id: int = Field(foreign_key="staff_user.id", primary_key=True)
    device_hash: str = Field(primary_key=True, max_length=64)
    seen_at: datetime


class FormUseRow(SQLModel, table=True):
    """A form that was sent: its id acts once, and what came of it is shown to every later post.

    `form_hash` covers the session and the form's id. `shown` is the notice as JSON, `leads_to`
    the page that follows.
    """

    __tablename__ = "form_use"
    __table_args__ = (
        CheckConstraint(f"state IN {FORM_STATES}", name="form_use_state"),
        CheckConstraint("state = 'begun' OR leads_to IS NOT NULL", name="form_use_done"),
        Index("ix_form_use_used_at", "used_at"),
    )

    form_hash: str = Field(primary_key=True, max_length=64)
    merchant_id: str = Field(foreign_key="merchant.id")
    path: str
    state: str = "begun"
    used_at: datetime
    leads_to: str | None = None
    shown: str | None = None
