"""The charge history: the list, one charge with its reasons, and the file for spreadsheets."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from fastapi import Request
from sqlalchemy import Connection, Engine
from starlette.exceptions import HTTPException
from starlette.responses import Response, StreamingResponse

from app.web.finance.charge_detail import load_charge
from app.web.finance.charge_export import csv_chunks, json_chunks
from app.web.finance.charge_filter import (
    STATES,
    ChargeFilter,
    read_filter,
    read_id,
)
from app.web.finance.daily import MOST_DAYS, Daily, draw_daily
from app.web.finance.month_pages import add_months
from app.web.shell import (
    ANY_STAFF,
    Entry,
    Pages,
    Problem,
    Remembered,
    Room,
    Shell,
    Words,
    words_of,
)
from billing import (
    ChargeHistoryRow,
    ChargeTotals,
    charge_history,
    charge_totals,
    civil_date,
    reading,
)

ROWS_ON_A_PAGE = 50


@dataclass(frozen=True, slots=True)
class ChargePages:
    """The pages of one merchant's charges."""

    database: Engine
    pages: Pages
    # Sums of a large shop's month are asked for once in a while; see `Remembered`.
    sums: Remembered = field(default_factory=Remembered)

    @property
    def room(self) -> Room:
        """The routes, each with who may use it."""
        room = Room("finance", entries=(Entry("charges.title", "/charges", ANY_STAFF, place=20),))
        room.get("/charges", self.listing, access=ANY_STAFF)
        room.get("/charges.csv", self.export, access=ANY_STAFF)
        room.get("/charges.json", self.export_json, access=ANY_STAFF)
        room.get("/charges/{attempt_id}", self.charge, access=ANY_STAFF)
        return room

    def listing(self, request: Request) -> Response:
        """The newest 50 attempts of the filter, or those after a position, with sums."""
        asked, problems = read_filter(request.query_params)
        if problems:
            return self._refusal(request, asked, problems)
        with reading(self.database) as connection:
            rows = self._rows(connection, asked, limit=ROWS_ON_A_PAGE + 1)
            since = self._totals_since(asked, rows)
            summed = replace(asked, date_from=asked.date_from or since, after=None)
            totals = self.sums.get(
                summed,
                lambda: charge_totals(connection, merchant_id=self._merchant_id, **summed.chosen),
            )
            chart = self._chart(connection, asked, rows)
        more = len(rows) > ROWS_ON_A_PAGE
        rows = rows[:ROWS_ON_A_PAGE]
        return self._page(
            request,
            asked,
            rows=rows,
            totals=totals,
            totals_since=since,
            chart=chart,
            next_query=asked.query(after=rows[-1].cursor) if more else None,
        )

    def export(self, request: Request) -> Response:
        """Every attempt of the filter as CSV, newest first, streamed."""
        asked, problems = read_filter(request.query_params)
        if problems:
            return self._refusal(request, asked, problems)
        today = f"{self._today():%Y%m%d}"
        return StreamingResponse(
            self._csv(asked, words_of(request)),
            media_type="text/csv; charset=utf-8",
            headers={"content-disposition": f'attachment; filename="charges-{today}.csv"'},
        )

    def export_json(self, request: Request) -> Response:
        """The same rows as one JSON array, streamed; instants in UTC, yen whole."""
        asked, problems = read_filter(request.query_params)
        if problems:
            return self._refusal(request, asked, problems)
        named = f'attachment; filename="charges-{self._today():%Y%m%d}.json"'
        return StreamingResponse(
            self._json(asked),
            media_type="application/json",
            headers={"content-disposition": named},
        )

    def charge(self, request: Request, attempt_id: str) -> Response:
        """One charge: why, how much, and everything that was tried; 404 when there is none."""
        asked = read_id(attempt_id)
        if asked is None:
            raise HTTPException(404)
        with reading(self.database) as connection:
            detail = load_charge(connection, merchant=self.pages.merchant, attempt_id=asked)
        if detail is None:
            raise HTTPException(404)
        return self.pages.page(request, "finance/charge.html", detail=detail)

    @property
    def _merchant_id(self) -> str:
        return self.pages.merchant.id

    def _today(self) -> date:
        return civil_date(at=self.pages.clock.now(), timezone=self.pages.merchant.timezone)

    def _rows(
        self, connection: Connection, asked: ChargeFilter, *, limit: int
    ) -> list[ChargeHistoryRow]:
        return list(
            charge_history(
                connection,
                merchant_id=self._merchant_id,
                limit=limit,
                after=asked.after,
                **asked.chosen,
            )
        )

    def _csv(self, asked: ChargeFilter, words: Words) -> Iterator[str]:
        with reading(self.database) as connection:
            rows = charge_history(connection, merchant_id=self._merchant_id, **asked.chosen)
            yield from csv_chunks(rows, words=words, timezone=self.pages.merchant.timezone)

    def _json(self, asked: ChargeFilter) -> Iterator[str]:
        with reading(self.database) as connection:
            rows = charge_history(connection, merchant_id=self._merchant_id, **asked.chosen)
            yield from json_chunks(rows)

    def _chart(
        self, connection: Connection, asked: ChargeFilter, rows: list[ChargeHistoryRow]
    ) -> Daily | None:
        """Received yen per day; only on the first page and where the filter shows received ones."""
        if asked.after is not None or asked.state not in (None, "captured") or not rows:
            return None

        def day_total(day: date) -> tuple[int, int]:
            totals = charge_totals(
                connection,
                merchant_id=self._merchant_id,
                date_from=day,
                date_to=day,
                state="captured",
                search=asked.search,
                narrowing=asked.narrowing,
            )
            return totals.captured, totals.captured_yen

        last = self._last_day(asked, newest=rows[0])
        return self.sums.get(
            (asked, last),
            lambda: draw_daily(date_from=asked.date_from, last=last, day_total=day_total),
        )

    def _totals_since(self, asked: ChargeFilter, rows: list[ChargeHistoryRow]) -> date | None:
        """Where the sums begin if the reader names no first day; None where she does.

        They reach back a month from the newest row, because sums of everything would take longer
        with every year of history.
        """
        if asked.date_from is not None:
            return None
        last = self._last_day(asked, newest=rows[0]) if rows else self._today()
        return last - timedelta(days=MOST_DAYS - 1)

    def _last_day(self, asked: ChargeFilter, *, newest: ChargeHistoryRow) -> date:
        """The filter's last day, but not past today; without one, the day of the newest charge."""
        newest_day = civil_date(at=newest.at, timezone=self.pages.merchant.timezone)
        if asked.date_to is None:
            return newest_day
        return max(newest_day, min(asked.date_to, self._today()))

    def _refusal(self, request: Request, asked: ChargeFilter, problems: list[Problem]) -> Response:
        return self._page(request, asked, status=400, problems=problems)

    def _page(
        self,
        request: Request,
        asked: ChargeFilter,
        *,
        status: int = 200,
        problems: list[Problem] | None = None,
        rows: list[ChargeHistoryRow] | None = None,
        totals: ChargeTotals | None = None,
        totals_since: date | None = None,
        chart: Daily | None = None,
        next_query: str | None = None,
    ) -> Response:
        return self.pages.page(
            request,
            "finance/charges.html",
            status=status,
            asked=asked,
            typed=request.query_params,
            problems={problem.field: problem for problem in problems or ()},
            states=STATES,
            rows=rows or [],
            totals=totals,
            totals_since=totals_since,
            chart=chart,
            next_query=next_query,
            page_size=ROWS_ON_A_PAGE,
        )


def finance_room(shell: Shell) -> Room:
    """The charge history and the months."""
    room = ChargePages(shell.database, shell.pages).room
    add_months(room, shell)
    return room
