"""The charge history as CSV for spreadsheets, and as JSON; both in pieces."""

import json
from collections.abc import Generator, Iterable
from dataclasses import asdict

from app.csv_files import encoded_rows
from app.web.shell import Words, local_time
from billing import ChargeHistoryRow

COLUMNS = (
    *("at", "customer", "subscription", "plan", "cycle", "amount", "state", "state_code"),
    *("reason", "reason_code", "attempt", "charge_id", "permission_id", "reference"),
)


def csv_chunks(
    rows: Iterable[ChargeHistoryRow], *, words: Words, timezone: str
) -> Generator[bytes]:
    """The file in pieces, so that a million rows need no memory; times are the merchant's."""
    header = [words(f"csv.{name}") for name in COLUMNS]
    return encoded_rows(header, (_cells(row, words, timezone) for row in rows), encoding="utf-8")


def json_chunks(rows: Iterable[ChargeHistoryRow]) -> Generator[str]:
    """The same rows as a JSON array, in pieces."""
    lead = "["
    for row in rows:
        document = asdict(row) | {"at": row.at.isoformat()}
        yield lead + json.dumps(document, ensure_ascii=False)
        lead = ",\n"
    yield "[]" if lead == "[" else "]\n"


def _cells(row: ChargeHistoryRow, words: Words, timezone: str) -> list[str | int]:
    return [
        *(local_time(row.at, timezone=timezone), row.customer_name),
        *(row.subscription, row.plan_code, row.cycle, row.amount_yen),
        *(words.state(row.state_ja), row.state),
        *(words.reason(row.reason_code), row.reason_code or ""),
        *(row.attempt, row.charge_id or "", row.charge_permission_id, row.reference),
    ]
