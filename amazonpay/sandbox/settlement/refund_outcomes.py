"""How coming refunds end: as scripted through the control surface, else Refunded (states.md §4).

A refund that is to be declined is initiated like any other and declined when its time is over.
"""

from dataclasses import replace
from typing import Final

from amazonpay.sandbox.rows import Charge, Refund
from amazonpay.sandbox.settlement.disputes import charged_back_yen
from amazonpay.sandbox.settlement.schema import LATE_INDEXES
from amazonpay.sandbox.world import World

OUTCOMES: Final = ("ok", "AmazonRejected", "ProcessingFailure")


def script(world: World, *, outcome: str, charge_id: str | None, times: int) -> None:
    """Says how the next refunds end, of one charge or of any."""
    world.store.connection.executemany(
        "INSERT INTO refund_outcomes (charge_id, outcome) VALUES (?, ?)",
        [(charge_id, outcome)] * times,
    )


def scripted(world: World) -> list[tuple[str | None, str]]:
    """What is still to come, in order: charge id or None for any, and outcome."""
    return world.store.connection.execute(
        "SELECT charge_id, outcome FROM refund_outcomes ORDER BY seq"
    ).fetchall()


def forget(world: World) -> None:
    """Lets coming refunds succeed again."""
    world.store.connection.execute("DELETE FROM refund_outcomes")


def take_decline(world: World, charge: Charge, *, yen: int, refundable_yen: int) -> str | None:
    """The reason for which a new refund will be declined, None when it will succeed.

    Without a script a refund fails as `ProcessingFailure` when chargebacks and claims already gave
    the buyer the money.
    """
    # The row of a refund is made from the rows that its charge has.
    world.store.connection.execute(LATE_INDEXES["by charge"])
    row = world.store.connection.execute(
        "SELECT seq, outcome FROM refund_outcomes WHERE charge_id IS NULL OR charge_id = ? "
        "ORDER BY seq LIMIT 1",
        (charge.id,),
    ).fetchone()
    if row is not None:
        world.store.connection.execute("DELETE FROM refund_outcomes WHERE seq = ?", (row[0],))
        return None if row[1] == "ok" else str(row[1])
    taken = charged_back_yen(world, charge.id)
    if taken and charge.refund_reserved + yen > refundable_yen - taken:
        return "ProcessingFailure"
    return None


def decline_later(world: World, row: Refund, *, reason: str, due_at: int) -> None:
    """Lets an initiated refund end as Declined."""
    world.store.connection.execute(
        "INSERT INTO refund_declines VALUES (?, ?, ?)", (row.id, reason, due_at)
    )
    world.store.expect(due_at)


def next_decline(world: World) -> int | None:
    """The instant of the next decline."""
    row = world.store.connection.execute(
        "SELECT due_at FROM refund_declines ORDER BY due_at LIMIT 1"
    ).fetchone()
    return None if row is None else int(row[0])


def fire_decline(world: World, at: int) -> None:
    """Declines one refund that is due and gives its reserved yen back to its charge."""
    due = world.store.connection.execute(
        "SELECT refund_id, reason FROM refund_declines WHERE due_at <= ? ORDER BY due_at LIMIT 1",
        (at,),
    ).fetchone()
    if due is None:
        return
    refund_id, reason = due
    world.store.connection.execute("DELETE FROM refund_declines WHERE refund_id = ?", (refund_id,))
    row = world.refund(refund_id)
    world.store.save_refund(
        replace(row, state="Declined", reason_code=reason, changed_at=at, due_at=None)
    )
    charge = world.charge(row.charge_id)
    world.store.save_charge(replace(charge, refund_reserved=charge.refund_reserved - row.amount))
