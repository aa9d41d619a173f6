"""Reads the book of transactions in pages, with what a reader wants to know of each row."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from amazonpay.sandbox.settlement.closing import Settlement
from amazonpay.sandbox.settlement.schema import LATE_INDEXES
from amazonpay.sandbox.world import World

PAGE: Final = 500
_STORE_NAME: Final = "Test Store"


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the book; `settlement` is the number it belongs to, also before that closes.

    `fee` is negative where it was taken; amount + fee is what the balance changes by.
    """

    seq: int
    posted_at: int
    type: str
    object_id: str | None
    charge_id: str | None
    amount: int
    fee: int
    description: str | None
    settlement: int
    is_open: int
    permission_id: str | None
    reference: str | None
    store_name: str | None
    authorized_at: int | None


_ENTRY: Final = f"""
SELECT t.seq, t.posted_at, t.type, t.object_id, t.charge_id, t.amount, t.fee, t.description,
    coalesce(
        (SELECT number FROM settlements WHERE last_seq >= t.seq ORDER BY last_seq LIMIT 1),
        (SELECT coalesce(max(number), 0) + 1 FROM settlements)
    ),
    t.seq > (SELECT coalesce(max(last_seq), 0) FROM settlements),
    c.permission_id, c.merchant_reference_id,
    CASE WHEN c.id IS NULL THEN NULL ELSE
        coalesce(json_extract(c.details, '$.merchantMetadata.merchantStoreName'), '{_STORE_NAME}')
    END,
    c.authorized_at
FROM transactions AS t LEFT JOIN charges AS c ON c.id = t.charge_id
"""  # noqa: S608 - put together from a constant


def window(world: World, start: int, end: int) -> Iterator[list[Entry]]:
    """The rows posted from `start` until before `end`, in order of time."""
    at, seq = start, 0
    while True:
        page = _read(
            world,
            "WHERE (t.posted_at, t.seq) > (?, ?) AND t.posted_at < ? "
            "ORDER BY t.posted_at, t.seq LIMIT ?",
            (at, seq, end, PAGE),
        )
        yield page
        if len(page) < PAGE:
            return
        at, seq = page[-1].posted_at, page[-1].seq


def of_settlement(world: World, settlement: Settlement) -> Iterator[list[Entry]]:
    """The rows of a closed period, in the order in which they were booked."""
    row = world.store.connection.execute(
        "SELECT last_seq FROM settlements WHERE number = ?", (settlement.number - 1,)
    ).fetchone()
    seq = 0 if row is None else int(row[0])
    while True:
        page = after(world, seq, limit=PAGE, until=settlement.last_seq)
        yield page
        if len(page) < PAGE:
            return
        seq = page[-1].seq


def after(world: World, seq: int, *, limit: int, until: int = (1 << 62)) -> list[Entry]:
    """The rows that follow a row, up to another."""
    return _read(
        world, "WHERE t.seq > ? AND t.seq <= ? ORDER BY t.seq LIMIT ?", (seq, until, limit)
    )


def of_charge(world: World, charge_id: str, seq: int, *, limit: int) -> list[Entry]:
    """The rows of one charge that follow a row."""
    world.store.connection.execute(LATE_INDEXES["by charge"])
    where = "WHERE t.charge_id = ? AND t.seq > ? ORDER BY t.seq LIMIT ?"
    return _read(world, where, (charge_id, seq, limit))


def _read(world: World, where: str, values: tuple[int | str, ...]) -> list[Entry]:
    return [Entry(*row) for row in world.store.connection.execute(_ENTRY + where, values)]
