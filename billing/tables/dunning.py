"""Under which schedule the dunning of an invoice began."""

from datetime import date

from sqlalchemy import CheckConstraint
from sqlmodel import Field, SQLModel

from billing.tables import naming as _naming  # noqa: F401 - sets the names before any table is made

DUNNING_ENDS = ("pause", "cancel", "keep_open")


class DunningRow(SQLModel, table=True):
    """The schedule of one invoice, frozen on the day its dunning began. Append-only.

    `terms` is the schedule as canonical text, `schedule_code` its name in the price list with the
    `schedule_from` of its version; null where the merchant's own rules held. `ends_by` and
    `ends_closed_by` repeat how it ends, for queries.
    """

    __tablename__ = "dunning"
    __table_args__ = (
        CheckConstraint(f"ends_by IN {DUNNING_ENDS}", name="dunning_ends_by"),
        CheckConstraint(f"ends_closed_by IN {DUNNING_ENDS}", name="dunning_ends_closed_by"),
    )

    invoice_id: int = Field(foreign_key="invoice.id", primary_key=True)
    merchant_id: str = Field(foreign_key="merchant.id")
    schedule_code: str | None = None
    schedule_from: date | None = None
    began_on: date
    ends_by: str
    ends_closed_by: str
    terms: str
