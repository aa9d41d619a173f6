"""The months: a table of days that adds up, the rows behind each figure, and both as files."""

import json
import re
from dataclasses import dataclass, field
from datetime import date, timedelta

from fastapi import Request
from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.responses import Response

from app.csv_files import encoded_rows
from app.web.finance.month_figures import (
    FIGURES,
    KINDS,
    Money,
    MonthMoney,
    Returned,
    days_of,
    month_money,
    returned,
)
from app.web.shell import (
    ANY_STAFF,
    Entry,
    Remembered,
    Room,
    Shell,
    read_day,
    row_number,
    words_of,
)
from billing import civil_date

FIRST_YEAR, LAST_YEAR = 2000, 2100
MOST_DAYS = 31
ROWS_ON_A_PAGE = 50


@dataclass(frozen=True, slots=True)
class MonthPages:
    """The months of one merchant."""

    shell: Shell
    # The month of a large shop takes long to sum; see `Remembered`.
    sums: Remembered = field(default_factory=Remembered)

    def month(self, request: Request) -> Response:
        """One month by day; the present one unless another is named."""
        money = self._money(request)
        return self.shell.pages.page(
            request,
            "finance/month.html",
            money=money,
            earlier=_month_of(money.first - timedelta(days=1)),
            later=_month_of(money.last + timedelta(days=1)),
            today=self._today(),
            name=_month_of(money.first),
        )

    def rows(self, request: Request) -> Response:
        """The refunds or chargebacks behind a figure."""
        kind = request.query_params.get("kind", "refunds")
        first, last = self._days(request)
        if kind not in KINDS:
            raise HTTPException(404)
        after = request.query_params.get("after", "")
        skip = row_number(after) if after else 0
        merchant = self.shell.merchant

        def work(connection: Connection) -> tuple[list[Returned], int]:
            return returned(
                connection,
                merchant,
                kind,
                first=first,
                last=last,
                skip=skip,
                limit=ROWS_ON_A_PAGE + 1,
            )

        found, total_yen = self.shell.read(work)
        more = len(found) > ROWS_ON_A_PAGE
        query = f"kind={kind}&from={first}&to={last}&after={skip + ROWS_ON_A_PAGE}"
        return self.shell.pages.page(
            request,
            "finance/returned.html",
            kind=kind,
            first=first,
            last=last,
            rows=found[:ROWS_ON_A_PAGE],
            total=total_yen,
            next=f"/finance/rows?{query}" if more else "",
            name=_month_of(first),
        )

    def as_csv(self, request: Request) -> Response:
        """The month for a spreadsheet: UTF-8 with BOM, one line per day, the sum last."""
        money, words = self._money(request), words_of(request)
        header = [words("finance.day"), *(words(f"finance.{name}") for name in FIGURES)]
        rows: list[list[str | int]] = [
            [day.isoformat(), *_values(each).values()] for day, each in money.days
        ]
        rows.append([words("finance.sum"), *_values(money.total).values()])
        made = b"".join(encoded_rows(header, rows, encoding="utf-8"))
        return self._file(made, "text/csv; charset=utf-8", money, "csv")

    def as_json(self, request: Request) -> Response:
        """The month for a program; yen are whole, `fees_yen` is null until settlements are read."""
        money = self._money(request)
        document = {
            "month": _month_of(money.first),
            "as_of": self.shell.shown_at().isoformat(timespec="seconds"),
            "fees_yen": None,
            "total": _values(money.total),
            "days": [{"day": day.isoformat()} | _values(each) for day, each in money.days],
        }
        return self._file(json.dumps(document), "application/json", money, "json")

    def _money(self, request: Request) -> MonthMoney:
        typed = request.query_params.get("month", "")
        today = self._today()
        found = re.fullmatch(r"(\d{4})-(\d{2})", typed, re.ASCII)
        if typed and not (found and FIRST_YEAR <= int(found[1]) <= LAST_YEAR):
            raise HTTPException(404)
        if found and not 1 <= int(found[2]) <= 12:
            raise HTTPException(404)
        first = date(int(found[1]), int(found[2]), 1) if found else today.replace(day=1)
        shell, at = self.shell, self.shell.clock.now()

        def work(connection: Connection) -> MonthMoney:
            taken = shell.days.figures(
                connection, shell.merchant, days=days_of(first), today=today, at=at
            )
            return month_money(connection, shell.merchant, first=first, taken=taken)

        return self.sums.get((first, today), lambda: shell.read(work), at=at)

    def _file(self, text: str | bytes, media_type: str, money: MonthMoney, ending: str) -> Response:
        """The moment stands in the name too: of two files of one month, which is the newer one."""
        name = f"month-{_month_of(money.first)}-as-of-{self.shell.shown_at():%Y%m%d-%H%M}.{ending}"
        named = f'attachment; filename="{name}"'
        return Response(text, media_type=media_type, headers={"content-disposition": named})

    def _days(self, request: Request) -> tuple[date, date]:
        first = read_day(request.query_params.get("from", "")) or days_of(self._today())[0]
        last = read_day(request.query_params.get("to", "")) or days_of(first)[-1]
        good = FIRST_YEAR <= first.year <= last.year <= LAST_YEAR
        if not good or not timedelta() <= last - first < timedelta(days=MOST_DAYS):
            raise HTTPException(404)
        return first, last

    def _today(self) -> date:
        return civil_date(at=self.shell.clock.now(), timezone=self.shell.merchant.timezone)


def add_months(room: Room, shell: Shell) -> None:
    """`/finance`, the rows behind its figures, and the month as a file."""
    pages = MonthPages(shell)
    entry = Entry("finance.title", "/finance", ANY_STAFF, place=50, group="menu.reports")
    room.entries = (*room.entries, entry)
    room.get("/finance", pages.month, access=ANY_STAFF)
    room.get("/finance/rows", pages.rows, access=ANY_STAFF)
    room.get("/finance.csv", pages.as_csv, access=ANY_STAFF)
    room.get("/finance.json", pages.as_json, access=ANY_STAFF)


def _values(money: Money) -> dict[str, int]:
    return {name: getattr(money, name) for name in FIGURES}


def _month_of(day: date) -> str:
    return f"{day:%Y-%m}"
