"""Figures of dunning: what each try brought in, and where the unpaid invoices stand now.

Both cost what they are asked about: recovery reads the attempts of its period by the index of
times, the standing reads invoices that are unpaid, whatever the years of history.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from billing.store.merchants import Merchant
from billing.store.rows import fetch, is_word, table_of
from billing.tables import AttemptRow, DunningRow, SlotRow

__all__ = ["DunningStanding", "Recovery", "dunning_standing", "recovery_by_step"]

attempts = table_of(AttemptRow)
slots = table_of(SlotRow)
dunning = table_of(DunningRow)

_LOST = ("declined", "refused", "canceled")


@dataclass(frozen=True, slots=True)
class Recovery:
    """Tries that followed a decline for `reason_code`: the `step`-th after the first charge.

    `recovered` of them were captured, `declined` were not; the rest has no definite answer yet.
    """

    reason_code: str
    step: int
    tries: int
    recovered: int
    declined: int
    recovered_yen: int

    @property
    def rate_percent(self) -> int:
        """Recovered of those answered, in whole percent rounded down; 0 when none is."""
        answered = self.recovered + self.declined
        return self.recovered * 100 // answered if answered else 0


@dataclass(frozen=True, slots=True)
class DunningStanding:
    """How many unpaid invoices of one schedule stand at one step.

    `schedule_code` is None for the merchant's own rules; `step` counts the declines so far, and
    `state` is `due` (tried again) or `waiting_buyer`.
    """

    schedule_code: str | None
    state: str
    reason_code: str
    step: int
    invoices: int
    amount_yen: int
    next_at: datetime


def recovery_by_step(
    connection: Connection, merchant: Merchant, *, since: datetime, until: datetime
) -> tuple[Recovery, ...]:
    """What the tries made from `since` to before `until` brought in, by reason and step.

    A try is an attempt after a declined one of the same slot; its reason is that of the last
    decline before it, its step how many were declined before it.
    """
    earlier = attempts.alias("earlier")
    before = (
        select(
            attempts.c.id,
            attempts.c.state,
            attempts.c.amount_yen,
            func.count(earlier.c.id).label("step"),
            func.max(earlier.c.number).label("last"),
            attempts.c.slot_id,
        )
        .join(earlier, (earlier.c.slot_id == attempts.c.slot_id))
        .where(earlier.c.number < attempts.c.number, earlier.c.state == "declined")
        .where(attempts.c.merchant_id == merchant.id)
        .where(attempts.c.intended_at >= since, attempts.c.intended_at < until)
        .group_by(attempts.c.id, attempts.c.state, attempts.c.amount_yen, attempts.c.slot_id)
        .subquery()
    )
    last = attempts.alias("last")
    reason = func.coalesce(last.c.reason_code, "")
    captured = before.c.state == "captured"
    statement = (
        select(
            reason.label("reason_code"),
            before.c.step,
            func.count().label("tries"),
            func.count().filter(captured).label("recovered"),
            func.count().filter(before.c.state.in_(_LOST)).label("declined"),
            func.coalesce(func.sum(before.c.amount_yen).filter(captured), 0).label("recovered_yen"),
        )
        .join(last, (last.c.slot_id == before.c.slot_id) & (last.c.number == before.c.last))
        .group_by(reason, before.c.step)
        .order_by(reason, before.c.step)
    )
    return tuple(
        Recovery(**{**row, "recovered_yen": int(row["recovered_yen"])})
        for row in fetch(connection, statement)
    )


def dunning_standing(connection: Connection, merchant: Merchant) -> tuple[DunningStanding, ...]:
    """Where every unpaid invoice in dunning stands, by schedule, state, reason and step."""
    reason = func.coalesce(slots.c.reason, "")
    keys = (dunning.c.schedule_code, slots.c.state, reason, slots.c.declines)
    statement = (
        select(
            dunning.c.schedule_code,
            slots.c.state,
            reason.label("reason_code"),
            slots.c.declines.label("step"),
            func.count(slots.c.invoice_id.distinct()).label("invoices"),
            func.sum(slots.c.amount_yen).label("amount_yen"),
            func.min(slots.c.due_at).label("next_at"),
        )
        .join(dunning, dunning.c.invoice_id == slots.c.invoice_id)
        .where(slots.c.merchant_id == merchant.id)
        .where(is_word(slots.c.state, "due", "waiting_buyer"))
        .group_by(*keys)
        .order_by(*keys)
    )
    return tuple(
        DunningStanding(**{**row, "amount_yen": int(row["amount_yen"])})
        for row in fetch(connection, statement)
    )
