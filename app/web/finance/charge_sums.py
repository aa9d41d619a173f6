"""Sums of the charge history and the chart of its days, for the filter of a page.

Without a name in the filter they are added up from the figures of days, which are known once a day
is closed; of a few people's charges the rows are summed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from sqlalchemy import Connection

from app.web.finance.charge_filter import ChargeFilter
from app.web.finance.daily import MOST_DAYS, Daily, draw_daily
from app.web.shell import Remembered, Shell
from billing import ChargeHistoryRow, ChargeTotals, civil_date
from billing.desk import DayFigures, few_day_figures, first_charged_day

Rows = Sequence[ChargeHistoryRow]


@dataclass(frozen=True, slots=True)
class ChargeSums:
    """Of which first day on the sums are when the reader names none, the sums, and the chart."""

    since: date | None
    totals: ChargeTotals | None
    chart: Daily | None


@dataclass(frozen=True, slots=True)
class Summing:
    """The sums of one merchant's charges."""

    shell: Shell
    # Sums of a busy customer's charges are asked for once in a while; see `Remembered`.
    kept: Remembered = field(default_factory=Remembered)

    def of(self, connection: Connection, found: ChargeFilter, rows: Rows) -> ChargeSums:
        """Sum what the filter finds; `rows` are those of the page, the newest first."""
        since = self._since(found, rows)
        if found.search is not None:
            # Whoever types one letter is shown the newest of many; sums of them would take long.
            return ChargeSums(since, None, None)
        days = self._days(connection, found, found.date_from or since, rows)
        by_day = {each.day: (each.rows("captured"), each.yen("captured")) for each in days}
        return ChargeSums(
            since, totals_of_days(days, state=found.state), self._chart(found, rows, by_day)
        )

    def today(self) -> date:
        """The merchant's date."""
        return civil_date(at=self.shell.clock.now(), timezone=self.shell.merchant.timezone)

    def _days(
        self, connection: Connection, found: ChargeFilter, first: date | None, rows: Rows
    ) -> list[DayFigures]:
        """Each day of the filter on which something can have been charged."""
        shell, today, at = self.shell, self.today(), self.shell.clock.now()
        begun = first_charged_day(connection, shell.merchant)
        if first is None or begun is None:
            return []
        first, last = max(first, begun), max([today, *(self._day_of(row) for row in rows[:1])])
        if found.date_to is not None:
            last = min(last, found.date_to)
        if found.narrowing.asks_for_people:
            return self.kept.get(
                (found.narrowing, first, last),
                lambda: few_day_figures(
                    connection, shell.merchant, first=first, last=last, narrowing=found.narrowing
                ),
                at=at,
            )
        return shell.days.figures(
            connection,
            shell.merchant,
            days=[first + timedelta(days=n) for n in range((last - first).days + 1)],
            today=today,
            until=last,
            at=at,
            amounts=(found.narrowing.yen_from, found.narrowing.yen_to),
        )

    def _chart(
        self, found: ChargeFilter, rows: Rows, by_day: Mapping[date, tuple[int, int]]
    ) -> Daily | None:
        """Received yen per day."""
        if not self._is_drawn(found, rows):
            return None
        return draw_daily(
            date_from=found.date_from,
            last=self._last_day(found, rows[0]),
            day_total=lambda day: by_day.get(day, (0, 0)),
        )

    def _is_drawn(self, found: ChargeFilter, rows: Rows) -> bool:
        """Only on the first page, and where the filter shows received charges."""
        return found.after is None and found.state in (None, "captured") and bool(rows)

    def _since(self, found: ChargeFilter, rows: Rows) -> date | None:
        """Where the sums begin if the reader names no first day; None where she does.

        They reach back a month from the newest row, because sums of everything would take longer
        with every year of history.
        """
        if found.date_from is not None:
            return None
        last = self._last_day(found, rows[0]) if rows else self.today()
        return last - timedelta(days=MOST_DAYS - 1)

    def _last_day(self, found: ChargeFilter, newest: ChargeHistoryRow) -> date:
        """The filter's last day, but not past today; without one, the day of the newest charge."""
        newest_day = self._day_of(newest)
        if found.date_to is None:
            return newest_day
        return max(newest_day, min(found.date_to, self.today()))

    def _day_of(self, row: ChargeHistoryRow) -> date:
        return civil_date(at=row.at, timezone=self.shell.merchant.timezone)


def totals_of_days(days: Sequence[DayFigures], *, state: str | None) -> ChargeTotals:
    """What `billing.charge_totals` sums of the same charges, from the figures of their days."""
    rows: dict[str, int] = {}
    yen: dict[str, int] = {}
    for total in (total for each in days for total in each.totals):
        if state in (None, total.state):
            rows[total.state] = rows.get(total.state, 0) + total.rows
            yen[total.state] = yen.get(total.state, 0) + total.amount_yen
    return ChargeTotals(
        attempts=sum(rows.values()),
        captured=rows.get("captured", 0),
        captured_yen=yen.get("captured", 0),
        yen_by_state=dict(sorted(yen.items())),
        attempts_by_state=dict(sorted(rows.items())),
    )
