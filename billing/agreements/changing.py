"""Confirming a quote: charged first where money is due now, then made; or made at once.

A change that costs something today takes effect when its charge is captured, and not at all when
Amazon declines it. Meanwhile the agreement waits. What costs nothing today is made at once, and so
is a change whose charge the cap moves to a later day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select, update

from billing.agreements.invoicing import Invoiced, write_bills
from billing.agreements.paying_back import pay_back
from billing.agreements.refusals import (
    ChangeUnderWay,
    ChargingStopped,
    PermissionNotReady,
    QuoteOver,
    UnknownQuote,
)
from billing.agreements.writing import price_id_of, store, write_events
from billing.cap.plan import Verdict
from billing.dates import civil_date
from billing.quotes.agreement import Agreement, load_agreements
from billing.quotes.bills import Bill
from billing.quotes.books import load_situation
from billing.quotes.cap import planned
from billing.quotes.confirming import Confirmed, confirm
from billing.quotes.pinned import Quote
from billing.quotes.values import Account
from billing.store.brake import load_brake
from billing.store.locking import lock_with_permission
from billing.store.merchants import Merchant
from billing.store.notices import change_notices, write_notices
from billing.store.rows import Row, fetch, insert_unless_known, table_of
from billing.tables import ChargePermissionRow, QuoteRow, SubscriptionRow
from plans import TaxedYen
from plans.lifecycle import Event, Policy, Subscription, value_from_json, value_to_json

__all__ = [
    "Confirmation",
    "Decided",
    "change_declined",
    "change_paid",
    "confirm_quote",
    "keep_quote",
    "locked_subscription",
    "make_change",
    "quote_from_text",
]

_quotes = table_of(QuoteRow)
_permissions = table_of(ChargePermissionRow)
_subscriptions = table_of(SubscriptionRow)

_DEFAULT_POLICY = Policy()


@dataclass(frozen=True, slots=True)
class Decided:
    """What a change brings about: events, the state after them, and bills still to be written.

    `credit_before` is the credit to put back when the charge of the change is declined, `charged`
    are the bills that were written for that charge before.
    """

    events: tuple[Event, ...]
    subscription: Subscription
    account: Account
    bills: tuple[Bill, ...]
    credit_before: tuple[TaxedYen, ...] = ()
    charged: tuple[Bill, ...] = ()


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What confirming did: `charging` (see `slot_ids`) or `confirmed`; `refund_yen` go back."""

    quote_id: str
    subscription_id: str
    state: str
    slot_ids: tuple[int, ...] = ()
    refund_yen: int = 0


def keep_quote(connection: Connection, merchant: Merchant, quote: Quote) -> None:
    """Store a quote so that it can be confirmed; storing it again changes nothing."""
    owner = (
        select(_subscriptions.c.id)
        .where(_subscriptions.c.merchant_id == merchant.id)
        .where(_subscriptions.c.external_id == quote.subscription_id)
    )
    row = {
        "merchant_id": merchant.id,
        "id": quote.quote_id,
        "subscription_id": connection.execute(owner).scalar_one(),
        "state": "open",
        "asked_at": quote.asked_at,
        "expires_at": quote.expires_at,
        "body": value_to_json(quote),
    }
    insert_unless_known(connection, _quotes, [row])


def quote_from_text(text: str) -> Quote:
    """Read a stored quote; the instants that people read are in the merchant's zone again."""
    quote = value_from_json(Quote, text)
    zone = ZoneInfo(quote.rules.timezone)
    deadline = None if quote.deadline is None else quote.deadline.astimezone(zone)
    return replace(quote, deadline=deadline, expires_at=quote.expires_at.astimezone(zone))


def confirm_quote(
    connection: Connection,
    merchant: Merchant,
    *,
    quote_id: str,
    at: datetime,
    policy: Policy = _DEFAULT_POLICY,
) -> Confirmation:
    """Confirm a stored quote: that very amount, or nothing. Confirming it again does nothing.

    Raises UnknownQuote, QuoteOver, ChangeUnderWay, PermissionNotReady, ChargingStopped, and what
    `billing.quotes.confirm` raises: StaleQuote with the new quote, or CapRefuses.
    """
    row = locked_subscription(connection, _owner_of(connection, merchant, quote_id))
    stored = _locked_quote(connection, merchant, quote_id)
    quote = quote_from_text(stored["body"])
    if stored["state"] == "declined":
        raise QuoteOver(quote_id, stored["result"] or "declined")
    if stored["state"] != "open":
        return Confirmation(quote_id, quote.subscription_id, stored["state"])
    before = _agreement_now(connection, merchant, row, quote, at)
    situation = load_situation(
        connection, merchant, subscription_id=quote.subscription_id, at=at, rules=quote.rules
    )
    on = civil_date(at=at, timezone=merchant.timezone)
    confirmed = confirm(quote, situation, on=on, at=at, policy=policy)
    if before is None:
        if situation.subscription is None:
            raise AssertionError(f"subscription {quote.subscription_id} without a value")
        before = Agreement(situation.subscription, situation.account)
    decided = Decided(
        events=confirmed.events,
        subscription=confirmed.subscription,
        account=confirmed.account,
        bills=tuple(bill for bill in confirmed.bills if bill.cycle is None),
        credit_before=before.account.credit,
    )
    if _is_charged_first(quote, confirmed, decided):
        if row["permission_state"] != "Chargeable":
            raise PermissionNotReady(row["amazon_id"], row["state_reason"] or "")
        brake = load_brake(connection, merchant.id)
        if brake.is_pulled:
            raise ChargingStopped(brake.words)
        return _charge_first(connection, merchant, row, before, decided, quote, at)
    made = make_change(connection, merchant, row, before, decided, at=at)
    _settle_quote(connection, merchant, quote_id, at, state="confirmed")
    return Confirmation(
        quote_id,
        quote.subscription_id,
        "confirmed",
        tuple(each.slot_id for each in made if each.slot_id is not None),
        _refund_yen(decided.bills),
    )


def make_change(
    connection: Connection,
    merchant: Merchant,
    row: Row,
    before: Agreement,
    decided: Decided,
    *,
    at: datetime,
) -> list[Invoiced]:
    """Write events, agreement and bills of a change that takes effect."""
    write_events(connection, row, before.subscription, decided.events)
    write_notices(connection, change_notices(row, decided.events, at=at))
    after = replace(
        before,
        subscription=decided.subscription,
        account=decided.account,
        pending_quote_id=None,
    )
    price_id = price_id_of(connection, merchant, decided.subscription)
    store(connection, merchant, row, after, price_id=price_id)
    invoiced = write_bills(
        connection,
        merchant,
        row,
        decided.subscription,
        decided.bills,
        at=at,
        price_id=price_id,
        declined=before.declined,
        written=decided.charged,
        lapsed_credit_yen=_lapsed_yen(before.account, decided),
    )
    pay_back(connection, merchant, row, decided.events, _refund_yen(decided.bills), at=at)
    return invoiced


def change_paid(connection: Connection, merchant: Merchant, row: Row, *, at: datetime) -> None:
    """The charge of the waiting change is captured: now it takes effect."""
    before, stored = _waiting(connection, merchant, row)
    decided = value_from_json(Decided, stored["outcome"])
    make_change(connection, merchant, row, before, decided, at=at)
    _settle_quote(connection, merchant, stored["id"], at, state="confirmed")


def change_declined(
    connection: Connection, merchant: Merchant, row: Row, *, at: datetime, reason: str
) -> None:
    """The charge of the waiting change will not happen: everything is as it was."""
    before, stored = _waiting(connection, merchant, row)
    decided = value_from_json(Decided, stored["outcome"])
    account = replace(before.account, credit=decided.credit_before)
    restored = replace(before, account=account, pending_quote_id=None, declined=before.declined + 1)
    store(connection, merchant, row, restored, price_id=row["price_id"])
    _settle_quote(connection, merchant, stored["id"], at, state="declined", result=reason)


def _waiting(connection: Connection, merchant: Merchant, row: Row) -> tuple[Agreement, Row]:
    agreement = load_agreements(connection, [row["id"]])[row["id"]]
    if agreement.pending_quote_id is None:
        raise AssertionError(f"subscription {row['external_id']} has no change that waits")
    return agreement, _locked_quote(connection, merchant, agreement.pending_quote_id)


def _charge_first(
    connection: Connection,
    merchant: Merchant,
    row: Row,
    before: Agreement,
    decided: Decided,
    quote: Quote,
    at: datetime,
) -> Confirmation:
    """Invoice what is charged today and let the rest wait for the money."""
    charged = tuple(bill for bill in decided.bills if bill.charge_yen)
    rest = tuple(bill for bill in decided.bills if not bill.charge_yen)
    # Credit that pays a part is taken at once, so that nothing else can use it meanwhile.
    account = replace(before.account, credit=_after_use(before.account.credit, charged))
    price_id = price_id_of(connection, merchant, decided.subscription)
    invoiced = write_bills(
        connection,
        merchant,
        row,
        decided.subscription,
        charged,
        at=at,
        price_id=price_id,
        declined=before.declined,
    )
    waiting = replace(before, account=account, pending_quote_id=quote.quote_id)
    store(connection, merchant, row, waiting, price_id=row["price_id"])
    outcome = value_to_json(replace(decided, bills=rest, charged=charged))
    statement = update(_quotes).where(*_is(merchant, quote.quote_id))
    connection.execute(statement.values(state="charging", outcome=outcome))
    return Confirmation(
        quote.quote_id,
        quote.subscription_id,
        "charging",
        tuple(each.slot_id for each in invoiced if each.slot_id is not None),
        _refund_yen(rest),
    )


def _after_use(credit: Sequence[TaxedYen], bills: Sequence[Bill]) -> tuple[TaxedYen, ...]:
    """Take what bills use from the oldest credit."""
    open_yen = sum(bill.credit_used_yen for bill in bills)
    left = []
    for lot in credit:
        taken = min(lot.amount_yen, open_yen)
        open_yen -= taken
        if lot.amount_yen > taken:
            left.append(replace(lot, amount_yen=lot.amount_yen - taken))
    return tuple(left)


def _is_charged_first(quote: Quote, confirmed: Confirmed, decided: Decided) -> bool:
    """Money is due now and the cap has room for it now."""
    today = {charge.id for charge in planned(confirmed.subscription.id, decided.bills)}
    verdicts = [row.verdict for row in quote.cap.after if row.charge.id in today]
    return bool(today) and all(verdict is Verdict.OK for verdict in verdicts)


def _agreement_now(
    connection: Connection, merchant: Merchant, row: Row, quote: Quote, at: datetime
) -> Agreement | None:
    found = load_agreements(connection, [row["id"]]).get(row["id"])
    if found is not None and found.pending_quote_id is not None:
        raise ChangeUnderWay(quote.subscription_id, found.pending_quote_id)
    return found


def _owner_of(connection: Connection, merchant: Merchant, quote_id: str) -> int:
    """Read whose quote it is without locking it: the permission is locked before everything."""
    statement = select(_quotes.c.subscription_id).where(*_is(merchant, quote_id))
    row_id: int | None = connection.execute(statement).scalar()
    if row_id is None:
        raise UnknownQuote(quote_id)
    return row_id


def _locked_quote(connection: Connection, merchant: Merchant, quote_id: str) -> Row:
    statement = select(_quotes).where(*_is(merchant, quote_id)).with_for_update()
    rows = fetch(connection, statement)
    if not rows:
        raise UnknownQuote(quote_id)
    return rows[0]


def locked_subscription(connection: Connection, row_id: int) -> Row:
    """Lock permission, then subscription: the order of every transaction that charges."""
    lock_with_permission(connection, row_id)
    statement = (
        select(
            _subscriptions,
            _permissions.c.amazon_id,
            _permissions.c.state.label("permission_state"),
            _permissions.c.state_reason,
        )
        .join(_permissions, _permissions.c.id == _subscriptions.c.permission_id)
        .where(_subscriptions.c.id == row_id)
    )
    return fetch(connection, statement)[0]


def _settle_quote(
    connection: Connection,
    merchant: Merchant,
    quote_id: str,
    at: datetime,
    *,
    state: str,
    result: str | None = None,
) -> None:
    statement = update(_quotes).where(*_is(merchant, quote_id))
    connection.execute(statement.values(state=state, result=result, settled_at=at))


def _is(merchant: Merchant, quote_id: str) -> tuple[Any, Any]:
    return _quotes.c.merchant_id == merchant.id, _quotes.c.id == quote_id


def _refund_yen(bills: Sequence[Bill]) -> int:
    return sum(bill.refund_yen + bill.credit_refund_yen for bill in bills)


def _lapsed_yen(before: Account, decided: Decided) -> int:
    """Give the open credit that nobody gets: what the bills leave of it and the account lost."""
    had = sum(lot.amount_yen for lot in before.credit)
    moved = sum(b.credit_yen - b.credit_used_yen - b.credit_refund_yen for b in decided.bills)
    return had + moved - sum(lot.amount_yen for lot in decided.account.credit)
