"""Tells customers of a charge days before it happens: once per cycle, with the amount and why.

Who is due soon is found by the index of what is due; who was told already is left out by the
outbox's own key. The amount is that of the very functions that will charge.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, String, cast, exists, or_, select

from billing.agreements.ahead import AgreementsAhead
from billing.catalogue.price_moves import PriceMoves, load_price_moves, terms_in_force
from billing.catalogue.terms import Terms, terms_of
from billing.dates import charge_instant, civil_date
from billing.deliveries.mail_words import line_words
from billing.deliveries.rules import load_notice_rules
from billing.quotes import Bill
from billing.quotes.agreement import Agreement, load_agreements
from billing.store.database import reading, writing
from billing.store.merchants import Merchant
from billing.store.notices import agreement_notice, write_notices
from billing.store.rows import Row, fetch, table_of
from billing.tables import NoticeRow, SubscriptionRow
from plans import Line, PlansError, cycle_lines, cycle_period
from plans.lifecycle import Policy

__all__ = ["tell_upcoming"]

_subscriptions = table_of(SubscriptionRow)
_notices = table_of(NoticeRow)

GOING_ON = ("pending", "trialing", "active", "past_due")
KIND = "upcoming"
SLICE = 200


@dataclass(frozen=True, slots=True)
class _Charge:
    """What one subscription is charged next."""

    on: date
    cycle: int
    amount_yen: int
    why: tuple[tuple[str, str], ...]


def tell_upcoming(engine: Engine, merchant: Merchant, *, at: datetime) -> int:
    """Write a notice for every charge that comes within the merchant's days; returns how many.

    Safe to run at any time and from any number of workers: a cycle is told of once.
    """
    told, after = 0, (datetime.min.replace(tzinfo=at.tzinfo), 0)
    with reading(engine) as connection:
        days = load_notice_rules(connection, merchant.id).upcoming_days
        moves = load_price_moves(connection, merchant.id)
    if days == 0:
        return 0
    on = civil_date(at=at, timezone=merchant.timezone)
    until = charge_instant(on=on + timedelta(days=days + 1), timezone=merchant.timezone, hour=0)
    while True:
        with reading(engine) as connection:
            rows = _due_soon(connection, merchant, at, until, after)
            notices = list(_notices_of(connection, merchant, rows, moves, at, days))
        if notices:
            writing(engine, partial(write_notices, rows=notices))
        told += len(notices)
        if len(rows) < SLICE:
            return told
        after = (rows[-1]["due_at"], rows[-1]["id"])


def _due_soon(
    connection: Connection,
    merchant: Merchant,
    at: datetime,
    until: datetime,
    after: tuple[datetime, int],
) -> list[Row]:
    key = _subscriptions.c.external_id + f"/{KIND}/" + cast(_subscriptions.c.next_cycle, String)
    told = exists().where(_notices.c.merchant_id == merchant.id, _notices.c.dedup_key == key)
    due_at, row_id = after
    behind = or_(
        _subscriptions.c.due_at > due_at,
        (_subscriptions.c.due_at == due_at) & (_subscriptions.c.id > row_id),
    )
    statement = (
        select(_subscriptions)
        .where(_subscriptions.c.merchant_id == merchant.id)
        .where(_subscriptions.c.due_at > at, _subscriptions.c.due_at < until, behind)
        .where(_subscriptions.c.state.in_(GOING_ON), ~told)
        .order_by(_subscriptions.c.due_at, _subscriptions.c.id)
        .limit(SLICE)
    )
    return fetch(connection, statement)


def _notices_of(
    connection: Connection,
    merchant: Merchant,
    rows: Sequence[Row],
    moves: PriceMoves,
    at: datetime,
    days: int,
) -> Iterator[dict[str, Any]]:
    if not rows:
        return
    terms = terms_of(connection, {row["price_id"] for row in rows})
    changed = load_agreements(connection, [row["id"] for row in rows])
    on = civil_date(at=at, timezone=merchant.timezone)
    ahead = AgreementsAhead(connection, merchant, on=on, until=on + timedelta(days=days + 1))
    for row in rows:
        charge = _charge(row, terms, moves, changed.get(row["id"]), ahead, merchant)
        if charge is not None and charge.amount_yen:
            yield _notice(row, charge, at, merchant)


def _charge(
    row: Row,
    terms: dict[int, Terms],
    moves: PriceMoves,
    agreement: Agreement | None,
    ahead: AgreementsAhead,
    merchant: Merchant,
) -> _Charge | None:
    """The next charge; None when nothing is charged then, or it cannot be told yet."""
    try:
        if agreement is not None:
            bills = ahead.charges(agreement, first_cycle=row["first_cycle"])
            return next(
                (_billed(bill, bill.cycle) for bill in bills if bill.cycle is not None), None
            )
        return None if row["cancel_at_period_end"] else _plain(row, terms, moves, merchant)
    except PlansError:
        return None  # a price list that lacks something: the charge itself will say so


def _billed(bill: Bill, cycle: int) -> _Charge:
    why = tuple((line.text_ja, line.text_en) for line in bill.lines)
    return _Charge(bill.on, cycle, bill.charge_yen, why)


def _plain(row: Row, terms: dict[int, Terms], moves: PriceMoves, merchant: Merchant) -> _Charge:
    agreed = terms[row["price_id"]]
    anchor = agreed.anchor(row["anchor_year"], row["anchor_month"], row["anchor_day"])
    period = cycle_period(anchor=anchor, interval=agreed.price.interval, cycle=row["next_cycle"])
    held = terms_in_force(
        agreed=agreed, moves=moves, subscribed_on=row["started_on"], on=period.start
    )
    lines = cycle_lines(
        plan=held.plan,
        price=held.price,
        quantity=row["quantity"],
        cycle=row["next_cycle"],
        first_cycle=row["first_cycle"],
        period=period,
    )
    on = civil_date(at=row["due_at"], timezone=merchant.timezone)
    amount_yen = sum(line.amount_yen for line in lines)
    return _Charge(on, row["next_cycle"], amount_yen, tuple(_words(lines)))


def _words(lines: Iterable[Line]) -> Iterator[tuple[str, str]]:
    for line in lines:
        row = {
            "description_ja": line.description_ja,
            "description_en": line.description_en,
            "quantity": line.quantity,
            "unit_yen": line.unit_yen,
            "amount_yen": line.amount_yen,
        }
        ja, en = line_words(row)
        yield ja.removeprefix("・"), en.removeprefix("- ")


def _notice(row: Row, charge: _Charge, at: datetime, merchant: Merchant) -> dict[str, Any]:
    last_day = charge.on - timedelta(days=Policy().cutoff_days)
    deadline = datetime.combine(last_day, time(23, 59), ZoneInfo(merchant.timezone))
    facts: dict[str, Any] = {
        "on": charge.on.isoformat(),
        "cycle": charge.cycle,
        "why": [list(each) for each in charge.why],
    }
    if deadline > at:
        facts["deadline"] = last_day.isoformat()
    return agreement_notice(
        row, kind=KIND, at=at, step=charge.cycle, amount_yen=charge.amount_yen, facts=facts
    )
