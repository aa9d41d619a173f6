"""What became of the charges that bulk work asked for."""

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from billing.bulk_work import CHARGE_AGAIN, BulkJob, RowState
from billing.store.rows import table_of
from billing.tables import BulkRowRow, SlotRow

__all__ = ["ChargedAgain", "charged_again"]

rows = table_of(BulkRowRow)
slots = table_of(SlotRow)


@dataclass(frozen=True, slots=True)
class ChargedAgain:
    """Rows that were made due, by what came of it; yen are whole.

    `open_rows` wait for their turn or for a definite answer, `failed` were declined or moved.
    """

    paid: int
    paid_yen: int
    failed: int
    open_rows: int

    @property
    def answered(self) -> int:
        """Rows with a definite answer."""
        return self.paid + self.failed


def charged_again(connection: Connection, job: BulkJob) -> ChargedAgain | None:
    """How the charges of a job stand; None for bulk work of another kind."""
    if job.kind != CHARGE_AGAIN:
        return None
    # Made due and not tried since: the attempt that was asked for is still to come.
    is_asked = (slots.c.state == "due") & (slots.c.asked_attempt == slots.c.attempts + 1)
    is_open = slots.c.state.in_(("open", "authorized")) | is_asked
    is_paid = slots.c.state == "paid"
    statement = (
        select(
            func.count().filter(is_paid),
            func.coalesce(func.sum(slots.c.amount_yen).filter(is_paid), 0),
            func.count().filter(is_open),
            func.count(),
        )
        .select_from(rows.join(slots, slots.c.id == rows.c.subject_id))
        .where(rows.c.job_id == job.id, rows.c.state == RowState.DONE)
    )
    paid, yen, still_open, every = connection.execute(statement).one()
    return ChargedAgain(paid, int(yen), every - paid - still_open, still_open)
