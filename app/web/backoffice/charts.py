"""Charts: charges per day and month, declines, recovery, the cap ahead, and what grows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from fastapi import Request
from starlette.responses import Response

from app.web.backoffice.desk import NEAR_DAYS, Desk, days_between
from app.web.shell import (
    ANY_STAFF,
    Bars,
    Lines,
    Room,
    Series,
    Words,
    bar_chart,
    line_chart,
    words_of,
    yen,
)
from billing import Recovery, recovery_by_step
from billing.desk import (
    ComingRow,
    DayFigures,
    GrowthMonth,
    cap_hits,
    day_bounds,
    growth,
    months_of_days,
)

DAYS, MONTHS, DECLINE_DAYS, CAP_DAYS = 31, 12, 90, NEAR_DAYS
REASONS, HITS = 8, 20
VERDICTS = ("ok", "deferred", "split", "refused", "impossible")
OUTCOMES = ("captured", "declined")


@dataclass(frozen=True, slots=True)
class Charts:
    """Everything that the page draws; None where there is nothing to see."""

    by_day: Bars | None
    by_month: Bars | None
    declines: Bars | None
    recovery: Bars | None
    cap: Bars | None
    mrr: Lines | None


def add_charts(room: Room, desk: Desk) -> None:
    """`/figures`."""
    page = ChartPage(desk)
    room.get("/figures", page.show, access=ANY_STAFF)
    desk.shell.warm.questions.append(page.warm)


@dataclass(frozen=True, slots=True)
class ChartPage:
    """All charts on one page, each with the same figures as a table."""

    desk: Desk

    def show(self, request: Request) -> Response:
        """Draw them in the reader's language."""
        words, today = words_of(request), self.desk.today()
        months = self._growth()
        tries = self._recovery(today)
        coming = self.desk.coming(until=today + timedelta(days=CAP_DAYS))
        return self.desk.page(
            request,
            "figures.html",
            charts=Charts(
                by_day=_by_day(
                    self.desk.days(days_between(today - timedelta(DAYS - 1), today)), words
                ),
                by_month=_by_month(self._year(today), words),
                declines=_declines(
                    self.desk.days(days_between(today - timedelta(DECLINE_DAYS - 1), today)), words
                ),
                recovery=_recovery(tries, words, today),
                cap=self._cap(words, today),
                mrr=_mrr(months, words),
            ),
            months=months,
            tries=tries,
            hits=self._hits(today),
            tight=coming.totals.tight,
            decline_days=DECLINE_DAYS,
            cap_days=CAP_DAYS,
        )

    def warm(self, ahead_seconds: float) -> None:
        """Ask for what only this page shows."""
        self._growth(ahead_seconds)
        self._recovery(self.desk.today(), ahead_seconds)

    def _year(self, today: date) -> list[DayFigures]:
        first = today.replace(day=1)
        for _ in range(MONTHS - 1):
            first = (first - timedelta(days=1)).replace(day=1)
        return self.desk.days(days_between(first, today))

    def _growth(self, ahead_seconds: float = 0.0) -> list[GrowthMonth]:
        shell = self.desk.shell
        at = shell.clock.now()
        return self.desk.ask(
            "growth",
            lambda c: growth(c, shell.merchant, at=at, months=MONTHS),
            ahead_seconds=ahead_seconds,
        )

    def _recovery(self, today: date, ahead_seconds: float = 0.0) -> Sequence[Recovery]:
        shell = self.desk.shell
        since, _ = day_bounds(
            today - timedelta(days=DECLINE_DAYS - 1), timezone=shell.merchant.timezone
        )
        until: datetime = shell.clock.now()
        return self.desk.ask(
            "recovery",
            lambda c: recovery_by_step(c, shell.merchant, since=since, until=until),
            ahead_seconds=ahead_seconds,
        )

    def _cap(self, words: Words, today: date) -> Bars | None:
        months = self.desk.coming(until=today + timedelta(days=CAP_DAYS)).totals.months
        series = []
        for verdict in VERDICTS[1:]:
            amounts = tuple(
                sum(t.amount_yen for v, t in month.by_verdict.items() if str(v) == verdict)
                for month in months
            )
            series.append(Series(words(f"cap.{verdict}"), amounts))
        links = [f"/calendar?month={month.month}" for month in months]
        return bar_chart(items=[str(month.month) for month in months], series=series, links=links)

    def _hits(self, today: date) -> list[tuple[ComingRow, str]]:
        """Who will hit the cap when, soonest first, and when the charge is made instead."""
        coming = self.desk.coming(until=today + timedelta(days=CAP_DAYS))
        found = self.desk.shell.read(lambda c: cap_hits(c, coming, limit=HITS))
        return [
            (row, ", ".join(f"{part.on} {yen(part.amount_yen)}" for part in parts))
            for row, parts in found
        ]


def _by_day(days: Sequence[DayFigures], words: Words) -> Bars | None:
    links = [f"/charges?from={each.day}&to={each.day}" for each in days]
    return bar_chart(
        items=[str(each.day) for each in days], series=_outcomes(days, words), links=links
    )


def _by_month(days: Sequence[DayFigures], words: Words) -> Bars | None:
    months = months_of_days(days)
    links = [f"/calendar?month={first:%Y-%m}" for first in months]
    return bar_chart(
        items=[f"{first:%Y-%m}" for first in months],
        series=_outcomes(list(months.values()), words),
        links=links,
    )


def _outcomes(figures: Sequence[DayFigures], words: Words) -> list[Series]:
    return [
        Series(words(f"figures.{state}"), tuple(each.yen(state) for each in figures))
        for state in OUTCOMES
    ]


def _declines(days: Sequence[DayFigures], words: Words) -> Bars | None:
    sums: dict[str, int] = {}
    for total in (total for day in days for total in day.totals if total.state == "declined"):
        sums[total.reason] = sums.get(total.reason, 0) + total.rows
    most = sorted(sums.items(), key=lambda item: (-item[1], item[0]))[:REASONS]
    period = f"from={days[0].day}&to={days[-1].day}"
    return bar_chart(
        items=[words.reason(reason) or words("figures.no_reason") for reason, _ in most],
        series=[Series(words("figures.declines"), tuple(rows for _, rows in most))],
        links=[f"/failures/declined?{period}&reason={reason}" for reason, _ in most],
    )


def _recovery(tries: Sequence[Recovery], words: Words, today: date) -> Bars | None:
    steps = sorted({each.step for each in tries})
    period = f"from={today - timedelta(DECLINE_DAYS - 1)}&to={today}"

    def sums(name: str) -> tuple[int, ...]:
        return tuple(sum(getattr(t, name) for t in tries if t.step == step) for step in steps)

    return bar_chart(
        items=[words("figures.try", number=step) for step in steps],
        series=[
            Series(words("figures.recovered"), sums("recovered")),
            Series(words("figures.not_recovered"), sums("declined")),
        ],
        links=[f"/failures/declined?{period}"] * len(steps),
    )


def _mrr(months: Sequence[GrowthMonth], words: Words) -> Lines | None:
    return line_chart(
        items=[f"{each.month:%Y-%m}" for each in months],
        series=[Series(words("figures.mrr"), tuple(each.closing_yen for each in months))],
        links=[f"/calendar?month={each.month:%Y-%m}" for each in months],
    )
