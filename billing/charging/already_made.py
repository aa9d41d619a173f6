"""Charges that Amazon has made already and the books have lost, as a slot takes them up. Pure.

What was taken is no question of the cap any more. Asked again, the cap of now would split what was
charged whole, and the rest of it would be charged a second time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from billing.cap.verdict import Charge, Split, next_look


@dataclass(frozen=True, slots=True)
class KnownCharge:
    """A charge at Amazon: its id, the yen it was made for, and when (None: not said)."""

    charge_id: str
    amount_yen: int
    made_at: datetime | None


def verdict_of(
    known: KnownCharge,
    *,
    amount_yen: int,
    rooms: Sequence[tuple[str, int]],
    timezone: str,
    charge_hour: int,
) -> Charge | Split:
    """What the charge says about its slot of `amount_yen`: all of it, or a part and the rest later.

    A charge of more than the slot is none of ours: the slot takes it at its own amount, and the
    difference sets it aside for a person as soon as the charge is read.
    """
    rest = amount_yen - known.amount_yen
    if rest <= 0:
        return Charge(amount_yen)
    later = next_look(rooms, timezone=timezone, charge_hour=charge_hour)
    return Split(known.amount_yen, rest, later)


def taken_in(
    attempts: Sequence[Mapping[str, Any]], made_in: Mapping[int, Sequence[str]]
) -> dict[tuple[int, str], int]:
    """Yen that Amazon has taken by (permission, month), for rows of `attempt`; `made_in` has the
    months of slots that were charged already. A permission has one slot in a slice."""
    return {
        (attempt["permission_id"], month): attempt["amount_yen"]
        for attempt in attempts
        for month in made_in.get(attempt["slot_id"], ())
    }
