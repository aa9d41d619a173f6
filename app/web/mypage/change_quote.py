"""One kept quote: everything to decide by, and the button that charges that very amount or nothing.

A quote that no longer holds leads to a new one, with what changed in between.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import Request
from starlette.responses import Response

from app.web.mypage.amazon_button import engine_of
from app.web.mypage.change_asking import keep
from app.web.mypage.payment_method import payment_path
from app.web.mypage.subscription_mine import QUOTE, SUBSCRIPTION, Held, Mine
from app.web.mypage.subscription_refused import Said, said
from app.web.mypage.subscription_words import asked_words
from app.web.shell import CUSTOMERS, Again, Done, Room, Words, words_of, yen
from billing import StoredQuote, load_catalogue, stored_quote
from billing.agreements import Confirmation, PermissionNotReady, confirm_quote
from billing.quotes import (
    BillAhead,
    CapRefuses,
    Quote,
    StaleQuote,
    explain_en,
    explain_ja,
    under_cap,
)
from plans import PlansError
from plans.lifecycle import Cancel
from scheduler import AmazonSilent, BillingEngine, RunStopped

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class QuoteView:
    """A quote as a page shows it; every figure and every word of it is the engine's."""

    quote: Quote
    ahead: tuple[BillAhead, ...]
    explained: Sequence[str]

    @classmethod
    def of(cls, quote: Quote, words: Words) -> "QuoteView":
        """Of a quote, in the reader's language."""
        explained = explain_ja(quote) if words.language == "ja" else explain_en(quote)
        ahead = under_cap(quote.subscription_id, quote.coming, quote.cap.after)
        return cls(quote, ahead, explained.splitlines())

    @property
    def total_yen(self) -> int:
        """The charges of the twelve months after today."""
        return sum(bill.charge_yen for bill in self.quote.coming)

    @property
    def total_before_yen(self) -> int:
        """The charges of twelve months without the change."""
        return sum(bill.charge_yen for bill in self.quote.coming_before)

    @property
    def fee_yen(self) -> int:
        """What leaving early costs."""
        decided = self.quote.decided
        return (decided.fee_yen or 0) if isinstance(decided, Cancel) else 0


def add_quote(room: Room, mine: Mine) -> None:
    """Declare the page of a quote and its confirmation."""
    desk = _Desk(mine)
    room.get(QUOTE, desk.show, access=CUSTOMERS)
    room.post(QUOTE, desk.confirm, access=CUSTOMERS)


@dataclass(frozen=True, slots=True)
class _Desk:
    mine: Mine

    def show(self, request: Request, quote_id: str) -> Response:
        """What is about to happen, before anybody agrees to it."""
        held, found = self.mine.quote(request, quote_id)
        return self._page(request, held, found)

    def confirm(self, request: Request, quote_id: str) -> Response:
        """Agree to that quote."""
        held, found = self.mine.quote(request, quote_id)
        return self.mine.shell.act_once(request, lambda _: self._confirm(request, held, found))

    def _confirm(self, request: Request, held: Held, found: StoredQuote) -> Done | Again:
        engine = None
        if found.state == "open" and found.quote.charge_today_yen:
            engine = engine_of(self.mine.shell)
            if engine is None:
                problem: Said = "my.quote.no_engine", {}
                return Again(self._page(request, held, found, problem=problem, status=503))
        try:
            done = self.mine.shell.write(
                request,
                lambda c: confirm_quote(
                    c,
                    self.mine.merchant(c),
                    quote_id=found.quote.quote_id,
                    at=self.mine.now(),
                ),
            )
        except StaleQuote as stale:
            return self._stale(request, held, stale)
        except (CapRefuses, PlansError) as refused:
            problem = said(refused, words_of(request))
            cure = isinstance(refused, PermissionNotReady)
            return Again(self._page(request, held, found, problem=problem, cure=cure, status=409))
        if engine is not None:
            _charge(engine, done)
        return self._told(held, found.quote)

    def _stale(self, request: Request, held: Held, stale: StaleQuote) -> Done:
        words, new = words_of(request), stale.new_quote
        if new is None:
            refused = stale.refused or stale
            key, figures = said(refused, words)
            return Done(held.path(SUBSCRIPTION), key, figures, tone="bad")
        keep(self.mine, request, new)
        changed = [words.pick(ja=each.text_ja, en=each.text_en) for each in stale.differences]
        return Done(
            QUOTE.replace("{quote_id}", new.quote_id),
            "my.quote.stale",
            {"changes": words("my.quote.and").join(changed)},
            tone="warn",
        )

    def _told(self, held: Held, quote: Quote) -> Done:
        """What became of it, on the page of the subscription."""
        found = self.mine.shell.read(
            lambda c: stored_quote(c, self.mine.merchant(c), quote_id=quote.quote_id)
        )
        leads_to = held.path(SUBSCRIPTION)
        amount = yen(quote.charge_today_yen)
        if found.state == "declined":
            return Done(
                payment_path(held.id), "my.quote.was_declined", {"amount": amount}, tone="bad"
            )
        if found.state == "charging":
            return Done(leads_to, "my.quote.is_charging", {"amount": amount}, tone="warn")
        if quote.charge_today_yen:
            return Done(leads_to, "my.quote.done_charged", {"amount": amount})
        return Done(leads_to, "my.quote.done")

    def _page(
        self,
        request: Request,
        held: Held,
        found: StoredQuote,
        *,
        problem: Said | None = None,
        cure: bool = False,
        status: int = 200,
    ) -> Response:
        words, shell = words_of(request), self.mine.shell
        catalogue = shell.read(lambda c: load_catalogue(c, shell.merchant.id))
        return self.mine.page(
            request,
            "quote.html",
            status=status,
            held=held,
            found=found,
            view=QuoteView.of(found.quote, words),
            heading=asked_words(found.quote.command, catalogue, words),
            problem=problem,
            cure=payment_path(held.id) if cure else "",
            action=QUOTE.replace("{quote_id}", found.quote.quote_id),
            back=held.path(SUBSCRIPTION),
        )


def _charge(engine: BillingEngine, done: Confirmation) -> None:
    """Charge what was confirmed; what hinders it is no loss, for the charge is owed by now."""
    if not done.slot_ids:
        return
    try:
        engine.charge_now(done.slot_ids)
    except (AmazonSilent, RunStopped) as hindered:
        log.warning("the charge of quote %s waits for the next run: %s", done.quote_id, hindered)
