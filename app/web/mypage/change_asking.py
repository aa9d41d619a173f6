"""Asking the engine what a wish would bring, and keeping the answer so that it can be confirmed."""

from collections.abc import Mapping
from urllib.parse import urlencode

from fastapi import Request

from app.web.mypage.subscription_mine import DECIDE, QUOTE, Held, Mine
from app.web.mypage.subscription_refused import refuse
from app.web.shell import Done, FormReader, Wish, words_of
from billing.agreements import keep_quote
from billing.quotes import Quote, Situation, existing, quote
from plans import PlansError
from plans.lifecycle import Actor, Cancel, Pause, Resume, Undo

# These never charge, so an invoice that is open need not be settled before them.
NEED_NO_QUOTE = (Undo, Cancel, Pause, Resume)


def answer(mine: Mine, situation: Situation, wish: Wish) -> Quote:
    """What a wish would bring, as of now; nothing is written. Raises PlansError."""
    today = mine.today()
    return quote(
        situation,
        wish.command(situation, today),
        on=today,
        at=mine.now(),
        actor=Actor.CUSTOMER,
        reason=wish.reason,
        policy=mine.policy,
    )


def asked(
    mine: Mine,
    request: Request,
    held: Held,
    wish: Wish,
    form: FormReader,
    *,
    fields: Mapping[str, str],
) -> Done | None:
    """Keep the quote of a wish and lead to it; None when refused, which `form` says then."""
    try:
        situation = mine.situation(held)
        if needs_no_quote(situation, wish, mine):
            query = urlencode(wish.fields())
            return Done(f"{held.path(DECIDE)}?{query}", "my.quote.look", tone="plain")
        found = answer(mine, situation, wish)
    except PlansError as refused:
        refuse(form, refused, words_of(request), fields=fields)
        return None
    keep(mine, request, found)
    return Done(QUOTE.replace("{quote_id}", found.quote_id), "my.quote.look", tone="plain")


def keep(mine: Mine, request: Request, found: Quote) -> None:
    """Store a quote; storing it again changes nothing."""
    mine.shell.write(request, lambda c: keep_quote(c, mine.merchant(c), found))


def needs_no_quote(situation: Situation, wish: Wish, mine: Mine) -> bool:
    """Whether an open invoice stands in the way of a quote, and the wish needs none."""
    if situation.invoiced_cycle != existing(situation).next_cycle:
        return False
    return isinstance(wish.command(situation, mine.today()), NEED_NO_QUOTE)
