"""`autopay charges`: the charge history, page by page for people, whole for programs."""

import csv
import sys
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import typer

from app.context import Books, opened_books
from app.output import neutralised, note, say, write_json, write_table
from app.settings import load_settings
from billing import (
    ChargeHistoryRow,
    ChargeTotals,
    Cursor,
    charge_history,
    charge_totals,
    reading,
)

__all__ = ["CHARGE_COLUMNS", "Page", "charges"]

CHARGE_COLUMNS = (
    "at",
    "subscription",
    "customer",
    "plan",
    "cycle",
    "amount_yen",
    "state",
    "state_ja",
    "reason_code",
    "attempt",
    "charge_id",
    "charge_permission_id",
    "reference",
)
# As many as somebody reads; drawing a table takes a second of work for a few hundred rows.
ROWS_OF_A_TABLE = 100


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of the listing: at most `limit` rows (None: a table's worth, or all for programs)
    behind the row that `after` names."""

    limit: int | None = None
    after: str | None = None

    @property
    def cursor(self) -> Cursor | None:
        """The row to go on behind; raises `typer.BadParameter` for a text that no page gave."""
        if self.after is None:
            return None
        moment, _, number = self.after.partition("/")
        try:
            return datetime.fromisoformat(moment).astimezone(UTC), int(number)
        except (ValueError, OverflowError) as error:
            raise typer.BadParameter(
                f"{self.after!r} is no place in the list: copy it from the last line of a page",
                param_hint="--after",
            ) from error


def charges(
    *,
    date_from: date | None,
    date_to: date | None,
    state: str | None,
    search: str | None,
    output: str,
    page: Page,
) -> None:
    """Show the charge history of a filter, newest first."""
    cursor = page.cursor
    limit = page.limit or (ROWS_OF_A_TABLE if output == "table" else None)
    chosen: dict[str, Any] = {
        "date_from": date_from,
        "date_to": date_to,
        "state": state,
        "search": search,
    }
    with opened_books(load_settings()) as books, reading(books.database) as connection:
        chosen["merchant_id"] = books.merchant.id
        one_more = None if limit is None else limit + 1
        try:
            rows = charge_history(connection, **chosen, limit=one_more, after=cursor)
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--state") from error
        # Closed before the database is, also when the reader of our output leaves.
        with closing(rows):
            shown = _Shown(rows)
            _write_charges((_charge_record(books, row) for row in islice(shown, limit)), output)
            behind = shown.last if limit is not None and next(rows, None) is not None else None
        if output == "table":
            _say_totals(charge_totals(connection, **chosen), shown.count, behind)
        elif behind is not None:
            note(f"There is more: add --after {_place(behind)}")


class _Shown:
    """Rows as they go by: how many, and the last one."""

    def __init__(self, rows: Iterable[ChargeHistoryRow]) -> None:
        self._rows = rows
        self.count = 0
        self.last: ChargeHistoryRow | None = None

    def __iter__(self) -> "_Shown":
        return self

    def __next__(self) -> ChargeHistoryRow:
        self.last = next(iter(self._rows))
        self.count += 1
        return self.last


def _say_totals(totals: ChargeTotals, shown: int, behind: ChargeHistoryRow | None) -> None:
    say(f"{totals.attempts:,} attempts, {totals.captured:,} captured, {totals.captured_yen:,} yen.")
    if behind is not None:
        say(
            f"{shown:,} of them are shown. The next: add --after {_place(behind)}; more at once: "
            f"--limit {totals.attempts}; all to a file: --format csv"
        )


def _place(row: ChargeHistoryRow) -> str:
    at, number = row.cursor
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}/{number}"


def _write_charges(records: Iterable[dict[str, Any]], output: str) -> None:
    if output == "table":
        write_table(CHARGE_COLUMNS, (tuple(record.values()) for record in records))
    elif output == "csv":
        _write_csv(records)
    else:
        for record in records:
            write_json(record)


def _charge_record(books: Books, row: ChargeHistoryRow) -> dict[str, Any]:
    at = row.at.astimezone(ZoneInfo(books.merchant.timezone)).isoformat(timespec="seconds")
    values = (
        at,
        row.subscription,
        row.customer_name,
        row.plan_code,
        row.cycle,
        row.amount_yen,
        row.state,
        row.state_ja,
        row.reason_code,
        row.attempt,
        row.charge_id,
        row.charge_permission_id,
        row.reference,
    )
    return dict(zip(CHARGE_COLUMNS, values, strict=True))


def _write_csv(records: Iterable[dict[str, Any]]) -> None:
    # Spreadsheets take a file for UTF-8 only when it begins with the mark.
    sys.stdout.write("\ufeff")
    writer = csv.writer(sys.stdout, lineterminator="\r\n")
    writer.writerow(CHARGE_COLUMNS)
    for record in records:
        writer.writerow([neutralised(value) for value in record.values()])
