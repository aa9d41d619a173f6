"""What was charged on each day, for every room: days that are closed are read once per process."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import Connection

from app.web.shell.remembered import Remembered
from billing import Merchant
from billing.desk import Amounts, DayFigures, day_figures

MOST_AMOUNTS = 20
"""So many bounds of amounts are known at once; a year of one takes about 200 KB."""


@dataclass(frozen=True, slots=True)
class KnownDays:
    """The days of one merchant; safe to use from any thread."""

    remembered: Remembered = field(default_factory=Remembered)
    _closed: dict[Amounts, dict[date, DayFigures]] = field(default_factory=dict)

    def figures(
        self,
        connection: Connection,
        merchant: Merchant,
        *,
        days: Sequence[date],
        today: date,
        at: datetime,
        until: date | None = None,
        amounts: Amounts = (None, None),
    ) -> list[DayFigures]:
        """Figures of the days; only of charges within the amounts.

        Days after `until`, which is today unless something else is said, are not looked for.
        """
        closed = self._known(amounts)
        last = until or today
        unknown = [day for day in days if day not in closed and day <= last]
        found: dict[date, DayFigures] = {}
        if unknown:
            found = self.remembered.get(
                (unknown[0], unknown[-1], len(unknown), today, amounts),
                lambda: day_figures(
                    connection, merchant, days=unknown, today=today, amounts=amounts
                ),
                at=at,
            )
        closed.update({day: each for day, each in found.items() if each.closed})
        return [found.get(day) or closed.get(day) or DayFigures(day) for day in days]

    def _known(self, amounts: Amounts) -> dict[date, DayFigures]:
        known = self._closed.setdefault(amounts, {})
        for other in list(self._closed)[1:-1] if len(self._closed) > MOST_AMOUNTS else ():
            self._closed.pop(other, None)
        return known
