"""What proves the books: links of the hash chain, acts of operators, and where the books belong."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, LargeBinary, text
from sqlmodel import Field, SQLModel

from billing.tables import naming as _naming  # noqa: F401 - sets the names before any table is made


class ChainLinkRow(SQLModel, table=True):
    """One link: entries of a book from after the link before up to `last_id`. Append-only.

    `leaves` holds id and SHA-256 of each entry; `digest` covers them and the digest of the link
    before.
    """

    __tablename__ = "chain_link"
    __table_args__ = (
        CheckConstraint("number >= 1", name="chain_link_number"),
        CheckConstraint("entries >= 1", name="chain_link_entries"),
    )

    book: str = Field(primary_key=True, max_length=32)
    number: int = Field(primary_key=True)
    last_id: int
    entries: int
    leaves: bytes = Field(sa_type=LargeBinary)
    digest: bytes = Field(sa_type=LargeBinary)
    chained_at: datetime


class AuditEventRow(SQLModel, table=True):
    """What a person or a watchdog did to the engine itself: who, when, why. Append-only.

    `merchant_id` is null for what concerns the whole database; `detail` is JSON.
    """

    __tablename__ = "audit_event"
    __table_args__ = (
        Index("audit_event_of_merchant", "merchant_id", "id"),
        Index("audit_event_by_actor", "merchant_id", "actor", "id"),
        Index("audit_event_by_kind", "merchant_id", "kind", "id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    merchant_id: str | None = Field(default=None, foreign_key="merchant.id")
    at: datetime
    kind: str
    actor: str
    reason: str
    detail: str | None = None


class GlobalBrakeRow(SQLModel, table=True):
    """The brake of all merchants of the database: one row, pulled while `pulled_at` is set."""

    __tablename__ = "global_brake"
    __table_args__ = (CheckConstraint("id = 1", name="global_brake_id"),)

    id: int = Field(default=1, primary_key=True)
    pulled_at: datetime | None = None
    pulled_by: str | None = None
    reason: str | None = None


class EnvironmentMarkRow(SQLModel, table=True):
    """Which environment the database belongs to: one row.

    `uid` names this database for ever, copies included. `amazon_host`, `place` and `place_id` are
    null until it sends for the first time: before that there is nothing that a copy could repeat.
    """

    __tablename__ = "environment_mark"
    __table_args__ = (CheckConstraint("id = 1", name="environment_mark_id"),)

    id: int = Field(default=1, primary_key=True)
    uid: str
    name: str
    amazon_host: str | None = None
    place: str | None = None
    place_id: str | None = None
    marked_at: datetime
    marked_by: str


class EnvironmentAccountRow(SQLModel, table=True):
    """The Amazon account that a merchant's charges of this database went to."""

    __tablename__ = "environment_account"

    merchant_id: str = Field(foreign_key="merchant.id", primary_key=True)
    environment: str
    seller_id: str | None = None
    key_fingerprint: str | None = None


class RestorationRow(SQLModel, table=True):
    """One time that the books were taken back from a backup; until it is over no key is new.

    `restored_to` is the newest moment that the books still know. Two different people end it.
    """

    __tablename__ = "restoration"
    __table_args__ = (
        CheckConstraint("state IN ('reconciling', 'over')", name="restoration_state"),
        CheckConstraint("lower(second_by) <> lower(first_by)", name="restoration_two_people"),
        CheckConstraint(
            "state = 'reconciling' OR (first_by IS NOT NULL AND second_by IS NOT NULL)",
            name="restoration_over",
        ),
        Index(
            "restoration_one_open",
            "state",
            unique=True,
            sqlite_where=text("state = 'reconciling'"),
            postgresql_where=text("state = 'reconciling'"),
        ),
    )

    number: int | None = Field(default=None, primary_key=True)
    state: str
    begun_at: datetime
    begun_by: str
    reason: str
    restored_to: datetime | None = None
    first_by: str | None = None
    first_at: datetime | None = None
    second_by: str | None = None
    ended_at: datetime | None = None


class RestorationCheckRow(SQLModel, table=True):
    """What comparing one merchant with Amazon found during a restoration, as JSON."""

    __tablename__ = "restoration_check"

    restoration: int = Field(foreign_key="restoration.number", primary_key=True)
    merchant_id: str = Field(foreign_key="merchant.id", primary_key=True)
    checked_at: datetime
    found: str
