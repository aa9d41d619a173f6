"""The charge calendar: what happened on past days, what is forecast for coming ones."""

import calendar
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from app.web.backoffice.desk import FAR_DAYS, Desk, days_between
from app.web.shell import ANY_STAFF, Room, read_day
from billing.desk import Coming, DayFigures, coming_rows
from plans.columnar_calendar import Ints

MOST_MONTHS_AHEAD = 12
ROWS_ON_A_PAGE = 50
ONLY = ("all", "expected", "blocked")
SOON_DAYS = 7


@dataclass(frozen=True, slots=True)
class Cell:
    """One day of the month; `is_today` has both what happened and what is still due."""

    day: date
    is_today: bool
    is_past: bool
    charged: int
    charged_yen: int
    failed: int
    failed_yen: int
    due: int
    due_yen: int
    blocked: int
    blocked_yen: int


def add_calendar(room: Room, desk: Desk) -> None:
    """`/calendar`, a day's rows, and charges that nothing can pay as it is."""
    page = CalendarPages(desk)
    room.get("/calendar", page.month, access=ANY_STAFF)
    room.get("/calendar/blocked", page.blocked, access=ANY_STAFF)
    room.get("/calendar/day", page.day, access=ANY_STAFF)


@dataclass(frozen=True, slots=True)
class CalendarPages:
    """A month, and one day of it."""

    desk: Desk

    def month(self, request: Request) -> Response:
        """The month asked for as 2026-12, at most twelve months ahead; else that of today."""
        today = self.desk.today()
        first = _read_month(request.query_params.get("month", "")) or today.replace(day=1)
        furthest = _add_months(today.replace(day=1), MOST_MONTHS_AHEAD)
        first = min(first, furthest)
        last = _add_months(first, 1) - timedelta(days=1)
        cells = {cell.day: cell for cell in self._cells(first, last)}
        return self.desk.page(
            request,
            "calendar.html",
            first=first,
            weeks=calendar.Calendar(firstweekday=6).monthdatescalendar(first.year, first.month),
            cells=cells,
            sums=_sums(cells),
            previous=_add_months(first, -1),
            following=_add_months(first, 1) if first < furthest else None,
        )

    def day(self, request: Request) -> Response:
        """The rows of a day: a link to what happened, and each charge that is still to come."""
        wanted = read_day(request.query_params.get("on", str(self.desk.today())))
        if wanted is None or wanted > self.desk.today() + timedelta(days=FAR_DAYS):
            raise HTTPException(404)
        only = request.query_params.get("only", "all")
        if only not in ONLY:
            raise HTTPException(404)
        (cell,) = self._cells(wanted, wanted)
        coming = self.desk.coming(until=max(wanted, self.desk.today()))
        positions = _chosen(coming, coming.on_day(wanted), only)
        return self._rows(
            request,
            "day.html",
            coming,
            positions,
            f"/calendar/day?on={wanted}&only={only}&",
            cell=cell,
            only=only,
        )

    def blocked(self, request: Request) -> Response:
        """What is charged within a week on a permission that cannot be charged."""
        until = self.desk.today() + timedelta(days=SOON_DAYS)
        coming = self.desk.coming(until=until)
        positions = coming.blocked(until=until)
        return self._rows(
            request, "blocked.html", coming, positions, "/calendar/blocked?", days=SOON_DAYS
        )

    def _rows(
        self,
        request: Request,
        template: str,
        coming: Coming,
        positions: Ints,
        address: str,
        **values: Any,
    ) -> Response:
        begin = _read_place(request.query_params.get("after", ""))
        shown = positions[begin : begin + ROWS_ON_A_PAGE]
        rows = self.desk.shell.read(lambda connection: coming_rows(connection, coming, shown))
        end = begin + ROWS_ON_A_PAGE
        return self.desk.page(
            request,
            template,
            rows=rows,
            total=len(positions),
            total_yen=coming.yen(positions),
            next=f"{address}after={end}" if end < len(positions) else "",
            previous=f"{address}after={max(0, begin - ROWS_ON_A_PAGE)}" if begin else "",
            **values,
        )

    def _cells(self, first: date, last: date) -> list[Cell]:
        today = self.desk.today()
        days = days_between(first, last)
        done = {each.day: each for each in self.desk.days(days)}
        coming = self.desk.coming(until=last) if last >= today else None
        return [_cell(day, today, done[day], coming) for day in days]


def _cell(day: date, today: date, done: DayFigures, coming: Coming | None) -> Cell:
    ahead = coming.on_day(day) if coming is not None and day >= today else None
    expected = blocked = (0, 0)
    if ahead is not None and coming is not None:
        free = _chosen(coming, ahead, "expected")
        rest = _chosen(coming, ahead, "blocked")
        expected = len(free), coming.yen(free)
        blocked = len(rest), coming.yen(rest)
    return Cell(
        day,
        day == today,
        day < today,
        done.rows("captured"),
        done.yen("captured"),
        done.rows("declined"),
        done.yen("declined"),
        *expected,
        *blocked,
    )


def _chosen(coming: Coming, positions: Ints, only: str) -> Ints:
    if only == "all":
        return positions
    failing = coming.failing[positions]
    return positions[~failing] if only == "expected" else positions[failing]


def _sums(cells: Mapping[date, Cell]) -> dict[str, int]:
    names = (
        "charged",
        "charged_yen",
        "failed",
        "failed_yen",
        "due",
        "due_yen",
        "blocked",
        "blocked_yen",
    )
    return {name: sum(getattr(cell, name) for cell in cells.values()) for name in names}


def _read_month(text: str) -> date | None:
    found = read_day(f"{text}-01") if text else None
    return found if found and found.year >= 2000 else None


def _add_months(first: date, months: int) -> date:
    year, month = divmod(first.year * 12 + first.month - 1 + months, 12)
    return date(year, month + 1, 1)


def _read_place(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
