"""The rows that outcomes concern, read under the locks of their charge permissions."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from billing.agreements.reports import Report, ReportKind
from billing.catalogue.terms import Terms, terms_of
from billing.charging.one_off_purpose import is_one_off
from billing.charging.outcome import Outcome
from billing.quotes.agreement import Agreement, load_agreements
from billing.store.locking import lock_rows, locked_rows
from billing.store.rows import Row, among, rows_by_id, table_of
from billing.tables import (
    AttemptRow,
    ChargePermissionRow,
    InvoiceRow,
    SlotRow,
    SubscriptionRow,
)

attempts = table_of(AttemptRow)
slots = table_of(SlotRow)
invoices = table_of(InvoiceRow)
subscriptions = table_of(SubscriptionRow)
permissions = table_of(ChargePermissionRow)

Rows = dict[int, Row]


@dataclass(frozen=True, slots=True)
class Case:
    """One outcome with the rows it concerns, read under the permission's lock."""

    outcome: Outcome
    attempt: Row
    slot: Row
    invoice: Row
    subscription: Row
    terms: Terms
    agreement: Agreement | None

    @property
    def is_waiting_change(self) -> bool:
        """The charge decides whether a confirmed change is made."""
        waits = self.agreement is not None and self.agreement.pending_quote_id is not None
        return waits and self.invoice["purpose"] != "renewal" and not self.is_one_off

    @property
    def is_one_off(self) -> bool:
        """The charge belongs to no cycle and to no change."""
        return is_one_off(self.invoice["purpose"])

    @property
    def is_now_or_never(self) -> bool:
        """It is charged at once or not at all: no dunning, no waiting for room."""
        return self.is_one_off or self.is_waiting_change

    def report(self, kind: ReportKind, reason: str = "") -> Report:
        """Tell the agreement what happened."""
        return Report(kind, self.subscription["id"], self.invoice["id"], reason)


def _lock(connection: Connection, attempt_ids: Collection[int], slot_ids: Collection[int]) -> Rows:
    """Lock permissions, then subscriptions; the subscriptions as they are from then on, by id."""
    # Neither the permission of an attempt nor the subscription of a slot ever changes. Both by
    # their ids: a server that knows little of its tables would read all of one for a join.
    statement = select(attempts.c.permission_id, slots.c.subscription_id).where(
        among(connection, attempts.c.id, attempt_ids),
        among(connection, slots.c.id, slot_ids),
        slots.c.id == attempts.c.slot_id,
    )
    concerned = connection.execute(statement).all()
    lock_rows(connection, permissions, {row.permission_id for row in concerned})
    return locked_rows(connection, subscriptions, {row.subscription_id for row in concerned})


def load_cases(connection: Connection, outcomes: Sequence[Outcome]) -> list[Case]:
    """Lock permissions, then subscriptions, and read every row the outcomes concern."""
    by_id = {outcome.attempt.id: outcome for outcome in outcomes}
    owners = _lock(connection, by_id, {outcome.attempt.slot_id for outcome in outcomes})
    attempt_rows = rows_by_id(connection, attempts, by_id)
    slot_rows = rows_by_id(connection, slots, {row["slot_id"] for row in attempt_rows.values()})
    invoice_rows = rows_by_id(
        connection, invoices, {row["invoice_id"] for row in slot_rows.values()}
    )
    terms = terms_of(connection, {row["price_id"] for row in owners.values()})
    changed = load_agreements(connection, owners)
    cases = []
    for attempt_id, outcome in by_id.items():
        attempt = attempt_rows[attempt_id]
        slot = slot_rows[attempt["slot_id"]]
        owner = owners[slot["subscription_id"]]
        invoice = invoice_rows[slot["invoice_id"]]
        agreed = terms[owner["price_id"]], changed.get(owner["id"])
        cases.append(Case(outcome, attempt, slot, invoice, owner, *agreed))
    return cases
