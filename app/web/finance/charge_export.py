"""The charge history as CSV for spreadsheets: UTF-8 with BOM, and no cell runs as a formula."""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import islice

from app.web.shell import Words, local_time
from billing import ChargeHistoryRow

BOM = "\ufeff"
ROWS_AT_A_TIME = 500
# What spreadsheets take for the start of a formula, full-width forms included (OWASP).
FORMULA_STARTS = tuple("=+-@\t\r\n＝＋－＠−")
COLUMNS = (
    *("at", "customer", "subscription", "plan", "cycle", "amount", "state", "state_code"),
    *("reason", "reason_code", "attempt", "charge_id", "permission_id", "reference"),
)


def csv_chunks(rows: Iterable[ChargeHistoryRow], *, words: Words, timezone: str) -> Iterator[str]:
    """The file in pieces, so that a million rows need no memory; times are the merchant's."""
    yield BOM + _lines([[words(f"csv.{name}") for name in COLUMNS]])
    remaining = iter(rows)
    while chunk := list(islice(remaining, ROWS_AT_A_TIME)):
        yield _lines([_cells(row, words, timezone) for row in chunk])


def json_chunks(rows: Iterable[ChargeHistoryRow]) -> Iterator[str]:
    """The same rows as a JSON array, in pieces."""
    lead = "["
    for row in rows:
        document = asdict(row) | {"at": row.at.isoformat()}
        yield lead + json.dumps(document, ensure_ascii=False)
        lead = ",\n"
    yield "[]" if lead == "[" else "]\n"


def harmless(cell: str) -> str:
    """A text that a spreadsheet shows and never runs: an apostrophe goes before a formula."""
    return f"'{cell}" if cell.lstrip(" \u3000").startswith(FORMULA_STARTS) else cell


def _cells(row: ChargeHistoryRow, words: Words, timezone: str) -> list[str | int]:
    texts = (
        (local_time(row.at, timezone=timezone), row.customer_name, row.subscription, row.plan_code),
        (
            words.state(row.state_ja),
            row.state,
            words.reason(row.reason_code),
            row.reason_code or "",
        ),
        (row.charge_id or "", row.charge_permission_id, row.reference),
    )
    who, what, ids = ([harmless(text) for text in group] for group in texts)
    return [*who, row.cycle, row.amount_yen, *what, row.attempt, *ids]


def _lines(rows: Iterable[Iterable[str | int]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue()
