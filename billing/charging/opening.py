"""Opens due cycles: the invoice of the cycle, its tax, its journal, and the slot that pays it.

A subscription whose moment has come either gets the invoice of its next cycle, or resumes, or
ends because it was cancelled for this day. No money moves here.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Engine, Select, exists, select
from sqlalchemy.exc import DataError, IntegrityError

from billing.agreements.running import AgreementRun, open_agreement
from billing.books import ledger
from billing.catalogue.catalogue_store import load_catalogue
from billing.catalogue.price_moves import PriceMoves, load_price_moves, terms_in_force
from billing.catalogue.terms import Terms, terms_of
from billing.charging.poison import OPENING, is_left_alone, note_failures
from billing.charging.settle import next_cycle_row
from billing.dates import charge_instant, civil_date
from billing.protocol.checkpoints import reached
from billing.quotes.agreement import Agreement, load_agreements
from billing.store.database import reading, writing
from billing.store.events import event_row
from billing.store.merchants import Merchant
from billing.store.notices import agreement_notice, write_notices
from billing.store.rows import Row, fetch, insert_many, insert_returning_ids, table_of, update_many
from billing.tables import (
    AgreementRow,
    InvoiceLineRow,
    InvoiceRow,
    InvoiceTaxRow,
    SlotRow,
    SubscriptionEventRow,
    SubscriptionRow,
)
from billing.tax import TaxBreakdown, tax_by_rate
from plans import Line, Period, cycle_after_resume, cycle_lines, cycle_period, cycle_start

log = logging.getLogger(__name__)

subscriptions = table_of(SubscriptionRow)
agreements = table_of(AgreementRow)

RENEWAL = "renewal"


@dataclass(slots=True)
class _Opened:
    """One cycle about to be written."""

    subscription: Row
    period: Period
    lines: tuple[Line, ...]
    tax: TaxBreakdown
    number: str

    @property
    def is_free(self) -> bool:
        """Nothing is to be paid: there is no slot, and the cycle is settled at once."""
        return self.tax.total_yen == 0


@dataclass(slots=True)
class _Work:
    """Everything one transaction of this module writes, and the price migrations it follows."""

    moves: PriceMoves
    opened: list[_Opened] = field(default_factory=list)
    moved: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    notices: list[dict[str, Any]] = field(default_factory=list)


Cursor = tuple[datetime, int]


@dataclass(frozen=True, slots=True)
class OpenedSlice:
    """How many subscriptions a slice handled, and where the next slice begins (None = no more)."""

    handled: int
    next_from: Cursor | None


def open_due_cycles(
    engine: Engine,
    merchant: Merchant,
    *,
    at: datetime,
    after: Cursor | None = None,
    limit: int = 200,
) -> OpenedSlice:
    """Handle up to `limit` subscriptions that are due at `at`, behind the cursor `after`.

    Safe to run from any number of processes: rows that another one handles are skipped, and a
    cycle can be opened only once. An agreement that cannot be handled keeps no other one from
    being charged: it stays due, is tried again a little later, and is set aside after three tries.
    """
    try:
        done = writing(engine, lambda connection: _open(connection, merchant, at, after, limit))
    except (IntegrityError, DataError) as error:
        if limit == 1:
            log.exception("a cycle behind %s cannot be opened", after)
            return OpenedSlice(0, _skip_one(engine, merchant, at, after, error))
        # One of the slice cannot be stored: go on one by one, so that only that one is left out.
        return open_due_cycles(engine, merchant, at=at, after=after, limit=1)
    if done.handled:
        reached("cycle.opened")
    return done


def _open(
    connection: Connection, merchant: Merchant, at: datetime, after: Cursor | None, limit: int
) -> OpenedSlice:
    due = fetch(
        connection, _due(merchant, at, after).limit(limit).with_for_update(skip_locked=True)
    )
    changed = load_agreements(connection, [row["id"] for row in due])
    plain = [row for row in due if row["id"] not in changed]
    terms = terms_of(connection, {row["price_id"] for row in plain})
    work = _Work(load_price_moves(connection, merchant.id))
    failed: dict[str, BaseException] = {}
    for row in plain:
        try:
            _handle(row, terms[row["price_id"]], merchant, at, work)
        except Exception as error:
            # It stays due, and the audit reports it as lost after a day.
            log.exception("cycle of subscription %s cannot be opened", row["external_id"])
            failed[row["external_id"]] = error
    _write(connection, merchant, at, work)
    opened = len(work.moved)
    if changed:
        opened += _open_changed(connection, merchant, at, due, changed, failed)
    note_failures(connection, merchant, step=OPENING, errors=failed, at=at)
    return OpenedSlice(opened, (due[-1]["due_at"], due[-1]["id"]) if due else None)


def _open_changed(
    connection: Connection,
    merchant: Merchant,
    at: datetime,
    due: Sequence[Row],
    changed: Mapping[int, Agreement],
    failed: dict[str, BaseException],
) -> int:
    """Let the life cycle open what somebody has changed; each in a savepoint of its own.

    Those that cannot be opened are put into `failed`, by subscription.
    """
    run = AgreementRun(connection, merchant, load_catalogue(connection, merchant.id), at)
    opened = 0
    for row in due:
        if row["id"] not in changed:
            continue
        try:
            with connection.begin_nested():
                open_agreement(run, row, changed[row["id"]])
            opened += 1
        except Exception as error:
            log.exception("agreement of subscription %s cannot be opened", row["external_id"])
            failed[row["external_id"]] = error
    return opened


def _due(merchant: Merchant, at: datetime, after: Cursor | None) -> Select[Any]:
    waits_for_charge = exists().where(
        agreements.c.subscription_id == subscriptions.c.id,
        agreements.c.pending_quote_id.is_not(None),
    )
    left_alone = is_left_alone(merchant, step=OPENING, subject=subscriptions.c.external_id, at=at)
    statement = (
        select(subscriptions)
        .where(subscriptions.c.merchant_id == merchant.id, subscriptions.c.due_at <= at)
        .where(~waits_for_charge, ~left_alone)
        .order_by(subscriptions.c.due_at, subscriptions.c.id)
    )
    if after is None:
        return statement
    later = subscriptions.c.due_at > after[0]
    same = (subscriptions.c.due_at == after[0]) & (subscriptions.c.id > after[1])
    return statement.where(later | same)


def _skip_one(
    engine: Engine, merchant: Merchant, at: datetime, after: Cursor | None, error: Exception
) -> Cursor | None:
    with reading(engine) as connection:
        rows = fetch(connection, _due(merchant, at, after).limit(1))
    errors = {row["external_id"]: error for row in rows}
    writing(engine, lambda c: note_failures(c, merchant, step=OPENING, errors=errors, at=at))
    return (rows[0]["due_at"], rows[0]["id"]) if rows else None


def _handle(row: Row, terms: Terms, merchant: Merchant, at: datetime, work: _Work) -> None:
    if row["cancel_at_period_end"]:
        reason = "cancellation at the end of the period"
        _change_state(row, work, at, state="canceled", kind="canceled", reason=reason)
    elif row["state"] == "paused":
        _resume(row, terms, merchant, at, work)
    else:
        _open_cycle(row, terms, merchant, at, work)


def _resume(row: Row, terms: Terms, merchant: Merchant, at: datetime, work: _Work) -> None:
    anchor = terms.anchor(row["anchor_year"], row["anchor_month"], row["anchor_day"])
    resume_on = row["resume_on"] or civil_date(at=at, timezone=merchant.timezone)
    cycle = cycle_after_resume(
        anchor=anchor,
        interval=terms.price.interval,
        next_cycle=row["next_cycle"],
        resume_on=resume_on,
    )
    start = cycle_start(anchor=anchor, interval=terms.price.interval, cycle=cycle)
    due_at = charge_instant(on=start, timezone=merchant.timezone, hour=merchant.charge_hour)
    reason = f"resume date {resume_on}"
    _change_state(row, work, at, state="active", kind="resumed", reason=reason)
    work.moved[-1].update(next_cycle=cycle, due_at=due_at, resume_on=None)


def _open_cycle(row: Row, terms: Terms, merchant: Merchant, at: datetime, work: _Work) -> None:
    anchor = terms.anchor(row["anchor_year"], row["anchor_month"], row["anchor_day"])
    cycle = row["next_cycle"]
    period = cycle_period(anchor=anchor, interval=terms.price.interval, cycle=cycle)
    held = terms_in_force(
        agreed=terms, moves=work.moves, subscribed_on=row["started_on"], on=period.start
    )
    lines = cycle_lines(
        plan=held.plan,
        price=held.price,
        quantity=row["quantity"],
        cycle=cycle,
        first_cycle=row["first_cycle"],
        period=period,
    )
    tax = tax_by_rate(
        lines=lines,
        on=period.start,
        rounding=merchant.tax_rounding,
    )
    opened = _Opened(row, period, lines, tax, f"{row['external_id']}-{cycle:04d}")
    if opened.is_free:
        _settle_free_cycle(row, terms, merchant, at, work)
    else:
        work.moved.append(_moved(row, due_at=None))
    work.opened.append(opened)


def _settle_free_cycle(
    row: Row, terms: Terms, merchant: Merchant, at: datetime, work: _Work
) -> None:
    """A cycle for 0 yen (a first price of 0) asks Amazon for nothing; the next gets its date."""
    moved = _moved(row, **next_cycle_row(row, terms, merchant))
    if row["state"] != "active":
        reason = f"cycle {row['next_cycle']} is free"
        work.events.append(event_row(row, at=at, kind="started", state="active", reason=reason))
    work.moved.append(moved)


def _change_state(
    row: Row, work: _Work, at: datetime, *, state: str, kind: str, reason: str
) -> None:
    work.events.append(event_row(row, at=at, kind=kind, state=state, reason=reason))
    work.notices.append(agreement_notice(row, kind=kind, at=at, step=row["next_cycle"]))
    work.moved.append(_moved(row, state=state, due_at=None))


def _moved(row: Row, **changes: Any) -> dict[str, Any]:
    names = ("id", "state", "next_cycle", "cycles_done", "due_at", "resume_on")
    return {name: row[name] for name in names} | changes


def _write(connection: Connection, merchant: Merchant, at: datetime, work: _Work) -> None:
    on = civil_date(at=at, timezone=merchant.timezone)
    invoice_ids = insert_returning_ids(
        connection,
        table_of(InvoiceRow),
        [_invoice_row(merchant, opened, on) for opened in work.opened],
    )
    opened_ids = list(zip(work.opened, invoice_ids, strict=True))
    to_pay = [pair for pair in opened_ids if not pair[0].is_free]
    insert_many(
        connection,
        table_of(InvoiceLineRow),
        [row for opened, invoice_id in opened_ids for row in _line_rows(opened, invoice_id)],
    )
    insert_many(
        connection,
        table_of(InvoiceTaxRow),
        [row for opened, invoice_id in opened_ids for row in _tax_rows(opened, invoice_id)],
    )
    insert_many(
        connection,
        table_of(SlotRow),
        [_slot_row(merchant, opened, invoice_id) for opened, invoice_id in to_pay],
    )
    ledger.book(
        connection,
        [_journal(merchant, opened, invoice_id, on) for opened, invoice_id in to_pay],
    )
    update_many(connection, subscriptions, work.moved)
    insert_many(connection, table_of(SubscriptionEventRow), work.events)
    write_notices(connection, work.notices)


def _invoice_row(merchant: Merchant, opened: _Opened, on: date) -> dict[str, Any]:
    return {
        "merchant_id": merchant.id,
        "subscription_id": opened.subscription["id"],
        "cycle": opened.subscription["next_cycle"],
        "purpose": RENEWAL,
        "number": opened.number,
        "state": "paid" if opened.is_free else "open",
        "issued_on": on,
        "period_start": opened.period.start,
        "period_end": opened.period.end,
        "total_yen": opened.tax.total_yen,
        "paid_yen": 0,
        "offset_yen": 0,
        "price_id": opened.subscription["price_id"],
    }


def _line_rows(opened: _Opened, invoice_id: int) -> list[dict[str, Any]]:
    return [
        {
            "invoice_id": invoice_id,
            "position": position,
            "kind": str(line.kind),
            "description_ja": line.description_ja,
            "description_en": line.description_en,
            "quantity": line.quantity,
            "unit_yen": line.unit_yen,
            "amount_yen": line.amount_yen,
            "tax_category": str(line.tax_category),
        }
        for position, line in enumerate(opened.lines, start=1)
    ]


def _tax_rows(opened: _Opened, invoice_id: int) -> list[dict[str, Any]]:
    return [
        {
            "invoice_id": invoice_id,
            "tax_category": str(rate.category),
            "rate_percent": str(rate.rate_percent),
            "gross_yen": rate.gross_yen,
            "tax_yen": rate.tax_yen,
            "net_yen": rate.net_yen,
        }
        for rate in opened.tax.rates
    ]


def _slot_row(merchant: Merchant, opened: _Opened, invoice_id: int) -> dict[str, Any]:
    row = opened.subscription
    return {
        "merchant_id": merchant.id,
        "subscription_id": row["id"],
        "invoice_id": invoice_id,
        "permission_id": row["permission_id"],
        "cycle": row["next_cycle"],
        "purpose": RENEWAL,
        "part": 1,
        "reference": f"{opened.number}-{RENEWAL}",
        "amount_yen": opened.tax.total_yen,
        "state": "due",
        "first_due_at": row["due_at"],
        "due_at": row["due_at"],
        "attempts": 0,
        "declines": 0,
        "cap_moves": 0,
    }


def _journal(merchant: Merchant, opened: _Opened, invoice_id: int, on: date) -> ledger.Journal:
    return ledger.invoice_issued(
        merchant_id=merchant.id,
        invoice_id=invoice_id,
        number=opened.number,
        on=on,
        taxes=[(str(r.category), r.net_yen, r.tax_yen) for r in opened.tax.rates],
    )
