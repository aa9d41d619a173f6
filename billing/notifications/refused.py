"""Counts of refused deliveries, by kind: one row per kind, whatever a flood brings."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, select

from billing.store.database import writing
from billing.store.rows import fresh_row, table_of
from billing.tables import RefusedNotificationRow

refused = table_of(RefusedNotificationRow)


@dataclass(frozen=True, slots=True)
class RefusedCount:
    """How often deliveries were refused for one kind of reason, and the last reason in words."""

    kind: str
    refused: int
    first_at: datetime
    last_at: datetime
    last_reason: str


def add_refused(
    engine: Engine, merchant_id: str, counts: Mapping[str, tuple[int, str]], *, at: datetime
) -> None:
    """Add to the counts: kind → (how many, the last reason, which holds no text of a sender)."""
    if counts:
        writing(engine, lambda connection: _add(connection, merchant_id, counts, at))


def _add(
    connection: Connection, merchant_id: str, counts: Mapping[str, tuple[int, str]], at: datetime
) -> None:
    for kind, (number, reason) in sorted(counts.items()):
        row = {
            "merchant_id": merchant_id,
            "kind": kind,
            "refused": number,
            "first_at": at,
            "last_at": at,
            "last_reason": reason,
        }
        fresh = fresh_row(connection, refused, row)
        connection.execute(
            fresh.on_conflict_do_update(
                index_elements=["merchant_id", "kind"],
                set_={
                    "refused": refused.c.refused + fresh.excluded.refused,
                    "last_at": fresh.excluded.last_at,
                    "last_reason": fresh.excluded.last_reason,
                },
            )
        )


def refused_counts(connection: Connection, merchant_id: str) -> list[RefusedCount]:
    """The counts, most frequent first."""
    names = ("kind", "refused", "first_at", "last_at", "last_reason")
    statement = (
        select(*(refused.c[name] for name in names))
        .where(refused.c.merchant_id == merchant_id)
        .order_by(refused.c.refused.desc(), refused.c.kind)
    )
    return [RefusedCount(*row) for row in connection.execute(statement)]
