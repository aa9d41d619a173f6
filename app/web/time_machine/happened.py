"""What happened while the clock moved, read from the books by its instants alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, case, func, select

from app.web.shell.tables import TABLES

attempts, slots = TABLES["attempt"], TABLES["slot"]
subscriptions, customers, notices = TABLES["subscription"], TABLES["customer"], TABLES["notice"]

ROWS = 100


class Outcome(StrEnum):
    """What became of an attempt, as somebody who watches would say it."""

    CHARGED = "charged"
    RECOVERED = "recovered"
    DECLINED = "declined"
    WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class Happening:
    """One attempt of the time that passed."""

    attempt_id: int
    at: datetime
    customer_id: int
    customer_name: str
    amount_yen: int
    outcome: Outcome
    reason_code: str | None


@dataclass(frozen=True, slots=True)
class Happened:
    """Attempts by outcome (rows, yen), notices by kind, and the newest rows of one outcome."""

    totals: dict[Outcome, tuple[int, int]]
    told: Sequence[tuple[str, int]]
    rows: Sequence[Happening]

    def number(self, outcome: str) -> int:
        """How many attempts ended so."""
        return self.totals.get(Outcome(outcome), (0, 0))[0]

    def yen(self, outcome: str) -> int:
        """Their yen."""
        return self.totals.get(Outcome(outcome), (0, 0))[1]

    @property
    def deferred(self) -> int:
        """Charges that the cap moved to another day."""
        return dict(self.told).get("cap_moved", 0)


def what_happened(
    connection: Connection,
    *,
    merchant_id: str,
    since: datetime,
    until: datetime,
    only: Outcome | None = None,
) -> Happened:
    """Everything from `since` to `until`, both included; `only` chooses the rows listed."""
    within = (
        attempts.c.merchant_id == merchant_id,
        attempts.c.intended_at.between(since, until),
    )
    sums = select(
        _OUTCOME.label("outcome"), func.count(), func.sum(attempts.c.amount_yen)
    ).select_from(attempts.join(slots, slots.c.id == attempts.c.slot_id))
    found = connection.execute(sums.where(*within).group_by("outcome"))
    totals = {Outcome(name): (rows, int(yen)) for name, rows, yen in found}
    return Happened(
        totals, _told(connection, merchant_id, since, until), _rows(connection, within, only)
    )


def _told(
    connection: Connection, merchant_id: str, since: datetime, until: datetime
) -> list[tuple[str, int]]:
    statement = (
        select(notices.c.kind, func.count())
        .where(notices.c.merchant_id == merchant_id, notices.c.written_at.between(since, until))
        .group_by(notices.c.kind)
        .order_by(func.count().desc(), notices.c.kind)
    )
    return [(kind, rows) for kind, rows in connection.execute(statement)]


def _rows(
    connection: Connection, within: Sequence[ColumnElement[bool]], only: Outcome | None
) -> list[Happening]:
    statement = (
        select(
            attempts.c.id.label("attempt_id"),
            attempts.c.intended_at.label("at"),
            customers.c.id.label("customer_id"),
            customers.c.name.label("customer_name"),
            attempts.c.amount_yen,
            _OUTCOME.label("outcome"),
            attempts.c.reason_code,
        )
        .select_from(_JOINED)
        .where(*within, *(() if only is None else (only.value == _OUTCOME,)))
        .order_by(attempts.c.intended_at.desc(), attempts.c.id.desc())
        .limit(ROWS)
    )
    return [_happening(dict(row)) for row in connection.execute(statement).mappings()]


def _happening(row: dict[str, Any]) -> Happening:
    return Happening(**(row | {"outcome": Outcome(row["outcome"])}))


_JOINED = (
    attempts.join(slots, slots.c.id == attempts.c.slot_id)
    .join(subscriptions, subscriptions.c.id == slots.c.subscription_id)
    .join(customers, customers.c.id == subscriptions.c.customer_id)
)
_OUTCOME: ColumnElement[str] = case(
    (
        (attempts.c.state == "captured") & (attempts.c.number > 1) & (slots.c.declines > 0),
        "recovered",
    ),
    (attempts.c.state == "captured", "charged"),
    (attempts.c.state.in_(("declined", "refused")), "declined"),
    else_="waiting",
)
