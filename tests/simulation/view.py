"""What invariants may look at: the oracle, the books, the plan of the world, and memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from simulation.amazon import Amazon
from simulation.setting import Setting
from simulation.shop import Subscriber
from simulation.store import Rows, Store
from simulation.world import World

SKEW_ALLOWED: Final = timedelta(seconds=60)


class Violation(AssertionError):
    """An invariant does not hold."""

    def __init__(self, invariant: str, detail: str) -> None:
        super().__init__(f"{invariant}: {detail}")
        self.invariant = invariant
        self.detail = detail


@dataclass(slots=True)
class View:
    """One world as its invariants see it."""

    world: World
    store: Store
    amazon: Amazon
    setting: Setting
    people: dict[str, Subscriber]
    touched: set[str]
    bodies: dict[str, bytes] = field(default_factory=dict)
    old_program: Callable[[], bool] | None = None
    """True while the running task is one of an older program; None where there is only one."""
    sent_by: dict[str, bool] = field(default_factory=dict)
    acted: set[tuple[str, str]] = field(default_factory=set)
    """Captures and cancellations that have reached Amazon, by operation and charge."""
    arrivals: dict[str, list[int]] = field(default_factory=dict)
    final: dict[tuple[str, int], str] = field(default_factory=dict)
    ledger: dict[str, int] = field(default_factory=dict)
    wrong_clock: set[str] = field(default_factory=set)
    """Permissions charged by a process whose clock was far off: their months are not compared."""
    received: set[int] = field(default_factory=set)
    """Deliveries that somebody took."""
    taken_over: int = 0
    """Requests of a key that the other program had begun."""
    reconciling_since: int | None = None
    went_back: bool = False

    def books_went_back(self) -> None:
        """The books are those of an earlier moment: what was final then may not be so now."""
        self.final.clear()
        self.ledger.clear()
        self.received.clear()
        self.went_back = True
        self.reconciling_since = self.world.now

    def rows(self, sql: str, *values: object) -> Rows:
        """Rows of the books."""
        return self.store.rows(sql, *values)

    def broken(self, invariant: str, detail: str) -> None:
        """Stop the world at its first violation, wherever in the engine it shows."""
        if self.world.failure is None:
            self.world.trace(f"VIOLATED {invariant}: {detail}")
            self.world.failure = Violation(invariant, detail)

    def none(self, invariant: str, sql: str, *values: object) -> None:
        """The query finds the rows that break the invariant."""
        found = self.store.rows(sql, *values)
        if found:
            self.broken(invariant, f"{len(found)} rows, first {found[0]}")
