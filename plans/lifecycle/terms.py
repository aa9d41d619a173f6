"""Terms of a subscription (plan, seats, add-ons, coupons) after a change of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import assert_never

from plans.lifecycle.changes import (
    AddOnChange,
    AddOnStep,
    CouponChange,
    CouponStep,
    PlanChange,
    QuantityChange,
)
from plans.lifecycle.refusals import AlreadyDone, Refused
from plans.lifecycle.subscription import Subscription
from plans.lifecycle.values import AddOnHeld, CouponHeld

__all__ = ["TermsChange", "check_changes_something", "check_count", "with_terms"]

TermsChange = PlanChange | QuantityChange | AddOnChange | CouponChange


def with_terms(was: Subscription, change: TermsChange, *, on: date) -> Subscription:
    """Give the value under terms that begin on `on`; raises Refused when they do not fit."""
    match change:
        case PlanChange():
            return _with_plan(was, change)
        case QuantityChange(quantity):
            check_count("quantity", quantity)
            return replace(was, quantity=quantity)
        case AddOnChange():
            return replace(was, add_ons=_add_ons(was, change, on))
        case CouponChange():
            return replace(was, coupons=_coupons(was, change, on))
        case _:
            assert_never(change)


def check_changes_something(was: Subscription, change: TermsChange) -> None:
    """Refuse a change that would leave everything as it is; raises AlreadyDone."""
    match change:
        case PlanChange():
            same_plan = (change.plan_code, change.price_ref) == (was.plan_code, was.price_ref)
            others = (change.interval, change.quantity) != (None, None) or change.restarts
            if same_plan and not others:
                raise AlreadyDone(
                    field="plan", value=change.plan_code, rule="it is on this plan and price"
                )
        case QuantityChange(quantity) if quantity == was.quantity:
            raise AlreadyDone(field="quantity", value=quantity, rule="it has that many seats")
        case AddOnChange(AddOnStep.CHANGE, code, quantity):
            held = next((each.quantity for each in was.add_ons if each.code == code), None)
            if held == quantity:
                raise AlreadyDone(field="quantity", value=quantity, rule=f"it has that many {code}")
        case _:
            pass


def check_count(field: str, value: int) -> None:
    """Refuse a count below 1; raises Refused."""
    if value < 1:
        raise Refused(
            code="bad_count",
            field=field,
            value=value,
            rule=f"{field} is a whole number from 1 up",
            remedy="correct it",
        )


def _with_plan(was: Subscription, change: PlanChange) -> Subscription:
    if change.replaces != was.plan_code:
        raise Refused(
            code="another_plan",
            field="replaces",
            value=change.replaces,
            rule=f"the plan to be replaced on that date is {was.plan_code!r}",
            remedy="ask for a quote against that plan",
        )
    quantity = was.quantity if change.quantity is None else change.quantity
    check_count("quantity", quantity)
    # What was agreed stays owed; a new plan can lengthen the term, never shorten it.
    owed = max(was.cycles_owed, change.minimum_cycles)
    return replace(
        was,
        plan_code=change.plan_code,
        price_ref=change.price_ref,
        quantity=quantity,
        first_period=change.first_period or was.first_period,
        minimum_cycles=was.cycles_done + owed if owed else was.minimum_cycles,
    )


def _add_ons(was: Subscription, change: AddOnChange, on: date) -> tuple[AddOnHeld, ...]:
    held = next((each for each in was.add_ons if each.code == change.code), None)
    agreed_on: date | None
    others = tuple(each for each in was.add_ons if each.code != change.code)
    if change.step is AddOnStep.ADD:
        if held is not None:
            raise _not_so("add_on", change.code, "it is held already", "change its number")
        since, agreed_on = was.next_cycle, on
    elif held is None:
        raise _not_so("add_on", change.code, "it is not held on that date", "add it first")
    else:
        since, agreed_on = held.since_cycle, held.agreed_on
    if change.step is AddOnStep.REMOVE:
        return others
    check_count("quantity", change.quantity)
    return tuple(sorted((*others, AddOnHeld(change.code, change.quantity, since, agreed_on))))


def _coupons(was: Subscription, change: CouponChange, on: date) -> tuple[CouponHeld, ...]:
    codes = {each.code for each in was.coupons}
    if change.step is CouponStep.ADD:
        if change.code in codes:
            raise _not_so("coupon", change.code, "it is on already", "use another one")
        return tuple(sorted((*was.coupons, CouponHeld(change.code, agreed_on=on))))
    if change.code not in codes:
        raise _not_so("coupon", change.code, "it is not on at that date", "add it first")
    return tuple(each for each in was.coupons if each.code != change.code)


def _not_so(field: str, value: str, rule: str, remedy: str) -> Refused:
    return Refused(code=f"{field}_mismatch", field=field, value=value, rule=rule, remedy=remedy)
