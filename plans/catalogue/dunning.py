"""Dunning schedules: when a declined charge is tried again, and how an unpaid invoice ends.

A schedule is a value with dated versions like everything on the price list. The dates that follow
from it are worked out in `billing.dunning`, which knows the cap too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import partial
from typing import ClassVar

from plans.catalogue.bounds import Whole, broken_by, check_code, check_date, refuse
from plans.catalogue.canonical import canonical_hash, fields_given
from plans.errors import BadInput

__all__ = [
    "DEFAULT_SCHEDULE",
    "DUNNING_DAYS",
    "LAST_OF_MONTH",
    "DunningEnd",
    "DunningSchedule",
    "PayDays",
    "Tries",
]

# A debt older than this is no longer dunning, and dates stay far from the calendar's end.
DUNNING_DAYS = Whole(1, 365, "a day of dunning, counted from the first decline,")
MOST_TRIES = Whole(1, 99, "the most tries of a schedule")
GAP_DAYS = Whole(1, 90, "the least days between two tries")
HOUR = Whole(0, 23, "an hour of the day")
UNTIL_HOUR = Whole(1, 24, "the hour from which nothing is tried")
DAY_OF_MONTH = Whole(1, 31, "a pay-day")
WITHIN_DAYS = Whole(1, 31, "how far a try may be moved to a pay-day")

DEFAULT_SCHEDULE = "default"
"""The code of the schedule that holds for plans which name none."""

LAST_OF_MONTH = 31
"""As a pay-day: the last day of the month, however long it is."""


class DunningEnd(StrEnum):
    """What becomes of an invoice that stays unpaid, and of its agreement."""

    PAUSE = "pause"  # written off, the agreement pauses
    CANCEL = "cancel"  # written off, the agreement ends
    KEEP_OPEN = "keep_open"  # both stay as they are, a person decides


@dataclass(frozen=True, slots=True)
class Tries:
    """When to try again after one kind of decline: days after the first decline, ascending.

    `hour` is the hour of the day, None for the merchant's own hour of charges.
    """

    days: tuple[int, ...] = (1, 3, 7, 14)
    hour: int | None = None

    def __post_init__(self) -> None:
        refuse(
            broken_by(
                *(partial(DUNNING_DAYS.check, "days", day) for day in self.days),
                lambda: HOUR.check("hour", self.hour),
            )
        )
        if not self.days or list(self.days) != sorted(set(self.days)):
            raise BadInput(
                field="days",
                value=", ".join(map(str, self.days)),
                rule="the days of tries ascend, and there is at least one",
                remedy="write them as in [1, 3, 7, 14]",
            )


@dataclass(frozen=True, slots=True)
class PayDays:
    """Days of the month on which people have money; a try moves up to `within` days to one.

    31 is the last day of any month. In Japan wages that would fall on a closed bank day are paid
    before it, so the day itself is never too early; `hour` leaves the bank time to book them.
    """

    days: tuple[int, ...] = (25,)
    within: int = 6
    hour: int = 12

    def __post_init__(self) -> None:
        refuse(
            broken_by(
                *(partial(DAY_OF_MONTH.check, "days", day) for day in self.days),
                lambda: WITHIN_DAYS.check("within", self.within),
                lambda: HOUR.check("hour", self.hour),
            )
        )
        if not self.days or list(self.days) != sorted(set(self.days)):
            raise BadInput(
                field="days",
                value=", ".join(map(str, self.days)),
                rule="pay-days ascend, and there is at least one",
                remedy="write them as in [10, 25, 31], 31 for the end of any month",
            )


@dataclass(frozen=True, slots=True)
class DunningSchedule:
    """What follows a decline, from `valid_from` on; an invoice keeps the version it began with.

    Declines that time may cure (`soft`, `timed_out`, `processing`; None as `soft`) are tried again.
    All others wait for the buyer until `buyer_days` after the first decline (None: until
    `last_day`, or else the last day of any try). Hours are the merchant's, `until_hour` excluded.
    """

    section: ClassVar[str] = "dunning"
    code: str
    valid_from: date
    soft: Tries = Tries()
    timed_out: Tries | None = None
    processing: Tries | None = None
    buyer_days: int | None = None
    max_tries: int | None = None
    last_day: int | None = None
    min_gap_days: int = 1
    from_hour: int = 0
    until_hour: int = 24
    pay_days: PayDays | None = None
    end: DunningEnd = DunningEnd.PAUSE
    end_when_closed: DunningEnd | None = None

    def __post_init__(self) -> None:
        refuse(_faults(self))

    @property
    def content_hash(self) -> str:
        """Fingerprint the terms (64 hex digits)."""
        return canonical_hash("dunning-v1", fields_given(self))

    @property
    def all_tries(self) -> tuple[Tries, ...]:
        """The lists of tries that are given."""
        given = (self.soft, self.timed_out, self.processing)
        return tuple(tries for tries in given if tries is not None)

    @property
    def wait_days(self) -> int:
        """How many days after the first decline the buyer has."""
        longest = max(tries.days[-1] for tries in self.all_tries)
        return self.buyer_days or self.last_day or longest

    @property
    def closed_end(self) -> DunningEnd:
        """How it ends when the buyer, or Amazon, has closed the permission."""
        return self.end_when_closed or self.end


def _faults(schedule: DunningSchedule) -> Iterator[BadInput]:
    yield from broken_by(
        lambda: check_code("code", schedule.code),
        lambda: check_date("valid_from", schedule.valid_from),
        lambda: DUNNING_DAYS.check("buyer_days", schedule.buyer_days),
        lambda: DUNNING_DAYS.check("last_day", schedule.last_day),
        lambda: MOST_TRIES.check("max_tries", schedule.max_tries),
        lambda: GAP_DAYS.check("min_gap_days", schedule.min_gap_days),
        lambda: HOUR.check("from_hour", schedule.from_hour),
        lambda: UNTIL_HOUR.check("until_hour", schedule.until_hour),
    )
    yield from _hour_faults(schedule)
    yield from _last_day_faults(schedule)


def _hour_faults(schedule: DunningSchedule) -> Iterator[BadInput]:
    first, until = schedule.from_hour, schedule.until_hour
    if first >= until:
        yield BadInput(
            field="until_hour",
            value=until,
            rule=f"is not after from_hour ({first}): no hour of the day is left",
            remedy="leave some hours between the two",
        )
    hours = [(name, tries.hour) for name, tries in _named(schedule)]
    hours += [("pay_days", schedule.pay_days.hour)] if schedule.pay_days else []
    for name, hour in hours:
        if hour is not None and not first <= hour < until:
            yield BadInput(
                field=name,
                value=hour,
                rule=f"its hour lies outside from_hour to until_hour ({first} to {until})",
                remedy="choose an hour inside, or widen the two",
            )


def _last_day_faults(schedule: DunningSchedule) -> Iterator[BadInput]:
    last = schedule.last_day
    if last is None:
        return
    for name, tries in _named(schedule):
        if tries.days[-1] > last:
            yield BadInput(
                field=name,
                value=tries.days[-1],
                rule=f"is a try after last_day ({last})",
                remedy="take it out, or make last_day later",
            )
    if schedule.buyer_days is not None and schedule.buyer_days > last:
        yield BadInput(
            field="buyer_days",
            value=schedule.buyer_days,
            rule=f"is longer than last_day ({last})",
            remedy="shorten it, or make last_day later",
        )


def _named(schedule: DunningSchedule) -> Iterator[tuple[str, Tries]]:
    for name in ("soft", "timed_out", "processing"):
        tries = getattr(schedule, name)
        if tries is not None:
            yield name, tries
