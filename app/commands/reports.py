"""`autopay forecast` and `autopay charges`."""

import csv
import sys
from collections.abc import Iterable
from contextlib import closing
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import typer

from app.context import Books, opened_books
from app.output import neutralised, say, write_json, write_table
from app.settings import load_settings
from billing import (
    ChargeHistoryRow,
    ComingCharge,
    DayTotal,
    charge_history,
    charge_totals,
    latest_moment,
    reading,
)
from billing import forecast as look_ahead
from scheduler import SystemClock

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
COMING_COLUMNS = ("Due", "Subscription", "Plan", "Yen", "Cap", "Charged on", "Why", "Will fail")
DAY_COLUMNS = ("Day", "Charges", "Yen", "Expected to fail, yen")


def forecast(*, days: int, at: datetime | None, as_json: bool) -> None:
    """Show what is to come within `days` days of `at`."""
    with opened_books(load_settings()) as books, reading(books.database) as connection:
        # A played demo's books lie in the future: their own last moment is "now" for them.
        moment = at or max(SystemClock().now(), latest_moment(connection, books.merchant.id))
        seen = look_ahead(connection, books.merchant, at=moment, days=days)
    if as_json:
        write_json(
            {
                "from": seen.first,
                "to": seen.last,
                "charges": [_coming_json(charge) for charge in seen.charges],
                "days": [_day_json(day) for day in seen.days()],
            }
        )
        return
    write_table(COMING_COLUMNS, (_coming_row(charge) for charge in seen.charges))
    write_table(DAY_COLUMNS, (tuple(_day_json(day).values()) for day in seen.days()))
    total = sum(day.amount_yen for day in seen.days())
    say(f"{seen.first} to {seen.last}: {len(seen.charges):,} charges, {total:,} yen.")


def _coming_row(charge: ComingCharge) -> tuple[object, ...]:
    parts = " + ".join(f"{part.on} ¥{part.amount_yen:,}" for part in charge.parts)
    return (
        str(charge.on),
        charge.subscription,
        charge.plan_code,
        charge.amount_yen,
        str(charge.verdict),
        parts,
        charge.why_en,
        charge.expected_failure or "",
    )


def _coming_json(charge: ComingCharge) -> dict[str, Any]:
    return {
        "on": charge.on,
        "subscription": charge.subscription,
        "customer": charge.customer_name,
        "plan": charge.plan_code,
        "cycle": charge.cycle,
        "amount": charge.amount_yen,
        "why": {"ja": charge.why_ja, "en": charge.why_en},
        "charge_permission_id": charge.charge_permission_id,
        "verdict": str(charge.verdict),
        "parts": [{"on": part.on, "amount": part.amount_yen} for part in charge.parts],
        "expected_failure": charge.expected_failure,
    }


def _day_json(day: DayTotal) -> dict[str, Any]:
    return {
        "on": day.on,
        "charges": day.charges,
        "amount": day.amount_yen,
        "expected_to_fail": day.expected_to_fail_yen,
    }


def charges(
    *,
    date_from: date | None,
    date_to: date | None,
    state: str | None,
    search: str | None,
    output: str,
) -> None:
    """Show the charge history of a filter."""
    chosen: dict[str, Any] = {
        "date_from": date_from,
        "date_to": date_to,
        "state": state,
        "search": search,
    }
    with opened_books(load_settings()) as books, reading(books.database) as connection:
        chosen["merchant_id"] = books.merchant.id
        try:
            rows = charge_history(connection, **chosen)
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--state") from error
        # Closed before the database is, also when the reader of our output leaves.
        with closing(rows):
            _write_charges((_charge_record(books, row) for row in rows), output)
        if output == "table":
            totals = charge_totals(connection, **chosen)
            say(
                f"{totals.attempts:,} attempts, {totals.captured:,} captured, "
                f"{totals.captured_yen:,} yen."
            )


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
