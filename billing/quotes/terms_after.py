"""What will be agreed once a quote is confirmed, for the screen on which people agree to it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from billing.quotes.agreed import agreed
from billing.quotes.asking import existing
from billing.quotes.pinned import Quote
from billing.quotes.values import Situation
from plans import CancellationFee, Plan, Price, cancellation_fee
from plans.lifecycle import ChangePlan, ChangeQuantity, Subscription

__all__ = ["TermsAfter", "terms_after"]


@dataclass(frozen=True, slots=True)
class TermsAfter:
    """Plan, price and seats after a change, and how it can be left again.

    `owed_cycles` are paid cycles of the minimum term still to come. `free_from` is the day from
    which nothing more is owed: the end of what is paid then, None where the twelve months of the
    quote do not reach it. `leaving_fee` is what leaving costs while all of them are owed.
    """

    plan: Plan
    price: Price
    quantity: int
    owed_cycles: int
    free_from: date | None
    leaving_fee: CancellationFee


def terms_after(situation: Situation, quote: Quote) -> TermsAfter:
    """Work out what a quote leads to; `situation` is the one that it was asked in.

    Raises BadInput without a subscription, and what the catalogue lacks (UnknownPlan, NoPriceYet).
    """
    after = _changed(existing(situation), quote)
    terms = agreed(situation.catalogue, after, on=quote.effective_on)
    owed = after.cycles_owed
    cycles = [bill.on for bill in (*quote.today, *quote.coming) if bill.cycle is not None]
    return TermsAfter(
        plan=terms.plan,
        price=terms.price,
        quantity=after.quantity,
        owed_cycles=owed,
        free_from=cycles[owed] if owed < len(cycles) else None,
        leaving_fee=cancellation_fee(
            price=terms.price,
            quantity=after.quantity,
            cycles_done=max(0, terms.price.minimum_cycles - owed),
        ),
    )


def _changed(was: Subscription, quote: Quote) -> Subscription:
    """The agreement with the plan and the seats of a change, be it made today or later."""
    match quote.decided:
        case ChangePlan() as change:
            # What was agreed stays owed; a new plan can lengthen the term, never shorten it.
            owed = max(was.cycles_owed, change.minimum_cycles)
            return replace(
                was,
                plan_code=change.plan_code,
                price_ref=change.price_ref,
                quantity=was.quantity if change.quantity is None else change.quantity,
                minimum_cycles=was.cycles_done + owed if owed else was.minimum_cycles,
            )
        case ChangeQuantity() as change:
            return replace(was, quantity=change.quantity)
        case _:
            return was
