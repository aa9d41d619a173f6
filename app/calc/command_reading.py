"""One command of a subscription's life out of a line.

Where the line has a price list, `create` and `change_plan` need only the plan: price, interval,
anchor, trial, minimum term and direction are taken from the list.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, ClassVar

from app.calc.catalogue_reading import dated
from app.calc.reading import Input, Refusal
from app.calc.typed_reading import located, read_as
from billing import CapRule
from billing.quotes import CapRoom, QuoteRules, Situation, plan_change, price_ref_text
from plans import Catalogue
from plans.lifecycle import COMMANDS, ChangePlan, Command, Create, Subscription, Timing

__all__ = ["read_command"]

_BY_KIND = {command.kind: command for command in COMMANDS}
# What a change of plan must say itself when there is no price list to ask.
_WORKED_OUT = frozenset({"replaces", "price_ref", "direction"})
_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class _PlanNamed:
    """A change of plan of which only the plan is told; the rest is worked out."""

    kind: ClassVar[str] = ChangePlan.kind
    plan_code: str
    quantity: int | None = None
    timing: Timing | None = None
    on_date: date | None = None


def read_command(
    given: Input,
    *,
    on: date,
    subscription: Subscription | None,
    catalogue: Catalogue | None,
    rules: QuoteRules | None,
) -> Command:
    """Read a command by its `kind`; raises Refusal that names the path of the fault.

    `on` is the day it is given and `subscription` what it is given to.
    """
    wanted = _BY_KIND.get(given.text("kind"))
    if wanted is None:
        raise Refusal(given.at("kind"), f"unknown command; use one of {', '.join(_BY_KIND)}")
    if catalogue is not None and wanted is Create:
        return read_as(Create, given, defaults=_as_sold(given, catalogue))
    by_list = wanted is ChangePlan and not _WORKED_OUT & given.values.keys()
    if catalogue is not None and by_list and subscription is not None:
        return _plan_change(given, on, subscription, catalogue, rules or QuoteRules())
    command: Command = read_as(wanted, given)
    return command


def _as_sold(given: Input, catalogue: Catalogue) -> dict[str, Any]:
    """Give the terms that a plan is sold on, for all that a sign-up leaves out."""
    code, starts_on = given.text("plan_code"), dated(given, "starts_on")
    with located(given.at("plan_code")):
        plan, price = catalogue.plan(code), catalogue.price_on(code, starts_on)
    has_trial = {"trial_days", "trial_ends_on"} & given.values.keys()
    last_free = None if has_trial else price.trial_until
    return {
        "price_ref": price_ref_text(price),
        "interval": price.interval,
        "anchor_rule": plan.anchor_rule,
        "anchor_day": plan.anchor_day,
        "trial_days": 0 if has_trial else price.trial_days,
        "trial_ends_on": None if last_free is None else last_free + _ONE_DAY,
        "minimum_cycles": price.minimum_cycles,
        "first_period": plan.first_period,
    }


def _plan_change(
    given: Input, on: date, subscription: Subscription, catalogue: Catalogue, rules: QuoteRules
) -> Command:
    """Work a change of plan out from the price list, as `autopay quote change` does."""
    named = read_as(_PlanNamed, given)
    # The cap has no say in what a plan change is.
    view = Situation(
        subscription=subscription,
        catalogue=catalogue,
        cap=CapRoom(0, CapRule.REFUSE),
        rules=rules,
    )
    with located(given.path):
        return plan_change(
            view,
            plan_code=named.plan_code,
            on=on,
            quantity=named.quantity,
            timing=named.timing,
            on_date=named.on_date,
        )
