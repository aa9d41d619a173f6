"""Goods that will not be shipped: staff cancel the authorisation, and the cycle costs nothing.

The invoice is taken back with its sales and tax, the next cycle gets its date from the anchor,
and the cancellation is intended like every act: Amazon frees the buyer's money by it. Nothing is
authorised again for this cycle.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from billing.books import ledger
from billing.captures.authorized import authorized_charges, lock_permissions
from billing.captures.intending import act_row, write_acts
from billing.catalogue.terms import terms_of
from billing.charging.settle import next_cycle_row
from billing.dates import civil_date
from billing.quotes.agreement import load_agreements
from billing.store.events import event_row, write_audit_event
from billing.store.merchants import Merchant
from billing.store.notices import facts_text
from billing.store.rows import Row, fetch, insert_many, is_word, table_of, update_many
from billing.tables import (
    ActRow,
    InvoiceRow,
    InvoiceTaxRow,
    SlotRow,
    SubscriptionEventRow,
    SubscriptionRow,
)
from plans import BadInput

slots = table_of(SlotRow)
acts = table_of(ActRow)
invoices = table_of(InvoiceRow)
invoice_taxes = table_of(InvoiceTaxRow)
subscriptions = table_of(SubscriptionRow)

NOT_SHIPPED = "not_shipped"


@dataclass(frozen=True, slots=True)
class WithdrawnShipment:
    """An authorisation that staff cancel; `cancellation` is the act's reference."""

    reference: str
    amount_yen: int
    cancellation: str
    repeated: bool


def withdraw_shipment(
    connection: Connection,
    merchant: Merchant,
    *,
    reference: str,
    actor: str,
    reason: str,
    at: datetime,
) -> WithdrawnShipment:
    """Take back what one cycle of goods costs and intend to cancel its authorisation.

    Nothing is sent here; doing it again is the same act. Raises `BadInput` for what is not
    authorised, was paid or split in part, or belongs to an agreement that somebody has changed.
    """
    _check_words(actor=actor, reason=reason)
    slot = _slot(connection, merchant, reference)
    lock_permissions(connection, {slot["permission_id"]})
    known = _withdrawn_before(connection, slot)
    if known is not None:
        return known
    found = fetch(connection, authorized_charges(merchant).where(slots.c.id == slot["id"]))
    if not found:
        raise _refused(
            reference,
            f"is {slot['state']}, and only what Amazon has authorised can be cancelled",
            "see what waits to be shipped with: autopay shipment list",
        )
    charge = found[0]
    _check_whole(connection, charge)
    act = act_row(
        charge, merchant, kind="cancel", cause=NOT_SHIPPED, amount_yen=None, actor=actor, at=at
    )
    write_acts(connection, [act], [{"id": charge["id"], "state": "open"}])
    _take_back(connection, merchant, charge, at)
    _next_cycle(connection, merchant, charge, actor, reason, at)
    facts = {"reference": reference, "amount_yen": charge["amount_yen"]}
    write_audit_event(
        connection,
        merchant_id=merchant.id,
        kind="shipment_withdrawn",
        actor=actor,
        reason=reason,
        at=at,
        detail=facts_text(facts),
    )
    return WithdrawnShipment(reference, charge["amount_yen"], act["reference"], repeated=False)


def _slot(connection: Connection, merchant: Merchant, reference: str) -> Row:
    mine = slots.c.merchant_id == merchant.id, slots.c.reference == reference
    found = fetch(connection, select(slots).where(*mine))
    if not found:
        remedy = "see what waits to be shipped with: autopay shipment list"
        raise _refused(reference, "is no charge of this merchant", remedy)
    return found[0]


def _withdrawn_before(connection: Connection, slot: Row) -> WithdrawnShipment | None:
    statement = select(acts.c.reference).where(
        acts.c.permission_id == slot["permission_id"],
        acts.c.reference.like(f"{slot['reference']}/%"),
        is_word(acts.c.kind, "cancel"),
        acts.c.cause == NOT_SHIPPED,
    )
    act = connection.execute(statement).scalar()
    if act is None:
        return None
    return WithdrawnShipment(slot["reference"], slot["amount_yen"], act, repeated=True)


def _check_whole(connection: Connection, charge: Row) -> None:
    reference = charge["reference"]
    if charge["invoice_state"] != "open" or charge["owner_state"] == "canceled":
        rule = "belongs to an agreement that ended; its authorisation is being cancelled"
        raise _refused(reference, rule, "do nothing")
    if load_agreements(connection, [charge["subscription_id"]]):
        raise _refused(
            reference,
            "belongs to an agreement that was changed, which knows no cycle without a charge",
            "cancel the agreement (its authorisation goes with it), or ship and give it back",
        )
    parts = select(slots.c.id).where(slots.c.invoice_id == charge["invoice_id"])
    if charge["offset_yen"] or len(connection.execute(parts).all()) > 1:
        rule = "is a part of an invoice that is paid otherwise as well"
        raise _refused(reference, rule, "ship it, and give it back with: autopay charge refund")


def _take_back(connection: Connection, merchant: Merchant, charge: Row, at: datetime) -> None:
    """The invoice as if it had never been: nothing of it was paid."""
    number = select(invoices.c.number).where(invoices.c.id == charge["invoice_id"])
    taxes = select(invoice_taxes).where(invoice_taxes.c.invoice_id == charge["invoice_id"])
    voided = ledger.invoice_voided(
        merchant_id=merchant.id,
        invoice_id=charge["invoice_id"],
        number=connection.execute(number).scalar_one(),
        on=civil_date(at=at, timezone=merchant.timezone),
        credit_used_yen=0,
        taxes=[
            (row["tax_category"], row["net_yen"], row["tax_yen"])
            for row in fetch(connection, taxes)
        ],
    )
    ledger.book(connection, [voided])
    mine = update(invoices).where(invoices.c.id == charge["invoice_id"])
    connection.execute(mine.values(state="void"))


def _next_cycle(
    connection: Connection,
    merchant: Merchant,
    charge: Row,
    actor: str,
    reason: str,
    at: datetime,
) -> None:
    """The cycle is over without money; it is none of those that count as paid."""
    lock = select(subscriptions).where(subscriptions.c.id == charge["subscription_id"])
    (owner,) = fetch(connection, lock.with_for_update())
    terms = terms_of(connection, {owner["price_id"]})[owner["price_id"]]
    unpaid: dict[str, Any] = {"cycles_done": owner["cycles_done"], "state": owner["state"]}
    update_many(connection, subscriptions, [next_cycle_row(owner, terms, merchant) | unpaid])
    event = event_row(
        owner, at=at, kind=NOT_SHIPPED, state=owner["state"], reason=f"{actor}: {reason}"
    )
    insert_many(connection, table_of(SubscriptionEventRow), [event])


def _check_words(*, actor: str, reason: str) -> None:
    for field, text in (("by", actor), ("reason", reason)):
        if not text.strip():
            raise BadInput(
                field=field,
                value=text,
                rule="who cancels an authorisation says who it is and why",
                remedy="give a text that is not empty",
            )


def _refused(reference: str, rule: str, remedy: str) -> BadInput:
    return BadInput(field="reference", value=reference, rule=rule, remedy=remedy)
