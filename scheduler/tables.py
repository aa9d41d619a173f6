"""The scheduler's own rows: who acts on a tick, who lives, how fast a merchant may call Amazon."""

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


class WorkerRow(SQLModel, table=True):
    """One worker process on any machine, alive until a moment of the database's clock.

    It moves the moment on as long as it lives; once that is past, others take over its work.
    """

    __tablename__ = "worker"

    id: str = Field(primary_key=True)
    started_at: datetime
    alive_until: datetime
