"""The brake of a merchant: whether new charges may begin, and when the last run was."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from billing.tables import naming as _naming  # noqa: F401 - sets the names before any table is made


class BrakeRow(SQLModel, table=True):
    """While `pulled_at` is set nothing new is charged or refunded; replays go on.

    `last_run_at` is the clock of the last run, which the next one is compared with.
    """

    __tablename__ = "brake"

    merchant_id: str = Field(foreign_key="merchant.id", primary_key=True)
    last_run_at: datetime | None = None
    pulled_at: datetime | None = None
    pulled_by: str | None = None
    reason: str | None = None
