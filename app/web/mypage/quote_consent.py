"""What a quote's page shows to be agreed to, drawn once: the same bytes are shown and kept.

The law asks for the same last screen as at a sign-up wherever the terms of a contract change.
"""

from collections.abc import Mapping
from functools import partial

from fastapi import Request

from app.web.mypage.change_view import QuoteView
from app.web.mypage.charge_days import ChargeDays
from app.web.mypage.sign_up_offer import CUTOFF_DAYS, charged_fee, drawn_consent, first_fee
from app.web.mypage.subscription_mine import Held
from app.web.shell import Shell, local_time
from billing.checkouts import ConsentShown
from billing.deliveries import load_notice_rules
from billing.quotes import Quote, Situation, existing, terms_after
from plans import SubscriptionState
from plans.lifecycle import (
    AddAddOn,
    AddCoupon,
    ChangeAddOn,
    ChangePlan,
    ChangeQuantity,
    RemoveAddOn,
    Timing,
)

TEMPLATE = "mypage/quote_terms.html"
NEW_TERMS = (ChangePlan, ChangeQuantity, AddAddOn, ChangeAddOn, RemoveAddOn, AddCoupon)


def quote_shown(
    shell: Shell,
    request: Request,
    held: Held,
    view: QuoteView,
    *,
    heading: str,
    situation: Situation | None,
) -> ConsentShown:
    """Draw what is to be agreed to; the same quote gives the same bytes in the same language.

    `situation` is the one that the quote was asked in; None when nobody can agree to it any more.
    """
    quote = view.quote
    after: Mapping[str, object] = {"terms": None}
    if situation is not None and has_new_terms(quote):
        after = _after(shell, situation, quote)
    return drawn_consent(
        shell,
        request,
        template=TEMPLATE,
        kind=quote.command.kind,
        figures=_figures(quote, view),
        values={
            "heading": heading,
            "held": held,
            "view": view,
            "local": partial(local_time, timezone=shell.merchant.timezone),
            "cutoff_days": CUTOFF_DAYS,
            "rules": shell.read(lambda c: load_notice_rules(c, shell.merchant.id)),
            **after,
        },
    )


def has_new_terms(quote: Quote) -> bool:
    """Whether it changes what is agreed, so that its screen says all of the agreement."""
    return isinstance(quote.decided, NEW_TERMS)


def _after(shell: Shell, situation: Situation, quote: Quote) -> Mapping[str, object]:
    """What is agreed once the quote is confirmed, as the engine says it."""
    was, terms = existing(situation), terms_after(situation, quote)
    is_trial = was.state is SubscriptionState.TRIALING
    fee = terms.leaving_fee
    if is_trial:
        fee = first_fee(price=terms.price, quantity=terms.quantity)
    return {
        "terms": terms,
        "plan_yen": terms.price.cycle_yen(quantity=terms.quantity),
        "option_yen": _option_yen(situation, quote),
        "times": ChargeDays.after(was, terms, quote),
        "at_renewal": getattr(quote.decided, "timing", None) is Timing.PERIOD_END,
        "first": next((bill for bill in quote.coming if bill.cycle is not None), None),
        "is_trial": is_trial,
        "ends_on": None if was.cancellation is None else was.cancellation.on,
        "is_paused": was.state is SubscriptionState.PAUSED,
        "early_fee": charged_fee(shell, fee),
    }


def _option_yen(situation: Situation, quote: Quote) -> int | None:
    """What an option costs in every cycle that is new; the next charge alone may be none."""
    new = quote.decided
    if not isinstance(new, AddAddOn):
        return None
    return situation.catalogue.add_on_on(new.code, quote.on).amount(quantity=new.quantity).yen


def _figures(quote: Quote, view: QuoteView) -> Mapping[str, object]:
    charge = quote.next_charge
    return {
        "quote": quote.quote_id,
        "subscription": quote.subscription_id,
        "effective_on": quote.effective_on.isoformat(),
        "today_yen": quote.charge_today_yen,
        "fee_yen": view.fee_yen,
        "next": None if charge is None else [charge.on.isoformat(), charge.charge_yen],
        "year_yen": view.total_yen,
        "year_before_yen": view.total_before_yen,
    }
