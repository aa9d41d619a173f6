"""Who sells, what is sold, and what was agreed with whom."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Index, LargeBinary, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from billing.tables import naming as _naming  # noqa: F401 - sets the names before any table is made

QUOTE_STATES = ("open", "charging", "confirmed", "declined")
SUBSCRIPTION_STATES = ("pending", "trialing", "active", "past_due", "paused", "canceled")


class MerchantRow(SQLModel, table=True):
    """One Amazon Pay merchant account in one environment, with its sealed key and its rules.

    A merchant may be prepared (catalogue, subscribers) before it has keys; without them nothing
    can be charged. `notification_topics` are the SNS topics that may notify us, parted by commas;
    permissions due within `sweep_days` are read every night (null: the engine's default).
    """

    __tablename__ = "merchant"
    __table_args__ = (
        CheckConstraint("environment IN ('sandbox', 'live')", name="merchant_environment"),
        CheckConstraint("cap_yen >= 0", name="merchant_cap_yen"),
        CheckConstraint("cap_rule IN ('refuse', 'defer', 'split')", name="merchant_cap_rule"),
        CheckConstraint("charge_hour BETWEEN 0 AND 23", name="merchant_charge_hour"),
        CheckConstraint(
            "dunning_end IN ('pause', 'cancel', 'keep_open')", name="merchant_dunning_end"
        ),
    )

    id: str = Field(primary_key=True, max_length=64)
    environment: str
    seller_id: str | None = None
    store_id: str | None = None
    public_key_id: str | None = None
    algorithm: str | None = None
    sealed_private_key: bytes | None = Field(default=None, sa_type=LargeBinary)
    key_fingerprint: str | None = None
    timezone: str = "Asia/Tokyo"
    charge_hour: int = 9
    cap_yen: int = 50_000
    cap_rule: str = "split"
    tax_rounding: str = "floor"
    dunning_days: str = "1,3,7,14"
    dunning_end: str = "pause"
    registration_number: str | None = None
    pending_authorizations: bool = Field(
        default=False, sa_column_kwargs={"server_default": text("false")}
    )
    open_authorizations: str = Field(default="one", sa_column_kwargs={"server_default": "one"})
    cap_of_canceled: str = Field(default="kept", sa_column_kwargs={"server_default": "kept"})
    authorization_days: int = Field(default=30, sa_column_kwargs={"server_default": "30"})
    reauthorize_days: int = Field(default=3, sa_column_kwargs={"server_default": "3"})
    refunds_per_charge: int = Field(default=10, sa_column_kwargs={"server_default": "10"})
    refund_approval_yen: int = Field(default=10_000, sa_column_kwargs={"server_default": "10000"})
    notification_topics: str | None = None
    sweep_days: int | None = None


class CustomerRow(SQLModel, table=True):
    """A person or company that buys from one merchant; names are kept as they were typed."""

    __tablename__ = "customer"
    __table_args__ = (UniqueConstraint("merchant_id", "external_id"),)

    id: int | None = Field(default=None, primary_key=True)
    merchant_id: str = Field(foreign_key="merchant.id")
    external_id: str
    name: str
    kana: str = ""
    email: str
    postal_code: str = ""
    note: str = ""
    language: str | None = None


class PlanRow(SQLModel, table=True):
    """What is sold. Its prices are in `price`; `dunning` names its schedule, null the default."""

    __tablename__ = "plan"
    __table_args__ = (UniqueConstraint("merchant_id", "code"),)

    id: int | None = Field(default=None, primary_key=True)
    merchant_id: str = Field(foreign_key="merchant.id")
    code: str
    name_ja: str
    name_en: str
    dunning: str | None = None


class PriceRow(SQLModel, table=True):
    """An immutable, effective-dated price; a trigger refuses every UPDATE and DELETE.

    `terms` holds, as canonical JSON, the terms that have no column of their own; null for none.
    """

    __tablename__ = "price"
    __table_args__ = (
        UniqueConstraint("plan_id", "valid_from"),
        CheckConstraint("amount_yen > 0", name="price_amount_yen"),
    )

    id: int | None = Field(default=None, primary_key=True)
    merchant_id: str = Field(foreign_key="merchant.id")
    plan_id: int = Field(foreign_key="plan.id")
    valid_from: date
    amount_yen: int
    tax_category: str
    interval_unit: str
    interval_count: int
    anchor_rule: str
    per_seat: bool
    trial_days: int
    minimum_cycles: int
    first_amount_yen: int | None = None
    physical: bool
    usage_meter: str | None = None
    usage_included: int | None = None
    usage_unit_price: str | None = None
    terms: str | None = None
    content_hash: str


class ChargePermissionRow(SQLModel, table=True):
    """Amazon's consent object as we last saw it; several subscriptions may share one.

    `checked_at` is when we last asked, `state_changed_at` what Amazon then said about its state: an
    answer that overtook a newer one is known by it.
    """

    __tablename__ = "charge_permission"
    __table_args__ = (
        UniqueConstraint("merchant_id", "amazon_id"),
        Index("charge_permission_of_buyer", "merchant_id", "buyer_id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    merchant_id: str = Field(foreign_key="merchant.id")
    amazon_id: str
    buyer_id: str
    state: str = "Chargeable"
    state_reason: str | None = None
    amount_limit_yen: int | None = None
    expires_at: datetime | None = None
    checked_at: datetime | None = None
    state_changed_at: datetime | None = None


class SubscriptionRow(SQLModel, table=True):
    """The agreement of one customer on one plan.

    `due_at` is when the scheduler must look next: the charge instant of `next_cycle`, or the day
    to resume. It is null while a slot of the cycle is unsettled (the slot is due then), and when
    nothing will ever be due.
    """

    __tablename__ = "subscription"
    __table_args__ = (
        UniqueConstraint("merchant_id", "external_id"),
        CheckConstraint("quantity >= 1", name="subscription_quantity"),
        CheckConstraint("next_cycle >= 0", name="subscription_next_cycle"),
        CheckConstraint(f"state IN {SUBSCRIPTION_STATES}", name="subscription_state"),
        Index(
            "subscription_due",
            "merchant_id",
            "due_at",
            "id",
            sqlite_where=text("due_at IS NOT NULL"),
            postgresql_where=text("due_at IS NOT NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    merchant_id: str = Field(foreign_key="merchant.id")
    external_id: str
    customer_id: int = Field(foreign_key="customer.id", index=True)
    permission_id: int = Field(foreign_key="charge_permission.id", index=True)
    price_id: int = Field(foreign_key="price.id")
    quantity: int
    state: str
    started_on: date
    anchor_year: int
    anchor_month: int
    anchor_day: int
    first_cycle: int
    next_cycle: int
    cycles_done: int
    due_at: datetime | None = None
    resume_on: date | None = None
    cancel_at_period_end: bool = False
    import_hash: str | None = None


class SubscriptionEventRow(SQLModel, table=True):
    """Every transition of a subscription: who, why, when. Append-only.

    `sequence` and `body` are those of the life cycle's event; null for what the engine notes about
    an agreement that nobody has changed yet.
    """

    __tablename__ = "subscription_event"
    __table_args__ = (
        Index(
            "subscription_event_sequence",
            "subscription_id",
            "sequence",
            unique=True,
            sqlite_where=text("sequence IS NOT NULL"),
            postgresql_where=text("sequence IS NOT NULL"),
        ),
        Index("subscription_event_by_time", "merchant_id", "at"),
    )

    id: int | None = Field(default=None, primary_key=True)
    merchant_id: str = Field(foreign_key="merchant.id")
    subscription_id: int = Field(foreign_key="subscription.id", index=True)
    at: datetime
    kind: str
    state_before: str
    state_after: str
    actor: str
    reason: str
    sequence: int | None = None
    body: str | None = None
    quote_id: str | None = None


class AgreementRow(SQLModel, table=True):
    """A subscription that somebody has changed: the life cycle's value and where its money stands.

    A subscription without such a row is a plain one: its own row says everything. `body` holds
    what `billing.agreements` wrote. While `pending_quote_id` is set, a change waits for its charge
    and nothing else may happen to the agreement.
    """

    __tablename__ = "agreement"
    __table_args__ = (CheckConstraint("credit_yen >= 0", name="agreement_credit_yen"),)

    subscription_id: int = Field(foreign_key="subscription.id", primary_key=True)
    merchant_id: str = Field(foreign_key="merchant.id")
    sequence: int
    body: str
    credit_yen: int
    pending_quote_id: str | None = None


class QuoteRow(SQLModel, table=True):
    """A pinned answer and what became of it.

    `body` is the quote, `outcome` what its charge brings about once it is paid; `result` says
    in a word why a quote that is over is over.
    """

    __tablename__ = "quote"
    __table_args__ = (CheckConstraint(f"state IN {QUOTE_STATES}", name="quote_state"),)

    merchant_id: str = Field(foreign_key="merchant.id", primary_key=True)
    id: str = Field(primary_key=True, max_length=64)
    subscription_id: int = Field(foreign_key="subscription.id", index=True)
    state: str
    asked_at: datetime
    expires_at: datetime
    body: str
    outcome: str | None = None
    result: str | None = None
    settled_at: datetime | None = None
