"""A question worked out: decided, settled, and looked at twelve months ahead."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from billing.quotes.asking import completed
from billing.quotes.bills import Bill
from billing.quotes.cap import CapOutlook, cap_outlook, planned
from billing.quotes.effective import effective_on
from billing.quotes.inputs import Inputs, inputs_of
from billing.quotes.projecting import happened, open_days_settled, projected, year_after
from billing.quotes.values import Account, Situation
from plans import BadInput
from plans.lifecycle import (
    Actor,
    AddAddOn,
    AddCoupon,
    Cancel,
    ChangeAddOn,
    ChangeAnchor,
    ChangeNextDate,
    ChangePlan,
    ChangeQuantity,
    Command,
    Create,
    EndTrialEarly,
    Event,
    ExtendTrial,
    Pause,
    Policy,
    Reactivate,
    RemoveAddOn,
    RemoveCoupon,
    Resume,
    SkipCycles,
    Subscription,
    Undo,
    decide,
)

__all__ = ["Answer", "answered"]

_ASKED_BY_PEOPLE = (
    *(Create, EndTrialEarly, ExtendTrial, ChangePlan, ChangeQuantity, AddAddOn, ChangeAddOn),
    *(RemoveAddOn, AddCoupon, RemoveCoupon, SkipCycles, ChangeNextDate, ChangeAnchor, Pause),
    *(Resume, Cancel, Undo, Reactivate),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """A question worked out: what was decided, and everything that follows from it."""

    command: Command
    events: tuple[Event, ...]
    subscription: Subscription
    effective_on: date
    account: Account
    today: tuple[Bill, ...]
    coming: tuple[Bill, ...]
    coming_before: tuple[Bill, ...]
    cap: CapOutlook
    inputs: Inputs


def answered(
    situation: Situation,
    command: Command,
    *,
    policy: Policy,
    on: date,
    at: datetime,
    actor: Actor,
    reason: str,
    quote_id: str | None = None,
) -> Answer:
    """Decide a command, settle it, and look twelve months ahead, with it and without it.

    Raises what `decide` and the catalogue refuse, and BadInput for a command that no person
    gives or while an invoice of the running cycle is unpaid.
    """
    _check_askable(situation, command)
    until = year_after(on)
    full = completed(situation, command, policy=policy, on=on)
    events = decide(
        situation.subscription,
        full,
        actor=actor,
        reason=reason,
        at=at,
        on=on,
        policy=policy,
        quote_id=quote_id,
    )
    was = situation.subscription
    account, after, settled = happened(situation, situation.account, was, events)
    going_on = open_days_settled(after, settled, on=on, policy=policy)
    ahead = projected(situation, account, going_on, on=on, until=until, policy=policy)
    before: tuple[Bill, ...] = ()
    if was is not None:
        before = projected(situation, situation.account, was, on=on, until=until, policy=policy)
    bills = (*settled, *ahead)
    return Answer(
        command=full,
        events=events,
        subscription=after,
        effective_on=effective_on(situation, events, on=on),
        account=account,
        today=tuple(bill for bill in bills if bill.on <= on),
        coming=tuple(bill for bill in bills if bill.on > on),
        coming_before=before,
        cap=cap_outlook(
            situation, before=planned(after.id, before), after=planned(after.id, bills)
        ),
        inputs=inputs_of(situation, command, policy=policy, on=on, actor=actor, reason=reason),
    )


def _check_askable(situation: Situation, command: Command) -> None:
    if not isinstance(command, _ASKED_BY_PEOPLE):
        raise BadInput(
            field="command",
            value=type(command).__name__,
            rule="a quote answers what a customer or the back office may ask",
            remedy="report events of Amazon and of the engine to `decide`",
        )
    subscription = situation.subscription
    if subscription is None or situation.invoiced_cycle != subscription.next_cycle:
        return
    raise BadInput(
        field="subscription",
        value=subscription.id,
        rule=f"cycle {situation.invoiced_cycle} is invoiced and not settled yet",
        remedy="wait for the outcome of its charge, or settle it, then ask again",
    )
