"""The next step after a definite decline: try again, wait for the buyer, or end. Pure.

The n-th try of a slot takes the n-th day of the list for the reason it was declined for last,
counted from its first decline. Then the day moves, always later: past a gap, to a pay-day, to the
first day on which the cap has room. A try is never spent on a day that the cap would refuse.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from billing.dunning.cap_ahead import CapAhead
from billing.dunning.reasons import tries_for
from plans import LAST_OF_MONTH, DunningSchedule, PayDays, Tries, days_in_month

__all__ = [
    "Decline",
    "DunningStep",
    "Move",
    "MoveCause",
    "NextStep",
    "charge_hour_of",
    "next_step",
    "wait_until",
]


class NextStep(StrEnum):
    """What a declined slot does next."""

    RETRY = "retry"
    WAIT_FOR_BUYER = "wait_for_buyer"
    END = "end"


class MoveCause(StrEnum):
    """Why a try is not on the day that the list says."""

    LATE = "late"  # the day was over, or the gap to the last try too small
    PAY_DAY = "pay_day"
    CAP = "cap"


@dataclass(frozen=True, slots=True)
class Move:
    """A day moved, and why."""

    cause: MoveCause
    before: date
    after: date


@dataclass(frozen=True, slots=True)
class Decline:
    """A definite decline, after `tries` of the schedule; the first charge is not counted.

    `first_on` is the day of the slot's first decline, `on` today; both are the merchant's dates.
    """

    reason_code: str
    tries: int
    first_on: date
    on: date


@dataclass(frozen=True, slots=True)
class DunningStep:
    """The next step, its date and hour: of the try, of the last day that the buyer has, or today.

    `planned` is the day by the list alone and `moves` say how `on` came of it. An end before the
    last try of the list has moves too: they led past the last day.
    """

    step: NextStep
    on: date
    hour: int
    planned: date
    moves: tuple[Move, ...] = ()


def next_step(
    *, schedule: DunningSchedule, decline: Decline, charge_hour: int, cap: CapAhead | None = None
) -> DunningStep:
    """The step after a decline; without `cap` every day has room.

    `charge_hour` is the merchant's hour of charges, for lists that name none.
    """
    tries = tries_for(schedule, decline.reason_code)
    if tries is None:
        until = wait_until(schedule=schedule, began_on=decline.first_on, on=decline.on)
        hour = charge_hour_of(schedule=schedule, tries=None, charge_hour=charge_hour)
        return DunningStep(NextStep.WAIT_FOR_BUYER, until, hour, until)
    hour = charge_hour_of(schedule=schedule, tries=tries, charge_hour=charge_hour)
    if decline.tries >= _most_tries(schedule, tries):
        return DunningStep(NextStep.END, decline.on, hour, decline.on)
    planned = decline.first_on + timedelta(days=tries.days[decline.tries])
    # After a stop of the engine a planned day may be gone: one try a day at most, never two.
    earliest = max(planned, decline.on + timedelta(days=schedule.min_gap_days))
    on, hour, moves = _moved(schedule, earliest, hour, decline.first_on, cap)
    if earliest != planned:
        moves = (Move(MoveCause.LATE, planned, earliest), *moves)
    last = _last_day(schedule, decline.first_on)
    if last is not None and on > last:
        return DunningStep(NextStep.END, decline.on, hour, planned, moves)
    return DunningStep(NextStep.RETRY, on, hour, planned, moves)


def wait_until(*, schedule: DunningSchedule, began_on: date, on: date) -> date:
    """The last day that a buyer who is told on `on` has: at least a whole day, however late."""
    return max(began_on + timedelta(days=schedule.wait_days), on + timedelta(days=1))


def _last_day(schedule: DunningSchedule, began_on: date) -> date | None:
    """The day after which nothing is tried any more, or None."""
    return None if schedule.last_day is None else began_on + timedelta(days=schedule.last_day)


def charge_hour_of(*, schedule: DunningSchedule, tries: Tries | None, charge_hour: int) -> int:
    """The hour of a try: the list's own, or the merchant's, put inside the schedule's hours."""
    hour = charge_hour if tries is None or tries.hour is None else tries.hour
    return max(schedule.from_hour, min(hour, schedule.until_hour - 1))


def _most_tries(schedule: DunningSchedule, tries: Tries) -> int:
    most = schedule.max_tries
    return len(tries.days) if most is None else min(most, len(tries.days))


def _moved(
    schedule: DunningSchedule, day: date, hour: int, began_on: date, cap: CapAhead | None
) -> tuple[date, int, tuple[Move, ...]]:
    """Move to a pay-day and to room under the cap until neither moves it any more.

    Both only move forward, and a month that nothing has used has room: it ends after few rounds.
    """
    moves: tuple[Move, ...] = ()
    last = _last_day(schedule, began_on)
    while True:
        paid_on, at_hour = _on_pay_day(schedule.pay_days, day, hour, last)
        if paid_on != day:
            moves = (*moves, Move(MoveCause.PAY_DAY, day, paid_on))
        # Where no month ever has room, the run says so: by the merchant's rule it is refused.
        roomy = cap.first_day(on=paid_on, hour=at_hour) if cap else paid_on
        if roomy is None or roomy == paid_on:
            return paid_on, at_hour, moves
        moves = (*moves, Move(MoveCause.CAP, paid_on, roomy))
        day = roomy


def _on_pay_day(
    pay_days: PayDays | None, day: date, hour: int, last: date | None
) -> tuple[date, int]:
    """The next pay-day with its hour, unless it is out of reach or past the last day."""
    found = None if pay_days is None else _pay_day(pay_days, day)
    if pay_days is None or found is None or (last is not None and found > last):
        return day, hour
    return found, pay_days.hour


def _pay_day(pay_days: PayDays, on: date) -> date | None:
    """The first pay-day from `on` within reach, `on` itself included."""
    for ahead in range(pay_days.within + 1):
        day = on + timedelta(days=ahead)
        longest = days_in_month(day.year, day.month)
        if day.day in pay_days.days or (day.day == longest and _wants_longer(pay_days, longest)):
            return day
    return None


def _wants_longer(pay_days: PayDays, longest: int) -> bool:
    """A pay-day that this month lacks falls on its last day; 31 is the last of any month."""
    return any(longest < day <= LAST_OF_MONTH for day in pay_days.days)
