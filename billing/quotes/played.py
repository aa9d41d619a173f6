"""A situation from what happened: each paid cycle buys its time, each change is settled."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from billing.quotes.projecting import happened
from billing.quotes.renewing import renewed
from billing.quotes.values import Situation
from plans.lifecycle import CyclePaid, Event

__all__ = ["played"]


def played(view: Situation, events: Iterable[Event]) -> Situation:
    """Let stored events happen to a situation: subscription, paid time and credit after them.

    What every cycle cost is worked out as when it was charged, and every change is taken to have
    been paid as quoted. Raises what `evolve` and the catalogue refuse (PlansError).
    """
    account, was = view.account, view.subscription
    for event in events:
        if was is not None and isinstance(event.fact, CyclePaid):
            account, _ = renewed(view, account, was, on=event.on)
        account, was, _ = happened(view, account, was, (event,))
    return replace(
        view,
        subscription=was,
        paid=account.parts,
        received=account.received,
        credit=account.credit,
        waiting=account.waiting,
        usage=account.usage,
        closed=account.closed,
    )
