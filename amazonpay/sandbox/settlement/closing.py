"""Closing a settlement: what was earned, what is held back, what is paid, what is carried over.

Source: japan.md §4.6. The first close is 16 days after the account opens, then every 14 days.
Every close appends the rows that explain it (balance carried in, reserve released and held,
balance carried out), so that the rows of a settlement add up to exactly its disbursement.
"""

from dataclasses import astuple, dataclass
from typing import Final

from amazonpay.sandbox.options import DAY_MS
from amazonpay.sandbox.settlement.numbers import disbursement_reference, settlement_id
from amazonpay.sandbox.settlement.options import SettlementOptions, read_options
from amazonpay.sandbox.world import World

CARRYOVER: Final = "Carryover"
RESERVE: Final = "Reserve"
# A settlement report never spans more than this (api.md §11).
LONGEST_PERIOD_MS: Final = 30 * DAY_MS
# An account where nothing moves is closed for a good year more and then rests until money moves;
# otherwise a clock that jumps a thousand years would close thousands of empty periods.
_MOST_IDLE_CLOSES: Final = 27


@dataclass(frozen=True, slots=True)
class Settlement:
    """One closed period; field order is column order. Amounts are whole yen.

    Without loss: movement_yen + carried_in + reserve_released
    = disbursed + reserve_held + carried_out.
    """

    number: int
    id: str
    started_at: int
    ended_at: int
    last_seq: int
    movements: int
    movement_yen: int
    carried_in: int
    reserve_released: int
    reserve_held: int
    carried_out: int
    disbursed: int
    disbursement_reference: str | None
    scheduled: int
    idle: int


@dataclass(frozen=True, slots=True)
class Split:
    """Where a balance goes; the three add up to it."""

    reserve_held: int
    disbursed: int
    carried_out: int


def split(*, balance_yen: int, movement_yen: int, options: SettlementOptions) -> Split:
    """Reserve first, then the payout; what cannot be paid, a debt too, goes to the next period."""
    if balance_yen <= 0:
        return Split(0, 0, balance_yen)
    share = max(movement_yen, 0) * options.reserve_basis_points // 10_000
    reserve = min(balance_yen, share + options.reserve_fixed_yen)
    rest = balance_yen - reserve
    if options.payouts_on_hold or rest < options.minimum_disbursement_yen:
        return Split(reserve, 0, rest)
    return Split(reserve, rest, 0)


def close(world: World, *, at: int, scheduled: bool) -> Settlement:
    """Closes the open period at an instant; must run inside a transaction."""
    before = last_settlement(world)
    carried_in, released = (0, 0) if before is None else (before.carried_out, before.reserve_held)
    count, yen = _movements_since(world, 0 if before is None else before.last_seq)
    result = split(
        balance_yen=yen + carried_in + released, movement_yen=yen, options=read_options(world)
    )
    _explain(world, at, carried_in, released, result)
    number = 1 if before is None else before.number + 1
    settlement = Settlement(
        number=number,
        id=settlement_id(number),
        started_at=_started_at(world, before, at),
        ended_at=at,
        last_seq=_newest_row(world),
        movements=count,
        movement_yen=yen,
        carried_in=carried_in,
        reserve_released=released,
        reserve_held=result.reserve_held,
        carried_out=result.carried_out,
        disbursed=result.disbursed,
        disbursement_reference=disbursement_reference(number) if result.disbursed else None,
        scheduled=int(scheduled),
        idle=0 if count or before is None else before.idle + 1,
    )
    world.store.connection.execute(
        "INSERT INTO settlements VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        astuple(settlement),
    )
    return settlement


def last_settlement(world: World, *, scheduled: bool = False) -> Settlement | None:
    """The latest closed period, or the latest that was closed by the calendar."""
    query = "SELECT * FROM settlements ORDER BY number DESC LIMIT 1"
    if scheduled:
        query = "SELECT * FROM settlements WHERE scheduled = 1 ORDER BY number DESC LIMIT 1"
    row = world.store.connection.execute(query).fetchone()
    return None if row is None else Settlement(*row)


def settlement(world: World, number: int) -> Settlement | None:
    """A closed period by its running number."""
    row = world.store.connection.execute(
        "SELECT * FROM settlements WHERE number = ?", (number,)
    ).fetchone()
    return None if row is None else Settlement(*row)


def next_close(world: World) -> int | None:
    """The instant of the next close by the calendar; None until money has moved."""
    options = read_options(world)
    cycle = options.cycle_days * DAY_MS
    before = last_settlement(world, scheduled=True)
    if before is None:
        first_movement = _first_movement_after(world, 0)
        if first_movement is None:
            return None
        opened = options.account_opened_at
        opened = first_movement if opened is None else min(opened, first_movement)
        return _first_on_grid(opened + options.first_close_days * DAY_MS, cycle, first_movement)
    due = before.ended_at + cycle
    latest = last_settlement(world) or before
    if latest.idle < _MOST_IDLE_CLOSES:
        return due
    woken = _first_movement_after(world, latest.last_seq)
    return None if woken is None else _first_on_grid(due, cycle, woken)


def _first_on_grid(start: int, step: int, after: int) -> int:
    """The first of start, start + step, … that lies later than an instant."""
    return start + max((after - start) // step + 1, 0) * step


def _first_movement_after(world: World, seq: int) -> int | None:
    row = world.store.connection.execute(
        "SELECT posted_at FROM transactions WHERE seq > ? ORDER BY seq LIMIT 1", (seq,)
    ).fetchone()
    return None if row is None else int(row[0])


def _movements_since(world: World, seq: int) -> tuple[int, int]:
    count, yen = world.store.connection.execute(
        "SELECT count(*), coalesce(sum(amount + fee), 0) FROM transactions WHERE seq > ?", (seq,)
    ).fetchone()
    return int(count), int(yen)


def _newest_row(world: World) -> int:
    query = "SELECT coalesce(max(seq), 0) FROM transactions"
    return int(world.store.connection.execute(query).fetchone()[0])


def _started_at(world: World, before: Settlement | None, at: int) -> int:
    opened = read_options(world).account_opened_at
    if before is not None:
        start = before.ended_at
    else:
        start = opened or _first_movement_after(world, 0) or at
    return min(max(start, at - LONGEST_PERIOD_MS), at)


def _explain(world: World, at: int, carried_in: int, released: int, result: Split) -> None:
    rows = (
        (CARRYOVER, carried_in, "Balance of the previous settlement"),
        (RESERVE, released, "Previous reserve amount balance"),
        (RESERVE, -result.reserve_held, "Current reserve amount"),
        (CARRYOVER, -result.carried_out, "Balance carried to the next settlement"),
    )
    world.store.connection.executemany(
        "INSERT INTO transactions (posted_at, type, amount, fee, description) "
        "VALUES (?, ?, ?, 0, ?)",
        [(at, kind, yen, text) for kind, yen, text in rows if yen],
    )
