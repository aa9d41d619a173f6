"""What charging reports to changed agreements: an invoice is paid, a cycle declined, a change off.

The modules that charge collect reports and hand them over once per transaction; without any,
nothing is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, Table, select, update

from billing.agreements.changing import change_declined
from billing.agreements.running import (
    AgreementRun,
    cycle_declined,
    cycle_given_up,
    invoice_paid,
)
from billing.books import ledger
from billing.catalogue.catalogue_store import load_catalogue
from billing.dates import civil_date
from billing.quotes.agreement import load_agreements
from billing.store.merchants import Merchant
from billing.store.rows import Row, fetch, table_of
from billing.tables import InvoiceRow, InvoiceTaxRow, SubscriptionRow

__all__ = ["Report", "ReportKind", "book_reports", "waits_for_charge"]

_invoices = table_of(InvoiceRow)
_taxes = table_of(InvoiceTaxRow)
_subscriptions = table_of(SubscriptionRow)


class ReportKind(StrEnum):
    """What charging has to say."""

    PAID = "paid"  # every charge of the invoice is captured
    DECLINED = "declined"  # a definite decline of the open cycle
    CHANGE_OFF = "change_off"  # the charge of a waiting change will not happen
    ONE_OFF_OFF = "one_off_off"  # nor that of a one-off, which concerns no agreement
    GIVEN_UP = "given_up"  # dunning is over, the invoice is written off


@dataclass(frozen=True, slots=True)
class Report:
    """One thing that happened to an invoice of a changed agreement; `reason` says why.

    `policy` is what giving up means for the agreement (pause or cancel).
    """

    kind: ReportKind
    subscription_id: int
    invoice_id: int
    reason: str = ""
    policy: str = ""


def waits_for_charge(connection: Connection, subscription_ids: Sequence[int]) -> set[int]:
    """Tell which of the subscriptions have a change that waits for its charge."""
    agreements = load_agreements(connection, subscription_ids)
    return {key for key, found in agreements.items() if found.pending_quote_id is not None}


def book_reports(
    connection: Connection, merchant: Merchant, reports: Sequence[Report], *, at: datetime
) -> None:
    """Let each report have its effect; the rows of subscriptions are locked by the caller."""
    if not reports:
        return
    run = AgreementRun(connection, merchant, load_catalogue(connection, merchant.id), at)
    for report in reports:
        _book(run, report)


def _book(run: AgreementRun, report: Report) -> None:
    if report.kind is ReportKind.ONE_OFF_OFF:
        _void(run, _row(run.connection, _invoices, report.invoice_id))
        return
    row = _row(run.connection, _subscriptions, report.subscription_id)
    agreement = load_agreements(run.connection, [row["id"]])[row["id"]]
    invoice = _row(run.connection, _invoices, report.invoice_id)
    match report.kind:
        case ReportKind.PAID:
            invoice_paid(run, row, invoice, agreement)
        case ReportKind.DECLINED if invoice["purpose"] == "renewal":
            cycle_declined(run, row, agreement, report.reason)
        case ReportKind.CHANGE_OFF:
            _void(run, invoice)
            change_declined(run.connection, run.merchant, row, at=run.at, reason=report.reason)
        case ReportKind.GIVEN_UP if invoice["purpose"] == "renewal":
            cycle_given_up(run, row, agreement, report.policy)
        case _:
            pass  # a change that was made already is a debt like any other


def _void(run: AgreementRun, invoice: Row) -> None:
    statement = select(_taxes).where(_taxes.c.invoice_id == invoice["id"])
    taxes = [
        (row["tax_category"], row["net_yen"], row["tax_yen"])
        for row in fetch(run.connection, statement)
    ]
    voided = ledger.invoice_voided(
        merchant_id=run.merchant.id,
        invoice_id=invoice["id"],
        number=invoice["number"],
        on=civil_date(at=run.at, timezone=run.merchant.timezone),
        credit_used_yen=invoice["offset_yen"],
        taxes=taxes,
    )
    ledger.book(run.connection, [voided])
    statement_void = update(_invoices).where(_invoices.c.id == invoice["id"])
    run.connection.execute(statement_void.values(state="void"))


def _row(connection: Connection, table: Table, row_id: int) -> Row:
    return fetch(connection, select(table).where(table.c.id == row_id))[0]
