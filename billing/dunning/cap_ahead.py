"""The room of one charge permission on days to come, as far as the books know it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from billing.cap.plan import CapRule
from billing.cap.verdict import WORTH_TELLING, Charge, Move, Split, judge
from billing.dates import charge_instant, first_of_next_month, possible_months

__all__ = ["CapAhead"]

# A charge that finds no room within a year never will.
MONTHS_AHEAD = 13


@dataclass(frozen=True, slots=True)
class CapAhead:
    """What a charge of `amount_yen` finds: the limit, and yen taken by month ("2027-02").

    By the rule `split` a month with any room takes a part of it, as the run would; else a day has
    room when the whole amount fits in every month that a charge then could count in.
    """

    amount_yen: int
    limit_yen: int
    rule: CapRule
    timezone: str
    taken_yen: Mapping[str, int] = field(default_factory=dict)

    def takes(self, *, on: date, hour: int) -> bool:
        """Tell whether the cap lets a charge happen on a day at an hour of the merchant's zone.

        A wait of minutes, until an edge of the month is surely over, is no obstacle.
        """
        at = charge_instant(on=on, timezone=self.timezone, hour=hour)
        months = possible_months(at=at, timezone=self.timezone)
        rooms = [(m, max(0, self.limit_yen - self.taken_yen.get(m, 0))) for m in months]
        verdict = judge(
            amount_yen=self.amount_yen,
            rooms=rooms,
            limit_yen=self.limit_yen,
            rule=self.rule,
            timezone=self.timezone,
            charge_hour=hour,
        )
        if isinstance(verdict, Move):
            return verdict.to - at < WORTH_TELLING
        return isinstance(verdict, Charge | Split)

    def first_day(self, *, on: date, hour: int) -> date | None:
        """Find `on` itself or the first day of a later month that has room; None for never.

        Early on the 1st the old month may still count: then it is the 2nd.
        """
        day = on
        for _ in range(MONTHS_AHEAD):
            if self.takes(on=day, hour=hour):
                return day
            first = first_of_next_month(day)
            day = first if self.takes(on=first, hour=hour) else first + timedelta(days=1)
        return None
