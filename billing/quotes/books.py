"""Reads a situation from the books: subscription, paid time, and what shares its cap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import Connection, func, select

from billing.cap.plan import PlannedCharge
from billing.catalogue.catalogue_store import load_priced_catalogue
from billing.catalogue.terms import Terms as StoredTerms
from billing.dates import civil_date
from billing.quotes.agreed import agreed, plan_terms
from billing.quotes.agreement import Agreement, load_agreements
from billing.quotes.cap import planned
from billing.quotes.coupons_used import coupons_used
from billing.quotes.projecting import projected, year_after
from billing.quotes.stored import lifecycle_value, permission_of
from billing.quotes.values import Account, CapRoom, OpenDays, PaidPart, QuoteRules, Situation
from billing.store.cap_room import effective_limit_yen
from billing.store.merchants import Merchant
from billing.store.rows import Row, fetch, table_of
from billing.tables import (
    CapMonthRow,
    ChargePermissionRow,
    InvoiceLineRow,
    InvoiceRow,
    SlotRow,
    SubscriptionEventRow,
    SubscriptionRow,
)
from plans import (
    BadInput,
    Catalogue,
    LineKind,
    Month,
    PaidTime,
    Side,
    SubscriptionState,
    TaxCategory,
    TaxedYen,
    Terms,
)
from plans.lifecycle import Policy, Subscription, cycle_days

__all__ = [
    "ENGINE_RULES",
    "ImportedTime",
    "UnknownSubscription",
    "load_situation",
    "unknown_subscription",
    "with_merchant",
]

_subscriptions = table_of(SubscriptionRow)
_permissions = table_of(ChargePermissionRow)
_events = table_of(SubscriptionEventRow)
_slots = table_of(SlotRow)
_invoices = table_of(InvoiceRow)
_lines = table_of(InvoiceLineRow)
_cap_months = table_of(CapMonthRow)

_UNPAID = ("due", "open", "authorized", "waiting_buyer", "refused", "quarantined")
_COMES = ("due", "waiting_buyer")
_PLAN_KINDS = (LineKind.PLAN, LineKind.FIRST_CYCLE, LineKind.CYCLE_PRICE)

# The engine charges nothing between a resumption and the next cycle.
ENGINE_RULES = QuoteRules(open_days=OpenDays.FREE)


class ImportedTime(StrEnum):
    """What is taken to be paid of a running cycle that another system charged."""

    PAID = "paid"  # its whole price: the import says the subscription is in order
    UNPAID = "unpaid"


class UnknownSubscription(BadInput):
    """The merchant has no subscription of that id."""


@dataclass(frozen=True, slots=True)
class _Read:
    """What is read once for the whole charge permission."""

    merchant: Merchant
    catalogue: Catalogue
    rules: QuoteRules
    on: date
    rows: tuple[Row, ...]
    terms: Mapping[int, StoredTerms]
    slots: tuple[Row, ...]
    events: Mapping[int, int]
    agreements: Mapping[int, Agreement]
    cap: CapRoom


def load_situation(
    connection: Connection,
    merchant: Merchant,
    *,
    subscription_id: str,
    at: datetime,
    rules: QuoteRules = ENGINE_RULES,
    imported: ImportedTime = ImportedTime.PAID,
) -> Situation:
    """Read what a quote of one subscription rests on, as of the merchant's date at `at`.

    Zone and tax rounding are the merchant's own, whatever `rules` say. Raises UnknownSubscription.
    """
    read = _read(connection, merchant, subscription_id, at, rules)
    (row,) = [row for row in read.rows if row["external_id"] == subscription_id]
    subscription = _value(read, row)
    used = coupons_used(connection, row["permission_id"])
    sharing: list[PlannedCharge] = []
    for other in read.rows:
        if other["id"] != row["id"]:
            sharing.extend(_charges_of(read, other))
    agreement = read.agreements.get(row["id"])
    if agreement is not None:
        view = _situation(read, row, subscription, agreement.account, tuple(sharing))
        return replace(view, coupons_used=used)
    invoice = _invoice_of_running_cycle(connection, row)
    paid, received = _paid_time(
        connection, read, subscription, row["first_cycle"], invoice, imported
    )
    view = _situation(read, row, subscription, Account(paid, received), tuple(sharing))
    return replace(view, coupons_used=used)


def _read(
    connection: Connection,
    merchant: Merchant,
    subscription_id: str,
    at: datetime,
    rules: QuoteRules,
) -> _Read:
    rows = _rows_of_permission(connection, merchant, subscription_id)
    ids = [row["id"] for row in rows]
    on = civil_date(at=at, timezone=merchant.timezone)
    unpaid = select(_slots).where(_slots.c.subscription_id.in_(ids), _slots.c.state.in_(_UNPAID))
    counts = (
        select(_events.c.subscription_id, func.count())
        .where(_events.c.subscription_id.in_(ids))
        .group_by(_events.c.subscription_id)
    )
    catalogue, terms = load_priced_catalogue(connection, merchant.id)
    return _Read(
        merchant=merchant,
        catalogue=catalogue,
        rules=with_merchant(rules, merchant),
        on=on,
        rows=tuple(rows),
        terms=terms,
        slots=tuple(fetch(connection, unpaid.order_by(_slots.c.due_at, _slots.c.id))),
        events={row[0]: row[1] for row in connection.execute(counts)},
        agreements=load_agreements(connection, ids),
        cap=_cap(connection, merchant, rows[0], on),
    )


def _rows_of_permission(
    connection: Connection, merchant: Merchant, subscription_id: str
) -> list[Row]:
    """Read every subscription of the charge permission that the one asked for uses."""
    asked = (
        select(_subscriptions.c.permission_id)
        .where(_subscriptions.c.merchant_id == merchant.id)
        .where(_subscriptions.c.external_id == subscription_id)
        .scalar_subquery()
    )
    statement = (
        select(
            _subscriptions,
            _permissions.c.amazon_id,
            _permissions.c.state.label("permission_state"),
            _permissions.c.state_reason,
            _permissions.c.amount_limit_yen,
        )
        .join(_permissions, _permissions.c.id == _subscriptions.c.permission_id)
        .where(_subscriptions.c.merchant_id == merchant.id)
        .where(_subscriptions.c.permission_id == asked)
        .order_by(_subscriptions.c.id)
    )
    rows = fetch(connection, statement)
    if not rows:
        raise unknown_subscription(merchant, subscription_id)
    return rows


def unknown_subscription(merchant: Merchant, subscription_id: str) -> UnknownSubscription:
    """Say that there is no such subscription, and where to look."""
    return UnknownSubscription(
        field="subscription",
        value=subscription_id,
        rule=f"merchant {merchant.id!r} has no subscription of that id",
        remedy="look it up with autopay charges --search or autopay forecast",
    )


def with_merchant(rules: QuoteRules, merchant: Merchant) -> QuoteRules:
    """Give rules with the zone and the tax rounding of the merchant."""
    return QuoteRules(
        timezone=merchant.timezone,
        tax_rounding=merchant.tax_rounding,
        change=rules.change,
        open_days=rules.open_days,
        credit_at_end=rules.credit_at_end,
        expires_after_minutes=rules.expires_after_minutes,
    )


def _cap(connection: Connection, merchant: Merchant, row: Row, on: date) -> CapRoom:
    """Read what is taken per month; a lower limit learnt from Amazon counts as taken."""
    limit_yen = effective_limit_yen(merchant=merchant, amount_limit_yen=row["amount_limit_yen"])
    statement = (
        select(_cap_months)
        .where(_cap_months.c.permission_id == row["permission_id"])
        .where(_cap_months.c.month >= str(Month.of(on)))
        .order_by(_cap_months.c.month)
    )
    used = []
    for month in fetch(connection, statement):
        learned = month["learned_limit_yen"]
        lowered = 0 if learned is None else max(0, limit_yen - learned)
        year, number = month["month"].split("-")
        taken = month["used_yen"] + month["held_yen"] + lowered
        used.append((Month(int(year), int(number)), taken))
    return CapRoom(limit_yen, merchant.cap_rule, tuple(used))


def _value(read: _Read, row: Row) -> Subscription:
    """Give the value of a changed agreement, or make that of a plain one from its row."""
    agreement = read.agreements.get(row["id"])
    if agreement is not None:
        return replace(agreement.subscription, permission=permission_of(row))
    return lifecycle_value(
        row,
        read.terms[row["price_id"]],
        timezone=read.merchant.timezone,
        events=read.events.get(row["id"], 0),
    )


def _situation(
    read: _Read,
    row: Row,
    subscription: Subscription,
    account: Account,
    sharing: tuple[PlannedCharge, ...] = (),
) -> Situation:
    agreement = read.agreements.get(row["id"])
    slots = [slot for slot in read.slots if slot["subscription_id"] == row["id"]]
    cycles = [slot for slot in slots if slot["purpose"].split(":")[0] == "renewal"]
    invoiced = {slot["cycle"] for slot in cycles if slot["cycle"] == row["next_cycle"]}
    stopped = row["state"] == "paused" and row["due_at"] is None
    coming = [] if stopped else [slot for slot in slots if slot["state"] in _COMES]
    return Situation(
        subscription=subscription,
        catalogue=read.catalogue,
        cap=read.cap,
        rules=read.rules,
        paid=account.parts,
        received=account.received,
        credit=account.credit,
        waiting=account.waiting,
        usage=account.usage,
        open_charges=tuple(_open_charge(read, row, slot) for slot in coming),
        invoiced_cycle=next(iter(invoiced), None),
        sharing=sharing,
        first_cycle=row["first_cycle"],
        closed=account.closed,
        declined=0 if agreement is None else agreement.declined,
    )


def _open_charge(read: _Read, row: Row, slot: Row) -> PlannedCharge:
    due_on = civil_date(at=slot["due_at"], timezone=read.merchant.timezone)
    waits = slot["state"] == "waiting_buyer"
    resumes = row["resume_on"] if row["state"] == "paused" else None
    on = max(read.on, read.on if waits else due_on, resumes or read.on)
    return PlannedCharge(f"{row['external_id']}/open-{slot['id']}", on, slot["amount_yen"])


def _charges_of(read: _Read, row: Row) -> tuple[PlannedCharge, ...]:
    """List the charges of another subscription: what is invoiced, and its next twelve months."""
    if row["state"] in ("canceled", "pending"):
        return ()
    subscription = _value(read, row)
    agreement = read.agreements.get(row["id"])
    account = Account() if agreement is None else agreement.account
    view = _situation(read, row, subscription, account)
    until = year_after(read.on)
    bills = projected(view, view.account, subscription, on=read.on, until=until, policy=Policy())
    coming = [charge for charge in view.open_charges if charge.on < until]
    return (*coming, *planned(subscription.id, bills))


def _invoice_of_running_cycle(connection: Connection, row: Row) -> Row | None:
    statement = select(_invoices).where(
        _invoices.c.subscription_id == row["id"],
        _invoices.c.cycle == row["next_cycle"] - 1,
        _invoices.c.purpose == "renewal",
    )
    found = fetch(connection, statement)
    return found[0] if found else None


def _paid_time(
    connection: Connection,
    read: _Read,
    subscription: Subscription,
    first_cycle: int,
    invoice: Row | None,
    imported: ImportedTime,
) -> tuple[tuple[PaidPart, ...], tuple[TaxedYen, ...]]:
    """Give the running cycle's paid time: what its invoice took, or what an import says."""
    number = subscription.next_cycle - 1
    if subscription.state is not SubscriptionState.ACTIVE or subscription.period is None:
        return (), ()
    days = cycle_days(subscription, number)
    if read.on >= days.end:
        return (), ()
    if invoice is not None:
        lines = fetch(connection, select(_lines).where(_lines.c.invoice_id == invoice["id"]))
        return _as_invoiced(read, subscription, invoice, lines)
    if imported is ImportedTime.UNPAID:
        return (), ()
    price = agreed(read.catalogue, subscription, on=days.start)
    terms = plan_terms(price, subscription.quantity)
    own_yen = price.price.own_amount_yen(number - first_cycle + 1)
    if own_yen is not None:
        terms = replace(terms, side=Side(own_yen, subscription.quantity))
    time = PaidTime.of_cycle(cycle=days, terms=terms)
    return (PaidPart(None, time),), (TaxedYen(terms.tax_category, time.paid_yen),)


def _as_invoiced(
    read: _Read, subscription: Subscription, invoice: Row, lines: Sequence[Row]
) -> tuple[tuple[PaidPart, ...], tuple[TaxedYen, ...]]:
    """An invoice that is not paid in full gives no credit: unpaid time gives none."""
    if invoice["paid_yen"] < invoice["total_yen"]:
        return (), ()
    days = cycle_days(subscription, subscription.next_cycle - 1)
    names = read.catalogue.plan(subscription.plan_code)
    sums: dict[TaxCategory, int] = {}
    parts: list[PaidPart] = []
    for line in lines:
        category = TaxCategory(line["tax_category"])
        sums[category] = sums.get(category, 0) + line["amount_yen"]
        if line["kind"] in _PLAN_KINDS:
            side = Side(line["unit_yen"], line["quantity"])
            interval = subscription.interval
            terms = Terms(side, interval, category, names.name_ja, names.name_en)
            parts.append(PaidPart(None, PaidTime.of_cycle(cycle=days, terms=terms)))
    received = tuple(TaxedYen(each, yen) for each, yen in sums.items() if yen)
    return tuple(parts), received
