"""What is open now: in doubt, capped, waiting for its buyer, set aside; from open rows only."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, func, select

from billing.desk.failures import MOVED_BY_CAP, TRIED_AGAIN
from billing.store.merchants import Merchant
from billing.store.rows import is_word, table_of
from billing.tables import AttemptRow, SlotRow

__all__ = ["Figure", "OpenFigures", "open_figures"]

slots = table_of(SlotRow)
attempts = table_of(AttemptRow)


@dataclass(frozen=True, slots=True)
class Figure:
    """How many, and their yen."""

    rows: int
    amount_yen: int


@dataclass(frozen=True, slots=True)
class OpenFigures:
    """What stands open at this moment.

    `in_doubt` and `under_way` are attempts without a definite answer. `capped` slots were moved by
    the monthly cap, `refused` ones do not fit under it; `retrying` ones are tried again.
    """

    in_doubt: Figure
    under_way: Figure
    capped: Figure
    refused: Figure
    retrying: Figure
    waiting_buyer: Figure
    quarantined: Figure


def open_figures(connection: Connection, merchant: Merchant) -> OpenFigures:
    """Count what is open; partial indexes hold these rows and no others."""
    unsettled = _attempts(connection, merchant)
    nothing = Figure(0, 0)
    under_way = [unsettled.get(state, nothing) for state in ("intended", "pending")]
    due = is_word(slots.c.state, "due")
    return OpenFigures(
        in_doubt=unsettled.get("in_doubt", nothing),
        under_way=_sum(*under_way),
        capped=_slots(connection, merchant, due, MOVED_BY_CAP),
        refused=_slots(connection, merchant, is_word(slots.c.state, "refused")),
        retrying=_slots(connection, merchant, due, TRIED_AGAIN),
        waiting_buyer=_slots(connection, merchant, is_word(slots.c.state, "waiting_buyer")),
        quarantined=_slots(connection, merchant, is_word(slots.c.state, "quarantined")),
    )


def _attempts(connection: Connection, merchant: Merchant) -> dict[str, Figure]:
    statement = (
        select(attempts.c.state, func.count(), func.sum(attempts.c.amount_yen))
        .where(
            attempts.c.merchant_id == merchant.id,
            is_word(attempts.c.state, "intended", "in_doubt", "pending"),
        )
        .group_by(attempts.c.state)
    )
    return {state: Figure(rows, int(yen)) for state, rows, yen in connection.execute(statement)}


def _slots(connection: Connection, merchant: Merchant, *chosen: ColumnElement[bool]) -> Figure:
    statement = select(func.count(), func.coalesce(func.sum(slots.c.amount_yen), 0)).where(
        slots.c.merchant_id == merchant.id, *chosen
    )
    rows, yen = connection.execute(statement).one()
    return Figure(rows, int(yen))


def _sum(*figures: Figure) -> Figure:
    return Figure(sum(f.rows for f in figures), sum(f.amount_yen for f in figures))
