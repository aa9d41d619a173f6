"""What one transaction of recording writes: collected as rows, written in batches."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, update

from billing.agreements.reports import Report
from billing.books import ledger
from billing.catalogue.dunning_store import Dunning, begin_dunning
from billing.charging.declining import Declines
from billing.charging.record_cases import Case
from billing.store.cap_room import learn_balance, settle_holds
from billing.store.merchants import Merchant
from billing.store.notices import write_notices
from billing.store.rows import Row, insert_many, table_of, update_many
from billing.tables import (
    AttemptRow,
    ChargePermissionRow,
    InvoiceRow,
    SlotRow,
    SubscriptionEventRow,
    SubscriptionRow,
)

attempts = table_of(AttemptRow)
slots = table_of(SlotRow)
invoices = table_of(InvoiceRow)
subscriptions = table_of(SubscriptionRow)
permissions = table_of(ChargePermissionRow)


@dataclass(slots=True)
class Work:
    """Everything one transaction writes.

    `captured`, `released` and `canceled` are attempts whose room becomes used, is given back, or
    follows the merchant's rule for authorisations that ended without money.
    """

    merchant: Merchant
    at: datetime
    declines: Declines = field(default_factory=Declines)
    dunnings: list[Dunning] = field(default_factory=list)
    attempts: list[dict[str, Any]] = field(default_factory=list)
    slots: list[dict[str, Any]] = field(default_factory=list)
    invoices: list[dict[str, Any]] = field(default_factory=list)
    subscriptions: list[dict[str, Any]] = field(default_factory=list)
    permissions: list[dict[str, Any]] = field(default_factory=list)
    captured: list[int] = field(default_factory=list)
    released: list[int] = field(default_factory=list)
    canceled: list[int] = field(default_factory=list)
    unpaid: list[Row] = field(default_factory=list)
    balances: list[tuple[int, int, int]] = field(default_factory=list)
    journals: list[ledger.Journal] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    notices: list[dict[str, Any]] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)


def attempt_row(case: Case, work: Work, **changes: Any) -> dict[str, Any]:
    """The attempt after an answer; every row names the same columns."""
    outcome, attempt = case.outcome, case.attempt
    kept = ("id", "look_at", "amount_yen", "authorized_yen", "lapses_at")
    return {name: attempt[name] for name in kept} | {
        "sends": attempt["sends"] + 1,
        "charge_id": outcome.charge_id,
        "reason_code": outcome.reason_code,
        "request_id": outcome.request_id,
        "detail": outcome.detail,
        "answered_at": None,
        **changes,
    }


def slot_row(case: Case, **changes: Any) -> dict[str, Any]:
    """The slot after an answer; every row names the same columns."""
    names = ("id", "state", "due_at", "declines", "declined_on", "cap_moves", "reason")
    return {name: case.slot[name] for name in (*names, "settled_at")} | changes


def write_work(connection: Connection, work: Work) -> None:
    """Write everything that was collected, but the reports to changed agreements."""
    begin_dunning(connection, work.dunnings)
    update_many(connection, attempts, work.attempts)
    update_many(connection, slots, work.slots)
    update_many(connection, invoices, work.invoices)
    update_many(connection, subscriptions, work.subscriptions)
    settle_holds(connection, work.captured, captured=True)
    settle_holds(connection, work.released, captured=False)
    # Whether Amazon gives the room of a cancelled authorisation back is not documented.
    kept = work.merchant.cap_of_canceled == "kept"
    settle_holds(connection, work.canceled, captured=kept)
    _write_permissions(connection, work.permissions)
    for attempt_id, permission_id, balance in work.balances:
        learn_balance(
            connection,
            attempt_id=attempt_id,
            permission_id=permission_id,
            balance_yen=balance,
        )
    ledger.book(connection, work.journals)
    insert_many(connection, table_of(SubscriptionEventRow), work.events)
    write_notices(connection, work.notices)


def _write_permissions(connection: Connection, rows: Sequence[Row]) -> None:
    update_many(connection, permissions, [dict(row) for row in rows if "state" in row])
    limits = [{"p": row["id"], "v": row["limit"]} for row in rows if "limit" in row]
    if limits:
        statement = update(permissions).where(permissions.c.id == bindparam("p"))
        connection.execute(statement.values(amount_limit_yen=bindparam("v")), limits)
