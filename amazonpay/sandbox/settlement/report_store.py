"""Reports as they are stored; how one ends is settled when it is created.

The rows of its window can only be those that exist by then. Until it is ready a report shows as
IN_PROGRESS, and after ninety days it is gone (api.md §11).
"""

from dataclasses import dataclass
from typing import Final

from amazonpay.sandbox.options import DAY_MS, SECOND_MS
from amazonpay.sandbox.settlement import report_types
from amazonpay.sandbox.settlement.closing import Settlement
from amazonpay.sandbox.settlement.options import read_options
from amazonpay.sandbox.world import World

KEPT_MS: Final = 90 * DAY_MS


@dataclass(frozen=True, slots=True)
class Report:
    """A report; field order is column order. `settlement` is that of an automatic one."""

    seq: int
    type: str
    start_at: int
    end_at: int
    created_at: int
    ready_at: int
    outcome: str
    settlement: int | None

    def status(self, now: int) -> str:
        """Its processingStatus at an instant."""
        return "IN_PROGRESS" if self.ready_at > now else self.outcome

    @property
    def until(self) -> int:
        """The end of its rows: a window may reach into the future, rows do not."""
        return min(self.end_at, self.created_at + 1)


def find(world: World, seq: int | None, now: int) -> Report | None:
    """A report by its number, unless it is older than the ninety days."""
    row = world.store.connection.execute(
        "SELECT * FROM reports WHERE seq = ? AND created_at >= ?", (seq, now - KEPT_MS)
    ).fetchone()
    return None if row is None else Report(*row)


def add(world: World, *, kind: str, start: int, end: int, created_at: int) -> int:
    """Stores a report of a window and answers its number."""
    outcome = read_options(world).report_outcome
    if outcome == "normal":
        until = min(end, created_at + 1)
        found = report_types.has_rows(world, kind, start=start, end=until)
        outcome = "COMPLETED" if found else "CANCELLED"
    return _store(world, kind, start, end, created_at, outcome, None)


def add_automatic(world: World, settlement: Settlement) -> None:
    """In live each settlement brings its report by itself; in sandbox there is none."""
    if world.environment == "live":
        _store(
            world,
            report_types.SETTLEMENT,
            settlement.started_at,
            settlement.ended_at,
            settlement.ended_at,
            "COMPLETED",
            settlement.number,
        )


def _store(
    world: World,
    kind: str,
    start: int,
    end: int,
    created_at: int,
    outcome: str,
    settlement: int | None,
) -> int:
    execute = world.store.connection.execute
    execute("DELETE FROM reports WHERE created_at < ?", (created_at - KEPT_MS,))
    ready_at = created_at + read_options(world).report_seconds * SECOND_MS
    cursor = execute(
        "INSERT INTO reports (type, start_at, end_at, created_at, ready_at, outcome, settlement) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        (kind, start, end, created_at, ready_at, outcome, settlement),
    )
    return int(cursor.lastrowid or 0)
