"""What the cap says about one due charge: charge it, split it, move it, or refuse it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from billing.cap.plan import CapRule
from billing.dates import certain_from, charge_instant, first_of_next_month

REFUSED = "cap_refused"
IMPOSSIBLE = "cap_impossible"
# A charge that waits for less only lets a month's edge pass: nobody needs to be told, and the day
# stays the same.
WORTH_TELLING = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Charge:
    """It fits: send it."""

    amount_yen: int


@dataclass(frozen=True, slots=True)
class Split:
    """The room takes `amount_yen` now; the rest comes at `rest_at`."""

    amount_yen: int
    rest_yen: int
    rest_at: datetime


@dataclass(frozen=True, slots=True)
class Move:
    """No room now: look again at `to`, when another month certainly counts."""

    to: datetime


@dataclass(frozen=True, slots=True)
class Refuse:
    """By the merchant's rule it is not charged; a person decides."""

    reason: str


Verdict = Charge | Split | Move | Refuse


def rule_of_try(rule: CapRule, *, declines: int) -> CapRule:
    """The rule for a charge that was declined before: what fitted once is never refused later.

    It waits for room instead, and no try is spent on a full month.
    """
    return CapRule.DEFER if declines and rule is CapRule.REFUSE else rule


def judge(
    *,
    amount_yen: int,
    rooms: Sequence[tuple[str, int]],
    limit_yen: int,
    rule: CapRule,
    timezone: str,
    charge_hour: int,
) -> Verdict:
    """The verdict for a charge now; `rooms` holds (month, room yen) of each month it may count in.

    `limit_yen` is the cap of a month that nothing has used yet.
    """
    room = min(room for _, room in rooms)
    if amount_yen <= room:
        return Charge(amount_yen)
    if limit_yen == 0 or (amount_yen > limit_yen and rule is not CapRule.SPLIT):
        return Refuse(IMPOSSIBLE)
    later = next_look(rooms, timezone=timezone, charge_hour=charge_hour)
    # A boundary passes within hours: waiting for it beats a refusal or a needless split.
    at_boundary = len(rooms) > 1 and rooms[-1][1] > room
    if at_boundary:
        return Move(certain_from(rooms[-1][0], timezone=timezone))
    if rule is CapRule.REFUSE:
        return Refuse(REFUSED)
    if rule is CapRule.SPLIT and room > 0:
        return Split(room, amount_yen - room, later)
    return Move(later)


def next_look(rooms: Sequence[tuple[str, int]], *, timezone: str, charge_hour: int) -> datetime:
    """The merchant's hour on the next 1st; minutes later where it would meet the edge itself."""
    first = first_of_next_month(date.fromisoformat(f"{rooms[-1][0]}-01"))
    at = charge_instant(on=first, timezone=timezone, hour=charge_hour)
    certain = certain_from(f"{first:%Y-%m}", timezone=timezone)
    return certain if timedelta(0) < certain - at < WORTH_TELLING else at
