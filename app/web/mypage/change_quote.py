"""One kept quote: everything to decide by, and the button that charges that very amount or nothing.

A quote that no longer holds leads to a new one, with what changed in between.
"""

import logging
from dataclasses import dataclass

from fastapi import Request
from markupsafe import Markup
from sqlalchemy import Connection
from starlette.responses import Response

from app.web.mypage.amazon_button import engine_of
from app.web.mypage.change_asking import keep
from app.web.mypage.change_view import QuoteView
from app.web.mypage.payment_method import payment_path
from app.web.mypage.quote_consent import has_new_terms, quote_shown
from app.web.mypage.subscription_mine import QUOTE, SUBSCRIPTION, Held, Mine
from app.web.mypage.subscription_refused import Said, said
from app.web.mypage.subscription_words import asked_words
from app.web.shell import CUSTOMERS, Again, Done, Room, customer_of, form_of, words_of, yen
from billing import StoredQuote, load_catalogue, stored_quote
from billing.agreements import Confirmation, PermissionNotReady, confirm_quote
from billing.checkouts import ConsentShown, record_consent
from billing.quotes import CapRefuses, Quote, StaleQuote
from plans import PlansError
from scheduler import AmazonSilent, BillingEngine, RunStopped

log = logging.getLogger(__name__)


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
        engine, shown = None, self._shown(request, held, found)
        pays_yen = QuoteView.of(found.quote, words_of(request)).pays_yen
        if found.state == "open" and form_of(request).get("shown") != shown.html_hash:
            problem: Said = "my.quote.shown_changed", {}
            return Again(self._page(request, held, found, problem=problem, status=409))
        if found.state == "open" and pays_yen:
            engine = engine_of(self.mine.shell)
            if engine is None:
                problem = "my.quote.no_engine", {}
                return Again(self._page(request, held, found, problem=problem, status=503))
        try:
            done = self.mine.shell.write(
                request,
                lambda c: self._agree(c, request, held, found, shown),
            )
        except StaleQuote as stale:
            return self._stale(request, held, stale)
        except (CapRefuses, PlansError) as refused:
            problem = said(refused, words_of(request))
            cure = isinstance(refused, PermissionNotReady)
            return Again(self._page(request, held, found, problem=problem, cure=cure, status=409))
        if engine is not None:
            _charge(engine, done)
        return self._told(held, found.quote, pays_yen)

    def _agree(
        self,
        connection: Connection,
        request: Request,
        held: Held,
        found: StoredQuote,
        shown: ConsentShown,
    ) -> Confirmation:
        """Confirm the quote and keep what was agreed to, in one transaction."""
        merchant, at = self.mine.merchant(connection), self.mine.now()
        quote_id = found.quote.quote_id
        # Read again: another tab may have confirmed it, and that consent is the one.
        is_open = stored_quote(connection, merchant, quote_id=quote_id).state == "open"
        done = confirm_quote(
            connection, merchant, quote_id=quote_id, at=at, policy=self.mine.policy
        )
        if is_open:
            record_consent(
                connection,
                merchant,
                shown,
                at=at,
                customer_id=customer_of(request).customer_id,
                subscription_id=held.owned.id,
            )
        return done

    def _shown(self, request: Request, held: Held, found: StoredQuote) -> ConsentShown:
        words, shell = words_of(request), self.mine.shell
        catalogue = shell.read(lambda c: load_catalogue(c, shell.merchant.id))
        heading = asked_words(found.quote.command, catalogue, words)
        view = QuoteView.of(found.quote, words)
        situation = self.mine.situation(held) if found.state == "open" else None
        return quote_shown(shell, request, held, view, heading=heading, situation=situation)

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

    def _told(self, held: Held, quote: Quote, pays_yen: int) -> Done:
        """What became of it, on the page of the subscription."""
        found = self.mine.shell.read(
            lambda c: stored_quote(c, self.mine.merchant(c), quote_id=quote.quote_id)
        )
        leads_to = held.path(SUBSCRIPTION)
        amount = yen(pays_yen)
        if found.state == "declined":
            return Done(
                payment_path(held.id), "my.quote.was_declined", {"amount": amount}, tone="bad"
            )
        if found.state == "charging":
            return Done(leads_to, "my.quote.is_charging", {"amount": amount}, tone="warn")
        if pays_yen:
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
        shown = self._shown(request, held, found)
        return self.mine.page(
            request,
            "quote.html",
            status=status,
            held=held,
            found=found,
            shown=Markup(shown.html),  # noqa: S704 - drawn by our own template, escaped there
            shown_hash=shown.html_hash,
            says_until=found.state == "open" and has_new_terms(found.quote),
            pays_yen=QuoteView.of(found.quote, words).pays_yen,
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
