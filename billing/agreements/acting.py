"""What somebody decides without a quote, because nothing is charged for it: an undo, an ending."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, select

from billing.agreements.changing import Confirmation, Decided, locked_subscription, make_change
from billing.agreements.giving_up import charge_under_way, give_up_open_invoices
from billing.agreements.refusals import AgreementRefused, ChangeUnderWay
from billing.dates import civil_date
from billing.quotes.agreement import Agreement, load_agreements
from billing.quotes.asking import completed
from billing.quotes.books import load_situation, unknown_subscription
from billing.quotes.projecting import happened
from billing.quotes.renewing import renewed
from billing.quotes.values import Situation
from billing.store.merchants import Merchant
from billing.store.rows import Row, table_of
from billing.tables import SubscriptionRow
from plans import SubscriptionState
from plans.lifecycle import Actor, Command, Policy, Subscription, charge_on, decide

__all__ = ["act"]

_subscriptions = table_of(SubscriptionRow)

_DEFAULT_POLICY = Policy()


def act(
    connection: Connection,
    merchant: Merchant,
    *,
    subscription_id: str,
    command: Command,
    actor: Actor,
    reason: str,
    at: datetime,
    policy: Policy = _DEFAULT_POLICY,
) -> Confirmation:
    """Decide a command at once; for what costs money a quote is needed.

    Ending an agreement gives up its open invoice. Raises UnknownSubscription, ChangeUnderWay,
    AgreementRefused, and what the life cycle refuses.
    """
    row = _locked(connection, merchant, subscription_id)
    situation = load_situation(connection, merchant, subscription_id=subscription_id, at=at)
    before = load_agreements(connection, [row["id"]]).get(row["id"])
    if before is not None and before.pending_quote_id is not None:
        raise ChangeUnderWay(subscription_id, before.pending_quote_id)
    if situation.subscription is None:
        raise AssertionError(f"subscription {subscription_id} without a value")
    if before is None:
        before = _agreed_first(situation, situation.subscription)
    on = civil_date(at=at, timezone=merchant.timezone)
    full = completed(situation, command, policy=policy, on=on)
    events = decide(
        situation.subscription, full, actor=actor, reason=reason, at=at, on=on, policy=policy
    )
    account, after, bills = happened(situation, before.account, situation.subscription, events)
    if any(bill.charge_yen for bill in bills):
        raise _costs(subscription_id, sum(bill.charge_yen for bill in bills))
    decided = Decided(events, after, account, bills)
    if after.state is SubscriptionState.CANCELED:
        _check_nothing_under_way(connection, row)
        give_up_open_invoices(connection, merchant, row, at=at)
        before = replace(before, when_paid=None)
    make_change(connection, merchant, row, before, decided, at=at)
    refund_yen = sum(bill.refund_yen + bill.credit_refund_yen for bill in bills)
    return Confirmation("", subscription_id, "confirmed", (), refund_yen)


def _agreed_first(situation: Situation, subscription: Subscription) -> Agreement:
    """The agreement of a plain subscription, which may have an invoice that is not paid yet."""
    account = situation.account
    charge = charge_on(subscription)
    if charge is None or situation.invoiced_cycle != subscription.next_cycle:
        return Agreement(subscription, account)
    # Its time comes with the money, as where the engine itself invoices a changed agreement.
    paid, _ = renewed(situation, account, subscription, on=charge)
    return Agreement(subscription, account, when_paid=paid)


def _locked(connection: Connection, merchant: Merchant, subscription_id: str) -> Row:
    wanted = select(_subscriptions.c.id).where(
        _subscriptions.c.merchant_id == merchant.id,
        _subscriptions.c.external_id == subscription_id,
    )
    row_id = connection.execute(wanted).scalar()
    if row_id is None:
        raise unknown_subscription(merchant, subscription_id)
    return locked_subscription(connection, row_id)


def _check_nothing_under_way(connection: Connection, row: Row) -> None:
    reference = charge_under_way(connection, row)
    if reference is not None:
        raise AgreementRefused(
            field="subscription",
            value=row["external_id"],
            rule=f"charge {reference} is under way, and its money may still arrive",
            remedy="wait for its outcome (autopay run), or settle it, then cancel",
        )


def _costs(subscription_id: str, yen: int) -> AgreementRefused:
    return AgreementRefused(
        field="subscription",
        value=subscription_id,
        rule=f"this costs {yen} yen today",
        remedy="ask for a quote of it and confirm that",
    )
