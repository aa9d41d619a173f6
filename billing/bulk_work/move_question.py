"""One agreement of a bulk move: the question that is asked of it, and what the answer would do.

Dry run and deed ask the very same question; the deed acts only where its answer is still the one
that the staff has seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any

from sqlalchemy import Connection

from billing.bulk_work.move_terms import MoveTerms, MoveWhat, MoveWhen
from billing.bulk_work.values import BulkJob
from billing.catalogue.monthly import monthly_yen
from billing.dates import civil_date
from billing.quotes import CapRow, Quote, Situation, load_situation, plan_change, quote
from billing.quotes.agreed import agreed, price_ref, price_ref_text
from billing.store.merchants import Merchant
from plans import Price, Rounding, cycle_on_or_after, cycle_start, round_yen
from plans.lifecycle import (
    Actor,
    ChangePlan,
    ChangeQuantity,
    Subscription,
    Timing,
    period_end,
)

__all__ = ["Answer", "LeftOut", "ask_agreement", "staff_reason"]

# What protects the customer; the other guards are about what customers may do by themselves.
_PROTECTS = ("minimum_term", "deadline_passed")

Command = ChangePlan | ChangeQuantity


class LeftOut(Exception):
    """The move is not for this agreement: `reason` is a word, `detail` a name or a figure."""

    def __init__(self, reason: str, detail: str | None = None) -> None:
        self.reason = reason
        self.detail = detail
        super().__init__(f"left out: {reason} {detail or ''}".rstrip())


@dataclass(frozen=True, slots=True)
class Answer:
    """What moving one agreement would do.

    `monthly_yen` is by how much it is worth more or less a month, whole yen, rounded towards 0.
    `cap` is the first charge that does not fit as it is due, and would without the move.
    """

    quote: Quote
    before: dict[str, Any]
    will: dict[str, Any]
    monthly_yen: int
    cap: CapRow | None


def staff_reason(job: BulkJob, reason: str) -> str:
    """What the history of an agreement says: who decided, why, and by which bulk work."""
    return f"{job.decided_by or job.asked_by}: {reason} ({job.id})"


def ask_agreement(
    connection: Connection, merchant: Merchant, job: BulkJob, *, subscription_id: str, at: datetime
) -> Answer:
    """Ask what the job would do to one agreement; nothing is written.

    Raises `LeftOut`, what quotes raise (`PlansError`), and UnknownSubscription.
    """
    terms = MoveTerms.of(job.terms)
    on = civil_date(at=at, timezone=merchant.timezone)
    view = load_situation(connection, merchant, subscription_id=subscription_id, at=at)
    was = view.subscription
    if was is None:
        raise AssertionError(f"subscription {subscription_id} without a value")
    command = _command(view, was, terms, on)
    reason = staff_reason(job, terms.reason)
    found = quote(view, command, on=on, at=at, actor=Actor.STAFF, reason=reason)
    old, new, seats = _prices(view, was, command, found.effective_on)
    if price_ref_text(old) == price_ref_text(new) and seats == was.quantity:
        raise LeftOut("move_same")
    _check_allowed(terms, found, on, is_dearer=_dearer(old, was.quantity, new, seats))
    change = _worth(new, seats) - _worth(old, was.quantity)
    cap = _cap_met(found)
    before = {"plan": old.plan_code, "price": price_ref_text(old), "quantity": was.quantity}
    will: dict[str, Any] = {
        "plan": new.plan_code,
        "price": price_ref_text(new),
        "quantity": seats,
        "on": found.effective_on.isoformat(),
        "today_yen": found.charge_today_yen,
        "credit_yen": found.credit_yen,
        "next_yen": 0 if found.next_charge is None else found.next_charge.charge_yen,
    }
    if cap is not None:
        will["cap"] = [cap.charge.on.isoformat(), cap.charge.amount_yen, cap.verdict.value]
    return Answer(found, before, will, round_yen(change, Rounding.FLOOR), cap)


def _command(view: Situation, was: Subscription, terms: MoveTerms, on: date) -> Command:
    timing, on_date = _timing(was, terms, on)
    now = agreed(view.catalogue, was, on=on).price
    if terms.what is MoveWhat.QUANTITY:
        if terms.quantity == was.quantity:
            raise LeftOut("move_same")
        return plan_change(
            view,
            plan_code=was.plan_code,
            on=on,
            quantity=terms.quantity,
            timing=timing,
            on_date=on_date,
        )
    if terms.what is MoveWhat.PLAN and terms.plan == now.plan_code:
        raise LeftOut("move_same")
    code = terms.plan if terms.what is MoveWhat.PLAN else now.plan_code
    made = plan_change(view, plan_code=code, on=on, timing=timing, on_date=on_date)
    if isinstance(made, ChangePlan) and made.price_ref == price_ref_text(now):
        raise LeftOut("move_same")
    return made


def _timing(was: Subscription, terms: MoveTerms, on: date) -> tuple[Timing, date | None]:
    """The end of the running period wherever that is late enough: nothing is settled by days."""
    if terms.when is MoveWhen.NOW:
        return Timing.NOW, None
    if terms.when is MoveWhen.RENEWAL or terms.from_day is None:
        return Timing.PERIOD_END, None
    if period_end(was, on=on) >= terms.from_day:
        return Timing.PERIOD_END, None
    cycle = cycle_on_or_after(anchor=was.anchor, interval=was.interval, on=terms.from_day)
    day = cycle_start(anchor=was.anchor, interval=was.interval, cycle=cycle)
    return Timing.ON_DATE, day


def _prices(
    view: Situation, was: Subscription, command: Command, effective_on: date
) -> tuple[Price, Price, int]:
    """The price before the move, that after it, and the seats after it."""
    # By the day before: a price migration of that very day is no part of the move.
    old = agreed(view.catalogue, was, on=effective_on - timedelta(days=1)).price
    if isinstance(command, ChangeQuantity):
        return old, old, command.quantity
    seats = was.quantity if command.quantity is None else command.quantity
    return old, view.catalogue.price_of(price_ref(command.price_ref)), seats


def _check_allowed(terms: MoveTerms, found: Quote, on: date, *, is_dearer: bool) -> None:
    guarded = [code for code in found.overridden if code in _PROTECTS]
    if guarded and not terms.sets_aside:
        raise LeftOut(f"move_{guarded[0]}")
    if found.refund_yen:
        # Money goes back by the desk of refunds, one charge at a time and by two people.
        raise LeftOut("move_refund", str(found.refund_yen))
    if not found.cap.allows:
        blocked = _cap_met(found)
        raise LeftOut("move_cap", "" if blocked is None else str(blocked.charge.amount_yen))
    too_soon = (found.effective_on - on).days < terms.notice_days
    if is_dearer and too_soon and not terms.agreed:
        raise LeftOut("move_notice", str(terms.notice_days))


def _cap_met(found: Quote) -> CapRow | None:
    """The first charge that meets the cap only because of the move."""
    before = {(row.charge.id, row.charge.on) for row in found.cap.before if _hits(row)}
    new = [row for row in found.cap.hits if (row.charge.id, row.charge.on) not in before]
    return min(new, key=lambda row: (row.charge.on, row.charge.id), default=None)


def _hits(row: CapRow) -> bool:
    return row.verdict.value != "ok"


def _dearer(old: Price, old_seats: int, new: Price, seats: int) -> bool:
    return _worth(new, seats) > _worth(old, old_seats)


def _worth(price: Price, seats: int) -> Fraction:
    """What an agreement is worth by the month, as the figures of growth count it."""
    return monthly_yen(
        amount_yen=price.cycle_yen(quantity=seats),
        interval_unit=str(price.interval.unit),
        interval_count=price.interval.count,
        quantity=1,
    )
