"""The charge history: the list, one charge with its reasons, and the file for spreadsheets."""

import json
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace

from fastapi import Request
from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.responses import Response

from app.web.finance.charge_detail import load_charge
from app.web.finance.charge_export import csv_chunks, json_chunks
from app.web.finance.charge_filter import (
    STATES,
    ChargeFilter,
    read_filter,
    read_id,
)
from app.web.finance.charge_sums import ChargeSums, Summing
from app.web.finance.month_pages import add_months
from app.web.shell import (
    ANY_STAFF,
    Download,
    Entry,
    Problem,
    Role,
    Room,
    Shell,
    Words,
    staff,
    staff_of,
    words_of,
)
from billing import (
    ChargeHistoryRow,
    charge_history,
    reading,
    write_audit_event,
)
from billing.desk import subscriptions_named

ROWS_ON_A_PAGE = 50
MOST_NAMED = 500
CHARGES_ENTRY = Entry("charges.title", "/charges", ANY_STAFF, place=10, group="menu.charges")
NO_SUMS = ChargeSums(None, None, None)
REFUNDERS = staff(Role.SUPPORT, Role.FINANCE)


@dataclass(frozen=True, slots=True)
class ChargePages:
    """The pages of one merchant's charges."""

    shell: Shell
    summing: Summing

    @property
    def room(self) -> Room:
        """The routes, each with who may use it."""
        room = Room("finance", entries=(CHARGES_ENTRY,))
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
        with reading(self.shell.database) as connection:
            found = self._found(connection, asked)
            rows = self._rows(connection, found, limit=ROWS_ON_A_PAGE + 1)
            sums = self.summing.of(connection, found, rows)
        more = len(rows) > ROWS_ON_A_PAGE
        rows = rows[:ROWS_ON_A_PAGE]
        return self._page(
            request,
            asked,
            rows=rows,
            sums=sums,
            next_query=asked.query(after=rows[-1].cursor) if more else None,
        )

    def export(self, request: Request) -> Response:
        """Every attempt of the filter as CSV, newest first, streamed."""
        asked, problems = read_filter(request.query_params)
        if problems:
            return self._refusal(request, asked, problems)
        today = f"{self.summing.today():%Y%m%d}"
        self._note(request, asked, "csv")
        return Download(
            self._csv(asked, words_of(request)),
            name=f"charges-{today}.csv",
            media_type="text/csv; charset=utf-8",
        )

    def export_json(self, request: Request) -> Response:
        """The same rows as one JSON array, streamed; instants in UTC, yen whole."""
        asked, problems = read_filter(request.query_params)
        if problems:
            return self._refusal(request, asked, problems)
        today = f"{self.summing.today():%Y%m%d}"
        self._note(request, asked, "json")
        return Download(
            self._json(asked), name=f"charges-{today}.json", media_type="application/json"
        )

    def charge(self, request: Request, attempt_id: str) -> Response:
        """One charge: why, how much, and everything that was tried; 404 when there is none."""
        asked = read_id(attempt_id)
        if asked is None:
            raise HTTPException(404)
        with reading(self.shell.database) as connection:
            detail = load_charge(connection, merchant=self.shell.merchant, attempt_id=asked)
        if detail is None:
            raise HTTPException(404)
        may_refund = detail.shown.state == "captured" and REFUNDERS.admits(staff_of(request).role)
        return self.shell.pages.page(
            request, "finance/charge.html", detail=detail, may_refund=may_refund
        )

    @property
    def _merchant_id(self) -> str:
        return self.shell.merchant.id

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

    def _note(self, request: Request, asked: ChargeFilter, written_as: str) -> None:
        """Who took the rows away, and which: names of customers are among them."""
        facts = {"kind": "charge_history", "as": written_as, "filter": asked.query()}

        def work(connection: Connection) -> None:
            write_audit_event(
                connection,
                merchant_id=self._merchant_id,
                kind="desk_exported",
                actor=staff_of(request).name,
                reason="-",
                at=self.shell.clock.now(),
                detail=json.dumps(facts, ensure_ascii=False, sort_keys=True),
            )

        self.shell.write(request, work)

    def _csv(self, asked: ChargeFilter, words: Words) -> Generator[bytes]:
        with self._history(asked) as rows:
            yield from csv_chunks(rows, words=words, timezone=self.shell.merchant.timezone)

    def _json(self, asked: ChargeFilter) -> Generator[str]:
        with self._history(asked) as rows:
            yield from json_chunks(rows)

    @contextmanager
    def _history(self, asked: ChargeFilter) -> Iterator[Generator[ChargeHistoryRow]]:
        """Every row of the filter; they end before their connection does, whoever breaks off."""
        with reading(self.shell.database) as connection:
            chosen = self._found(connection, asked).chosen
            found = charge_history(connection, merchant_id=self._merchant_id, **chosen)
            with closing(found) as rows:
                yield rows

    def _found(self, connection: Connection, asked: ChargeFilter) -> ChargeFilter:
        """The filter with the subscriptions that its search names; as it is, where they are many.

        Then every part of a name is looked for in the newest charges first, which soon finds some.
        """
        if not asked.search:
            return replace(asked, search=None)
        named = subscriptions_named(
            connection, self.shell.merchant, text=asked.search, most=MOST_NAMED
        )
        if named is None:
            return asked
        return replace(asked, search=None, narrowing=replace(asked.narrowing, subscriptions=named))

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
        sums: ChargeSums = NO_SUMS,
        next_query: str | None = None,
    ) -> Response:
        return self.shell.pages.page(
            request,
            "finance/charges.html",
            status=status,
            asked=asked,
            typed=request.query_params,
            problems={problem.field: problem for problem in problems or ()},
            states=STATES,
            rows=rows or [],
            totals=sums.totals,
            totals_since=sums.since,
            chart=sums.chart,
            next_query=next_query,
            page_size=ROWS_ON_A_PAGE,
        )


def finance_room(shell: Shell) -> Room:
    """The charge history and the months."""
    room = ChargePages(shell, Summing(shell)).room
    add_months(room, shell)
    return room
