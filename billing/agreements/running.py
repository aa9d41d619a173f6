"""What a charge run does with changed agreements: open the next cycle, book what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy import Connection, select

from billing.agreements.changing import Decided, change_paid, make_change
from billing.agreements.giving_up import charge_under_way, give_up_open_invoices
from billing.agreements.invoicing import write_bills
from billing.agreements.writing import price_id_of, store
from billing.catalogue.dunning_store import dunning_of
from billing.dates import civil_date
from billing.quotes.agreement import Agreement, load_agreements
from billing.quotes.books import ENGINE_RULES, with_merchant
from billing.quotes.projecting import happened
from billing.quotes.renewing import renewed
from billing.quotes.values import Account, CapRoom, Situation
from billing.store.merchants import Merchant
from billing.store.notices import DUNNING_IS_OVER
from billing.store.rows import Row, table_of
from billing.tables import InvoiceRow, SubscriptionRow
from plans import Catalogue, DunningEnd, SubscriptionState
from plans.lifecycle import (
    Actor,
    ChargeDeclined,
    ChargeSucceeded,
    Command,
    DunningEnded,
    DunningOutcome,
    Event,
    Policy,
    Subscription,
    TimePassed,
    charge_on,
    decide,
)

__all__ = [
    "AgreementRun",
    "cycle_declined",
    "cycle_given_up",
    "invoice_paid",
    "open_agreement",
    "permission_told",
]

_subscriptions = table_of(SubscriptionRow)
_invoices = table_of(InvoiceRow)
_POLICY = Policy()


@dataclass(frozen=True, slots=True)
class AgreementRun:
    """What one slice of a run shares: connection, merchant, price list and moment."""

    connection: Connection
    merchant: Merchant
    catalogue: Catalogue
    at: datetime

    @property
    def on(self) -> date:
        """The merchant's date."""
        return civil_date(at=self.at, timezone=self.merchant.timezone)

    def view(self, row: Row, agreement: Agreement) -> Situation:
        """Give what the arithmetic looks at; the cap is judged when a charge is intended."""
        return Situation(
            subscription=agreement.subscription,
            catalogue=self.catalogue,
            cap=CapRoom(self.merchant.cap_yen, self.merchant.cap_rule),
            rules=with_merchant(ENGINE_RULES, self.merchant),
            first_cycle=row["first_cycle"],
        )

    def decided(
        self, subscription: Subscription, command: Command, reason: str
    ) -> tuple[Event, ...]:
        """Decide a report of the engine."""
        return decide(
            subscription,
            command,
            actor=Actor.ENGINE,
            reason=reason,
            at=self.at,
            on=self.on,
            policy=_POLICY,
        )


def open_agreement(run: AgreementRun, row: Row, agreement: Agreement) -> None:
    """Let what waited take effect, then invoice the next cycle when its day has come."""
    view = run.view(row, agreement)
    events = run.decided(agreement.subscription, TimePassed(), "its day has come")
    if events:
        before = agreement
        account, after, bills = happened(view, before.account, before.subscription, events)
        decided = Decided(events, after, account, bills)
        make_change(run.connection, run.merchant, row, before, decided, at=run.at)
        agreement = _without_debt(run, row, replace(before, subscription=after, account=account))
    charge = charge_on(agreement.subscription)
    if agreement.when_paid is None and charge is not None and charge <= run.on:
        _open_cycle(run, row, agreement, charge)
    elif not events:
        # Its day has come and nothing is left to do: the row learns its next day.
        _kept(run, row, agreement)


def _without_debt(run: AgreementRun, row: Row, agreement: Agreement) -> Agreement:
    """An agreement that ended owes nothing more, unless the money is under way just now."""
    ended = agreement.subscription.state is SubscriptionState.CANCELED
    if not ended or agreement.when_paid is None or charge_under_way(run.connection, row):
        return agreement
    give_up_open_invoices(run.connection, run.merchant, row, at=run.at)
    settled = replace(agreement, when_paid=None)
    _kept(run, row, settled)
    return settled


def _open_cycle(run: AgreementRun, row: Row, agreement: Agreement, charge: date) -> None:
    view = run.view(row, agreement)
    subscription, account = agreement.subscription, agreement.account
    paid, bill = renewed(view, account, subscription, on=charge)
    if bill is None:
        raise AssertionError(f"cycle {subscription.next_cycle} is invoiced already")
    price_id = price_id_of(run.connection, run.merchant, subscription)
    write_bills(
        run.connection,
        run.merchant,
        row,
        subscription,
        [bill],
        at=run.at,
        price_id=price_id,
        declined=agreement.declined,
    )
    if bill.charge_yen == 0:
        _settled(run, row, replace(agreement, account=paid), paid, "nothing is to be paid")
        return
    # Time that is not paid yet is worth nothing: it comes with the money, as `when_paid`.
    waiting = replace(_still_paid(account, charge), credit=paid.credit)
    _kept(run, row, replace(agreement, account=waiting, when_paid=paid))


def _still_paid(account: Account, charge: date) -> Account:
    """Keep what is paid beyond the day of a charge that was moved forward; the rest is billed."""
    parts = tuple(part for part in account.parts if part.time.cycle.end > charge)
    if not parts:
        return Account()
    return replace(account, parts=parts, waiting=(), usage=())


def invoice_paid(run: AgreementRun, row: Row, invoice: Row, agreement: Agreement) -> None:
    """Every charge of an invoice is captured: the cycle is settled, or the change made."""
    if agreement.pending_quote_id is not None and invoice["purpose"] != "renewal":
        change_paid(run.connection, run.merchant, row, at=run.at)
        return
    if invoice["purpose"] != "renewal" or agreement.when_paid is None:
        return
    was = agreement.account
    account = replace(agreement.when_paid, credit=was.credit, waiting=was.waiting, usage=was.usage)
    _settled(run, row, agreement, account, f"cycle {invoice['cycle']} is paid")


def _settled(
    run: AgreementRun, row: Row, agreement: Agreement, account: Account, reason: str
) -> None:
    subscription = agreement.subscription
    if subscription.state is SubscriptionState.CANCELED:
        _kept(run, row, replace(agreement, when_paid=None))
        return
    events = run.decided(subscription, ChargeSucceeded(subscription.next_cycle), reason)
    account, after, bills = happened(run.view(row, agreement), account, subscription, events)
    before = replace(agreement, when_paid=None)
    decided = Decided(events, after, account, bills)
    make_change(run.connection, run.merchant, row, before, decided, at=run.at)


def cycle_declined(run: AgreementRun, row: Row, agreement: Agreement, reason: str) -> None:
    """A definite decline of the open cycle."""
    subscription = agreement.subscription
    if agreement.when_paid is None or subscription.state is SubscriptionState.CANCELED:
        return
    events = run.decided(subscription, ChargeDeclined(subscription.next_cycle, reason), reason)
    _after(run, row, agreement, events)


def cycle_given_up(run: AgreementRun, row: Row, agreement: Agreement, policy: str) -> None:
    """Dunning is over and the invoice written off: pause or cancel, as the merchant chose."""
    unpaid = replace(agreement, when_paid=None)
    if agreement.subscription.state is not SubscriptionState.PAST_DUE:
        _kept(run, row, unpaid)
        return
    outcome = DunningOutcome.CANCEL if policy == "cancel" else DunningOutcome.PAUSE
    events = run.decided(agreement.subscription, DunningEnded(outcome), DUNNING_IS_OVER)
    _after(run, row, unpaid, events)


def permission_told(
    run: AgreementRun, row: Row, agreement: Agreement, command: Command, reason: str
) -> None:
    """Amazon says that the permission changed; an agreement that ends by it owes nothing more,
    unless the schedule of its invoice keeps that open. Raises what the life cycle refuses."""
    events = decide(
        agreement.subscription,
        command,
        actor=Actor.AMAZON,
        reason=reason,
        at=run.at,
        on=run.on,
        policy=_POLICY,
    )
    _after(run, row, agreement, events)
    if not _stays_open(run, row):
        _without_debt(run, row, load_agreements(run.connection, [row["id"]])[row["id"]])


def _stays_open(run: AgreementRun, row: Row) -> bool:
    unpaid = select(_invoices.c.id).where(
        _invoices.c.subscription_id == row["id"], _invoices.c.state == "open"
    )
    ids = run.connection.execute(unpaid).scalars()
    found = dunning_of(run.connection, run.merchant, ids, at=run.at).values()
    return any(each.schedule.closed_end is DunningEnd.KEEP_OPEN for each in found)


def _after(run: AgreementRun, row: Row, agreement: Agreement, events: Sequence[Event]) -> None:
    account, after, bills = happened(
        run.view(row, agreement), agreement.account, agreement.subscription, events
    )
    decided = Decided(tuple(events), after, account, bills)
    make_change(run.connection, run.merchant, row, agreement, decided, at=run.at)


def _kept(run: AgreementRun, row: Row, agreement: Agreement) -> None:
    store(
        run.connection,
        run.merchant,
        row,
        agreement,
        price_id=price_id_of(run.connection, run.merchant, agreement.subscription),
    )
