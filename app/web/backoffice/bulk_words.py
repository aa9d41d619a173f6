"""A row of bulk work in words: on the page and in a file for a spreadsheet."""

from collections.abc import Mapping
from typing import Any

from app.web.shell import Words, yen
from billing.bulk_work import BulkRow
from plans import ALWAYS

COLUMNS = ("subject", "state", "amount", "why", "before", "will", "on", "today")
# Reasons whose detail is whole yen.
YEN_REASONS = ("cap", "move_cap", "move_refund", "move_changed", "move_took_effect")

Cell = str | int


def cells_of(row: BulkRow, words: Words) -> list[Cell]:
    """A row as a spreadsheet has it; what a dry run says of a move is empty for other work."""
    will = row.before.get("will", {})
    return [
        row.subject,
        words(f"bulk.row_state.{row.state}"),
        "" if row.amount_yen is None else row.amount_yen,
        why(row, words),
        terms_words(row.before),
        terms_words(will),
        will.get("on", ""),
        will.get("today_yen", ""),
    ]


def why(row: BulkRow, words: Words) -> str:
    """Why a row is as it is, in words; what the engine only said in its own is told like that."""
    if row.reason == "refused":
        return row.detail or ""
    if row.reason:
        detail = row.detail or ""
        is_yen = row.reason in YEN_REASONS and detail.isdigit()
        return words(f"bulk.reason.{row.reason}", detail=yen(int(detail)) if is_yen else detail)
    return words("bulk.asks_first") if row.detail else ""


def terms_words(terms: Mapping[str, Any]) -> str:
    """Plan, price and seats as a dry run keeps them: `team ×3 (2026-04-01)`."""
    if "price" not in terms:
        return ""
    code, _, since = terms["price"].rpartition("@")
    seats = f" ×{terms['quantity']}" if terms["quantity"] > 1 else ""
    return f"{code}{seats}" if since == ALWAYS.isoformat() else f"{code}{seats} ({since})"
