"""What a quote's page shows to be agreed to, drawn once: the same bytes are shown and kept.

The law asks for the same last screen as at a sign-up wherever the terms of a contract change.
"""

from collections.abc import Mapping
from functools import partial

from fastapi import Request

from app.web.mypage.change_view import QuoteView
from app.web.mypage.sign_up_offer import CUTOFF_DAYS, drawn_consent
from app.web.mypage.subscription_mine import Held
from app.web.shell import Shell, local_time
from billing.checkouts import ConsentShown
from billing.deliveries import load_notice_rules
from billing.quotes import Quote, Situation, terms_after
from plans import CancellationFee
from plans.lifecycle import (
    AddAddOn,
    AddCoupon,
    ChangeAddOn,
    ChangePlan,
    ChangeQuantity,
    EarlyLeave,
    RemoveAddOn,
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
    terms = None
    if situation is not None and has_new_terms(quote):
        terms = terms_after(situation, quote)
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
            "terms": terms,
            "local": partial(local_time, timezone=shell.merchant.timezone),
            "early_fee": None if terms is None else _early_fee(shell, terms.leaving_fee),
            "cutoff_days": CUTOFF_DAYS,
            "rules": shell.read(lambda c: load_notice_rules(c, shell.merchant.id)),
        },
    )


def has_new_terms(quote: Quote) -> bool:
    """Whether it changes what is agreed, so that its screen says all of the agreement."""
    return isinstance(quote.decided, NEW_TERMS)


def _early_fee(shell: Shell, fee: CancellationFee) -> CancellationFee | None:
    """What leaving within the minimum term costs; None where nobody may."""
    return fee if fee.yen and EarlyLeave(shell.leave_early) is EarlyLeave.FOR_FEE else None


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
