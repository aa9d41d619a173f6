"""The scheduler's own rows: who acted on a tick, and how fast each merchant may call Amazon."""

from datetime import datetime

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel


class TickRow(SQLModel, table=True):
    """One run of a job that must happen once for all workers; the first to insert acts."""

    __tablename__ = "tick"

    job: str = Field(primary_key=True)
    slot: datetime = Field(primary_key=True)
    worker_id: str


class PacingRow(SQLModel, table=True):
    """GCRA state of one merchant and operation, shared by all workers.

    `next_at_us` is the theoretical arrival time in microseconds since 1970; `interval_us` is the
    learnt distance between calls, longer after a 429.
    """

    __tablename__ = "pacing"

    merchant_id: str = Field(foreign_key="merchant.id", primary_key=True)
    operation: str = Field(primary_key=True)
    next_at_us: int = Field(sa_type=BigInteger)
    interval_us: int = Field(sa_type=BigInteger)
