"""Agreements from outside: the whole life of a subscription, its term, and the price of leaving."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from itertools import islice
from types import MappingProxyType
from typing import Any

from app.calc.catalogue_reading import PRICE_LIST, QUANTITY_MOST, dated, price_list
from app.calc.lifecycle_reading import Step, event_record, read_policy, steps
from app.calc.reading import Input, Refusal
from app.calc.typed_reading import located, refusal_record, written
from plans import (
    Catalogue,
    Price,
    PriceRef,
    cancellation_fee,
    minimum_term_remaining,
)
from plans.lifecycle import (
    Policy,
    Subscription,
    charge_on,
    coming_charges,
    next_due,
    remaining_cycles,
)

__all__ = ["OPERATORS"]

_Answer = dict[str, Any]

# More paid cycles than anyone agrees to.
_CYCLES_MOST = 10_000
# The charges of some years are a plan; those of a lifetime of days would only be a long answer.
_COMING_MOST = 1_000


def _life(request: Input) -> _Answer:
    """Carry out commands in order: events or the refusal of each, and the value at the end."""
    request.only("op", "commands", "policy", "coming_before", *PRICE_LIST)
    policy = read_policy(request)
    found = steps(request, policy=policy, catalogue=_catalogue(request))
    subscription = found[-1].after if found else None
    answer: _Answer = {
        "commands": [_step(step) for step in found],
        "subscription": None if subscription is None else _subscription(subscription),
    }
    if "coming_before" in request.values:
        answer["coming"] = _coming(subscription, dated(request, "coming_before"))
    return answer


def _catalogue(request: Input) -> Catalogue | None:
    return price_list(request) if any(key in request.values for key in PRICE_LIST) else None


def _step(step: Step) -> _Answer:
    if step.refused is not None:
        return {"refused": refusal_record(step.refused)}
    return {"events": [event_record(event) for event in step.events]}


def _subscription(value: Subscription) -> _Answer:
    """Write the value with what follows from it."""
    return {
        **written(value),
        "next_charge_on": _day_or_null(charge_on(value)),
        "next_due_on": _day_or_null(next_due(value)),
        "cycles_owed": value.cycles_owed,
    }


def _day_or_null(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _coming(subscription: Subscription | None, before: date) -> list[_Answer]:
    if subscription is None:
        return []
    charges = islice(coming_charges(subscription, before=before), _COMING_MOST)
    return [{"cycle": cycle, "on": on.isoformat()} for cycle, on in charges]


def _minimum_term(request: Input) -> _Answer:
    """Count the paid cycles that are still owed: by numbers, or for a life of commands."""
    if "commands" not in request.values:
        request.only("op", "minimum_cycles", "cycles_done")
        left = minimum_term_remaining(
            minimum_cycles=request.whole("minimum_cycles", least=0, most=_CYCLES_MOST),
            cycles_done=request.whole("cycles_done", least=0, most=_CYCLES_MOST),
        )
        return {"cycles_left": left}
    request.only("op", "commands", "policy", "on", *PRICE_LIST)
    value = _lived(request, read_policy(request))
    on = dated(request, "on")
    return {
        "minimum_cycles": value.minimum_cycles,
        "cycles_done": value.cycles_done,
        "cycles_left": remaining_cycles(value, on=on),
        "free_to_leave_on": _free_from(value, on),
    }


def _lived(request: Input, policy: Policy) -> Subscription:
    value: Subscription | None = None
    for step in steps(request, policy=policy, catalogue=_catalogue(request)):
        if step.refused is not None:
            raise Refusal(step.path, f"is refused: {step.refused}")
        value = step.after
    if value is None:
        raise Refusal("commands", "begins with a command of the kind create")
    return value


def _free_from(value: Subscription, on: date) -> str | None:
    """Give the first day on which nothing is owed any more; null when no charge brings it."""
    if remaining_cycles(value, on=on) == 0:
        return on.isoformat()
    owed = value.cycles_owed
    days = [day for _, day in islice(coming_charges(value, before=date.max), owed)]
    return (days[-1] + timedelta(days=1)).isoformat() if len(days) == owed else None


def _cancellation_fee(request: Input) -> _Answer:
    """Give the fee for leaving early, by the formula of the price list."""
    request.only("op", "plan", "on", "agreed", "quantity", "cycles_done", *PRICE_LIST)
    fee = cancellation_fee(
        price=_price(request),
        quantity=request.whole("quantity", least=1, most=QUANTITY_MOST, default=1),
        cycles_done=request.whole("cycles_done", least=0, most=_CYCLES_MOST),
    )
    return {
        "fee": fee.yen,
        "cycles_left": fee.cycles_left,
        "category": fee.tax_category.value,
        "explain": {"ja": fee.words_ja, "en": fee.words_en},
    }


def _price(request: Input) -> Price:
    """Find the price agreed, by its first day, or the one sold on a date."""
    catalogue, plan = price_list(request), request.text("plan")
    with located("plan"):
        if "agreed" in request.values:
            return catalogue.price_of(PriceRef(plan, dated(request, "agreed")))
        return catalogue.price_on(plan, dated(request, "on"))


OPERATORS = MappingProxyType[str, Callable[[Input], _Answer]](
    {"life": _life, "minimum_term": _minimum_term, "cancellation_fee": _cancellation_fee}
)
