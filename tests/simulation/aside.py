"""Invariant 37: what may be set aside for a person, and after how long."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from simulation.books import instant_of
from simulation.view import View

# A key rests for half a day before proofs about it count, and goes through its replays twice.
_PARKED_AFTER: Final = timedelta(hours=30)
_PARKED_AFTER_SENDS: Final = 9


def invariant_37_no_false_quarantine(view: View) -> None:
    """Nothing is set aside for a person that Amazon answered by the rules.

    What had no answer at all is parked, but only after days of replays of its key.
    """
    for row in view.rows(
        "SELECT s.reference, s.reason, a.detail, a.idempotency_key AS k, a.sends, a.intended_at, "
        "d.parked_at FROM slot s LEFT JOIN attempt a ON a.slot_id = s.id "
        "LEFT JOIN doubt d ON d.attempt_id = a.id AND d.settled_at IS NULL "
        "WHERE s.state = 'quarantined'"
    ):
        if row["k"] not in view.amazon.stuck and not _long_unanswered(row):
            view.broken("invariant_37", f"{row['reference']}: {row['reason']}, {row['detail']}")


def _long_unanswered(row: dict[str, Any]) -> bool:
    if row["reason"] != "unknown" or row["parked_at"] is None:
        return False
    waited = instant_of(row["parked_at"]) - instant_of(row["intended_at"])
    return waited >= _PARKED_AFTER and bool(row["sends"] >= _PARKED_AFTER_SENDS)
