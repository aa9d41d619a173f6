"""How a cycle ends: paid, and the next one gets its date; or unpaid, by the merchant's policy."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from billing.agreements.reports import Report, ReportKind, book_reports
from billing.books.write_off import write_off
from billing.catalogue.terms import Terms
from billing.dates import charge_instant
from billing.quotes.agreement import load_agreements
from billing.store.events import event_row
from billing.store.merchants import Merchant
from billing.store.notices import notice_row, write_notices
from billing.store.rows import Row, insert_many, table_of, update_many
from billing.tables import (
    InvoiceRow,
    InvoiceTaxRow,
    SlotRow,
    SubscriptionEventRow,
    SubscriptionRow,
)
from plans import cycle_start

slots = table_of(SlotRow)
invoices = table_of(InvoiceRow)
invoice_taxes = table_of(InvoiceTaxRow)

STOPPED = ("paused", "canceled")
STATE_BY_POLICY = {"pause": "paused", "cancel": "canceled"}


@dataclass(frozen=True, slots=True)
class Ending:
    """Dunning of a slot is over without money; `policy` says what that means (pause, cancel)."""

    slot: Row
    invoice: Row
    subscription: Row
    reason: str
    policy: str

    @property
    def state(self) -> str:
        """The state of the agreement after it."""
        return STATE_BY_POLICY[self.policy]


def next_cycle_row(subscription: Row, terms: Terms, merchant: Merchant) -> dict[str, Any]:
    """The subscription after its open cycle was paid; its date comes from the anchor alone.

    An agreement that was paused or ended while the charge was under way stays as it is: the paid
    cycle counts, but nothing new becomes due by it.
    """
    cycle = subscription["next_cycle"] + 1
    paid = {
        "id": subscription["id"],
        "state": subscription["state"],
        "next_cycle": cycle,
        "cycles_done": subscription["cycles_done"] + 1,
        "due_at": subscription["due_at"],
    }
    if subscription["state"] in STOPPED:
        return paid
    anchor = terms.anchor(
        subscription["anchor_year"], subscription["anchor_month"], subscription["anchor_day"]
    )
    start = cycle_start(anchor=anchor, interval=terms.price.interval, cycle=cycle)
    due_at = charge_instant(on=start, timezone=merchant.timezone, hour=merchant.charge_hour)
    return paid | {"state": "active", "due_at": due_at}


def end_of_dunning_rows(
    connection: Connection, merchant: Merchant, endings: Sequence[Ending], *, at: datetime
) -> None:
    """Apply its policy to each slot whose dunning is over: `pause` or `cancel`.

    Both write the open rest of the invoice off and stop the agreement. What is kept open never
    comes here.
    """
    if not endings:
        return
    write_off(
        connection,
        merchant,
        [ending.invoice for ending in endings],
        reason="another part of the invoice was not paid",
        at=at,
    )
    changed = load_agreements(connection, [e.subscription["id"] for e in endings])
    plain = [e for e in endings if e.subscription["id"] not in changed]
    going_on = [e for e in plain if e.subscription["state"] not in STOPPED]
    update_many(connection, table_of(SubscriptionRow), [_after(e) for e in plain])
    insert_many(
        connection,
        table_of(SubscriptionEventRow),
        [_event(e, at) for e in going_on],
    )
    book_reports(connection, merchant, [_given_up(e) for e in endings if e not in plain], at=at)
    write_notices(
        connection, [notice_row(e.slot, kind=e.state, at=at, reason=e.reason) for e in endings]
    )


def _given_up(ending: Ending) -> Report:
    return Report(
        ReportKind.GIVEN_UP,
        ending.subscription["id"],
        ending.invoice["id"],
        ending.reason,
        ending.policy,
    )


def _event(ending: Ending, at: datetime) -> dict[str, Any]:
    state = ending.state
    kind = f"dunning_{state}"
    return event_row(ending.subscription, at=at, kind=kind, state=state, reason=ending.reason)


def _after(ending: Ending) -> dict[str, Any]:
    """The subscription after an unpaid cycle: that cycle is over with its invoice, and the
    agreement stops, unless it had stopped before (then a planned resumption stays planned)."""
    subscription = ending.subscription
    cycle = max(subscription["next_cycle"], ending.slot["cycle"] + 1)
    after = {
        "id": subscription["id"],
        "state": subscription["state"],
        "next_cycle": cycle,
        "due_at": subscription["due_at"],
        "resume_on": subscription["resume_on"],
    }
    if subscription["state"] in STOPPED:
        return after
    return after | {"state": ending.state, "due_at": None, "resume_on": None}
