"""`autopay shipment list`, `ship` and `import`: what the warehouse tells the engine."""

import csv
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

from app import crash_points
from app.commands.charge_words import Language
from app.commands.desk_clock import desk_clock
from app.context import Books, charging_engine, opened_books
from app.local_amazon import amazon_for
from app.output import note, say, write_json, write_table
from app.problems import Refused
from app.settings import load_settings
from billing import (
    AwaitedShipment,
    RecordedShipment,
    Shipment,
    ShipmentsRefused,
    awaited_shipments,
    capture_states,
    civil_date,
    reading,
    record_shipments,
    withdraw_shipment,
    writing,
)
from scheduler import Clock

__all__ = ["cancel", "import_file", "ship", "show_waiting"]

_COLUMNS = ("reference", "shipped_on", "amount")
_WAITING = {
    "ja": ("請求枠", "契約", "円", "承認日", "承認の期限"),
    "en": ("Reference", "Subscription", "Yen", "Authorised on", "Until"),
}
_RECORDED = {
    "ja": ("請求枠", "出荷日", "円", "売上請求"),
    "en": ("Reference", "Shipped on", "Yen", "Capture"),
}
_WORDS = {
    "intended": ("送信前", "to be sent"),
    "in_doubt": ("結果未確定", "in doubt"),
    "pending": ("Amazonで処理中", "Amazon is working on it"),
    "quarantined": ("要確認", "set aside for a person"),
    "done": ("受領済み", "captured"),
    "declined": ("受領できませんでした", "declined"),
}
_NOT_TAKEN = ("declined", "quarantined")


def show_waiting(*, language: Language, as_json: bool) -> None:
    """Print what waits to be shipped."""
    with opened_books(load_settings()) as books, reading(books.database) as connection:
        waiting = awaited_shipments(connection, books.merchant)
        zone = books.merchant.timezone
    if as_json:
        write_json({"waiting": [_waiting_record(each, zone) for each in waiting]})
        return
    rows = [tuple(_waiting_record(each, zone).values()) for each in waiting]
    write_table(_WAITING[language], rows)


def _waiting_record(each: AwaitedShipment, timezone: str) -> dict[str, Any]:
    return {
        "reference": each.reference,
        "subscription": each.subscription,
        "amount": each.amount_yen,
        "authorized_on": civil_date(at=each.authorized_at, timezone=timezone).isoformat(),
        "lapses_on": civil_date(at=each.lapses_at, timezone=timezone).isoformat(),
    }


def ship(
    *,
    reference: str,
    amount_yen: int | None,
    shipped_on: date | None,
    actor: str,
    at: datetime | None,
    language: Language,
    as_json: bool,
) -> None:
    """Record one shipment and capture it; raises `Refused` when the money is not taken."""
    settings = load_settings()
    with opened_books(settings) as books, amazon_for(settings):
        clock = desk_clock(books, at)
        on = shipped_on or civil_date(at=clock.now(), timezone=books.merchant.timezone)
        _ship(books, [Shipment(reference, on, amount_yen)], clock, actor, language, as_json=as_json)


def import_file(
    file: Path, *, actor: str, at: datetime | None, language: Language, as_json: bool
) -> None:
    """Record a file of shipments, all or none; raises `Refused` after telling every bad row."""
    shipments = _read(file)
    settings = load_settings()
    with opened_books(settings) as books, amazon_for(settings):
        _ship(books, shipments, desk_clock(books, at), actor, language, as_json=as_json)


def cancel(
    *,
    reference: str,
    reason: str,
    actor: str,
    at: datetime | None,
    language: Language,
    as_json: bool,
) -> None:
    """Cancel an authorisation; raises `Refused` (exit 1) when Amazon does not cancel it."""
    crash_points.arm()
    settings = load_settings()
    with opened_books(settings) as books, amazon_for(settings):
        clock = desk_clock(books, at)
        withdrawn = writing(
            books.database,
            lambda c: withdraw_shipment(
                c,
                books.merchant,
                reference=reference,
                actor=actor,
                reason=reason,
                at=clock.now(),
            ),
        )
        act = withdrawn.cancellation
        charging_engine(books, clock).settle_shipments(only=[act])
        with reading(books.database) as connection:
            state = capture_states(connection, books.merchant, [act])[act]
    if as_json:
        record = {"reference": reference, "amount": withdrawn.amount_yen, "cancellation": state}
        write_json(record | {"repeated": withdrawn.repeated})
    elif state == "done":
        yen = f"{reference}: {withdrawn.amount_yen:,}"
        japanese = f"{yen}円の承認を取り消しました"
        say(japanese if language == "ja" else f"{yen} yen are no longer authorised")
    if state in _NOT_TAKEN:
        raise Refused(f"Amazon did not cancel {reference}; see: autopay charge show {reference}")
    if state != "done":
        note("No definite answer yet; the next run asks again.")


def _read(file: Path) -> list[Shipment]:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"{file} cannot be read: {error}") from error
    rows = csv.DictReader(text.splitlines())
    if tuple(rows.fieldnames or ()) not in (_COLUMNS, _COLUMNS[:2]):
        raise Refused(f"{file}: the first line must be {','.join(_COLUMNS)} (amount may be absent)")
    shipments: list[Shipment] = []
    problems = 0
    for line, row in enumerate(rows, start=2):
        try:
            shipments.append(_shipment(row))
        except ValueError as error:
            note(f"{file}, line {line}: {error}")
            problems += 1
    if problems:
        raise Refused(f"{file}: {problems} lines cannot be read; nothing was recorded")
    return shipments


def _shipment(row: dict[str | Any, Any]) -> Shipment:
    """One line; raises ValueError with the rule."""
    reference, day = (row["reference"] or "").strip(), (row["shipped_on"] or "").strip()
    amount = (row.get("amount") or "").strip()
    if not reference or None in row:
        raise ValueError("a line is a reference, the day it left and, when not all was, the yen")
    if amount and not (amount.isascii() and amount.isdigit() and int(amount)):
        raise ValueError(f"amount {amount!r} is not a number of yen from 1 up")
    try:
        shipped_on = date.fromisoformat(day)
    except ValueError:
        raise ValueError(f"shipped_on {day!r} is not a day; write 2026-12-01") from None
    return Shipment(reference, shipped_on, int(amount) if amount else None)


def _ship(
    books: Books,
    shipments: Sequence[Shipment],
    clock: Clock,
    actor: str,
    language: Language,
    *,
    as_json: bool,
) -> None:
    crash_points.arm()
    try:
        recorded = writing(
            books.database,
            lambda c: record_shipments(c, books.merchant, shipments, actor=actor, at=clock.now()),
        )
    except ShipmentsRefused as refused:
        for problem in refused.problems:
            note(str(problem))
        told = f"{len(refused.problems)} shipments cannot be recorded; nothing was"
        raise Refused(told) from refused
    engine = charging_engine(books, clock)
    engine.settle_shipments(only=[each.capture for each in recorded])
    with reading(books.database) as connection:
        states = capture_states(connection, books.merchant, [each.capture for each in recorded])
    _tell(recorded, states, language, as_json=as_json)


def _tell(
    recorded: Sequence[RecordedShipment],
    states: dict[str, str],
    language: Language,
    *,
    as_json: bool,
) -> None:
    records = [_record(each, states.get(each.capture)) for each in recorded]
    if as_json:
        write_json({"shipments": records})
    else:
        rows = [
            (r["reference"], r["shipped_on"], r["amount"], _word(r["capture"], language))
            for r in records
        ]
        write_table(_RECORDED[language], rows)
    open_ones = sum(r["capture"] in ("intended", "in_doubt") for r in records)
    if open_ones:
        note(f"{open_ones} without a definite answer yet; the next run sends the same keys again.")
    failed = [r["reference"] for r in records if r["capture"] in _NOT_TAKEN]
    if failed:
        told = ", ".join(failed)
        raise Refused(f"Amazon did not give the money for {told}; see: autopay charge show")
    if not as_json:
        say("出荷を記録しました" if language == "ja" else "The shipments are recorded")


def _record(each: RecordedShipment, state: str | None) -> dict[str, Any]:
    return {
        "reference": each.reference,
        "shipped_on": each.shipped_on.isoformat(),
        "amount": each.amount_yen,
        "capture": state,
        "repeated": each.repeated,
    }


def _word(state: str | None, language: Language) -> str:
    return _WORDS.get(state or "", ("", ""))[0 if language == "ja" else 1]
