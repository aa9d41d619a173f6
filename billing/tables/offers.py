"""Beside plans and prices: add-ons, coupons, plan families, price migrations, dunning."""

from datetime import date

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlmodel import Field, SQLModel

from billing.tables import naming as _naming  # noqa: F401 - sets the names before any table is made

OFFER_SECTIONS = ("add_ons", "coupons", "families", "migrations", "dunning")


class OfferRow(SQLModel, table=True):
    """A code of one section of the price list; its words may change, its versions never do."""

    __tablename__ = "offer"
    __table_args__ = (
        UniqueConstraint("merchant_id", "section", "code"),
        CheckConstraint(f"section IN {OFFER_SECTIONS}", name="offer_section"),
    )

    id: int | None = Field(default=None, primary_key=True)
    merchant_id: str = Field(foreign_key="merchant.id")
    section: str
    code: str
    name_ja: str = ""
    name_en: str = ""


class OfferVersionRow(SQLModel, table=True):
    """The terms of an offer from a day on, as canonical JSON. Append-only."""

    __tablename__ = "offer_version"
    __table_args__ = (UniqueConstraint("offer_id", "valid_from"),)

    id: int | None = Field(default=None, primary_key=True)
    merchant_id: str = Field(foreign_key="merchant.id")
    offer_id: int = Field(foreign_key="offer.id")
    valid_from: date
    terms: str
    content_hash: str
