"""Customers who serve themselves: Amazon links, mail links, checkouts, consents, saved methods.

Secrets are kept as hashes. A consent is never changed: it is what somebody agreed to.
"""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from billing.tables import naming as _naming  # noqa: F401 - sets the names before any table is made

LINK_SOURCES = ("checkout", "sign_in", "permission")
PURPOSES = ("sign_up", "save", "replace")
CHECKOUT_STATES = ("open", "agreed", "completing", "completed", "failed")


class BuyerLinkRow(SQLModel, table=True):
    """Whose Amazon account it is: one account, one customer, until it is ended.

    A merchant row is of one environment, so sandbox and live ids never meet. `source` is how
    Amazon told us the id; never the browser's word.
    """

    __tablename__ = "buyer_link"
    __table_args__ = (
        CheckConstraint(f"source IN {LINK_SOURCES}", name="buyer_link_source"),
        Index(
            "buyer_link_of_buyer",
            "merchant_id",
            "buyer_id",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index(
            "buyer_link_of_customer",
            "customer_id",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    merchant_id: str = Field(foreign_key="merchant.id")
    customer_id: int = Field(foreign_key="customer.id")
    buyer_id: str
    source: str
    linked_at: datetime
    ended_at: datetime | None = None


class MailLinkRow(SQLModel, table=True):
    """Somebody asked for a sign-in link by mail; one row per asking, known address or not.

    Address and source are hashes: they serve to slow down. `customer_id` and `token_hash` are null
    where the address is not known.
    """

    __tablename__ = "mail_link"
    __table_args__ = (
        UniqueConstraint("merchant_id", "token_hash"),
        CheckConstraint(
            "(customer_id IS NULL) = (token_hash IS NULL)", name="mail_link_of_a_customer"
        ),
        Index("ix_mail_link_email_hash", "merchant_id", "email_hash", "asked_at"),
        Index("ix_mail_link_source_hash", "merchant_id", "source_hash", "asked_at"),
    )

    id: int | None = Field(default=None, primary_key=True)
    merchant_id: str = Field(foreign_key="merchant.id")
    customer_id: int | None = Field(default=None, foreign_key="customer.id")
    email_hash: str = Field(max_length=64)
    source_hash: str = Field(max_length=64)
    token_hash: str | None = Field(default=None, max_length=64)
    asked_at: datetime
    expires_at: datetime
    used_at: datetime | None = None


class CheckoutRow(SQLModel, table=True):
    """One checkout at Amazon Pay, from the buyer's return to what came of it.

    `browser_hash` is whose it is: no other browser may look at it. `wanted` is what was chosen, as
    JSON. From `completing` on Amazon may have completed it; `permission_id` is what it gave.
    """

    __tablename__ = "checkout"
    __table_args__ = (
        UniqueConstraint("merchant_id", "session_id"),
        CheckConstraint(f"purpose IN {PURPOSES}", name="checkout_purpose"),
        CheckConstraint(f"state IN {CHECKOUT_STATES}", name="checkout_state"),
        CheckConstraint("amount_yen > 0", name="checkout_amount_yen"),
        CheckConstraint(
            "state <> 'completed' OR permission_id IS NOT NULL", name="checkout_completed"
        ),
        Index(
            "checkout_completing",
            "merchant_id",
            "id",
            sqlite_where=text("state = 'completing'"),
            postgresql_where=text("state = 'completing'"),
        ),
    )

    id: str = Field(primary_key=True, max_length=32)
    merchant_id: str = Field(foreign_key="merchant.id")
    session_id: str = Field(max_length=64)
    purpose: str
    state: str = "open"
    browser_hash: str = Field(max_length=64)
    customer_id: int | None = Field(default=None, foreign_key="customer.id")
    subscription_id: int | None = Field(default=None, foreign_key="subscription.id")
    permission_id: int | None = Field(default=None, foreign_key="charge_permission.id")
    buyer_id: str
    wanted: str
    amount_yen: int
    language: str
    reason: str | None = None
    begun_at: datetime
    agreed_at: datetime | None = None
    completed_at: datetime | None = None


class ConsentRow(SQLModel, table=True):
    """What somebody saw on the last screen and agreed to, byte for byte. Append-only.

    `html_hash` is the SHA-256 of `html`; `wording` is the version of the words, `offer` the six
    items as JSON. `source` and `agent` are where the consent came from.
    """

    __tablename__ = "consent"
    __table_args__ = (
        CheckConstraint("language IN ('ja', 'en')", name="consent_language"),
        Index("ix_consent_customer_id", "customer_id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    merchant_id: str = Field(foreign_key="merchant.id")
    kind: str
    checkout_id: str | None = Field(default=None, foreign_key="checkout.id", index=True)
    customer_id: int | None = Field(default=None, foreign_key="customer.id")
    subscription_id: int | None = Field(default=None, foreign_key="subscription.id", index=True)
    language: str
    wording: str
    html: str
    html_hash: str = Field(max_length=64)
    offer: str
    source: str
    agent: str
    agreed_at: datetime


class SavedMethodRow(SQLModel, table=True):
    """A charge permission that its buyer saved for later; nothing was charged for that."""

    __tablename__ = "saved_method"
    __table_args__ = (
        UniqueConstraint("permission_id"),
        ForeignKeyConstraint(
            ["permission_id"], ["charge_permission.id"], name="fk_saved_method_permission_id"
        ),
        Index("ix_saved_method_customer_id", "customer_id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    merchant_id: str = Field(foreign_key="merchant.id")
    customer_id: int = Field(foreign_key="customer.id")
    permission_id: int
    descriptor: str = ""
    saved_at: datetime
    ended_at: datetime | None = None
