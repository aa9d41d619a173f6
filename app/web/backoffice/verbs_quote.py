"""One kept quote: what it would do, to the yen, and the button that does that or nothing.

A quote that no longer holds leads to a new one, with what has changed.
"""

from dataclasses import dataclass

from fastapi import Request
from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.responses import Response

from app.web.backoffice.acting import (
    Acting,
    Chosen,
    RefundAboveLimit,
    Said,
    check_alone,
    given_back_yen,
    said,
)
from app.web.backoffice.desk import Desk
from app.web.backoffice.verbs import QUOTE
from app.web.shell import SUPPORTERS, Again, Done, Room, Words, words_of, yen
from app.web.shell.tables import TABLES
from billing import StoredQuote, stored_quote
from billing.agreements import Confirmation, UnknownQuote, confirm_quote, keep_quote
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
from plans.lifecycle import Actor

subscriptions = TABLES["subscription"]


@dataclass(frozen=True, slots=True)
class QuoteView:
    """A quote as the staff sees it; every figure and word is the engine's."""

    quote: Quote
    explained: tuple[str, ...]
    ahead: tuple[BillAhead, ...]

    @classmethod
    def of(cls, quote: Quote, words: Words) -> "QuoteView":
        """Of a quote, in the reader's language."""
        explained = explain_ja(quote) if words.language == "ja" else explain_en(quote)
        ahead = under_cap(quote.subscription_id, quote.coming, quote.cap.after)
        return cls(quote, tuple(explained.splitlines()), ahead)

    @property
    def year_yen(self) -> int:
        """The charges of the twelve months after today."""
        return sum(bill.charge_yen for bill in self.quote.coming)

    @property
    def year_before_yen(self) -> int:
        """The same without the change."""
        return sum(bill.charge_yen for bill in self.quote.coming_before)


def add_quote(room: Room, desk: Desk) -> None:
    """The page of a quote and its confirmation."""
    page = QuotePages(Acting(desk))
    room.get(QUOTE, page.show, access=SUPPORTERS)
    room.post(QUOTE, page.confirm, access=SUPPORTERS)


@dataclass(frozen=True, slots=True)
class QuotePages:
    """Quotes of the staff."""

    acting: Acting

    def show(self, request: Request, quote_id: str) -> Response:
        """What is about to happen."""
        chosen, found = self._found(quote_id)
        return self._page(request, chosen, found)

    def confirm(self, request: Request, quote_id: str) -> Response:
        """Do it."""
        chosen, found = self._found(quote_id)
        return self.acting.shell.act_once(request, lambda _: self._confirm(request, chosen, found))

    def _found(self, quote_id: str) -> tuple[Chosen, StoredQuote]:
        merchant = self.acting.shell.merchant

        def work(connection: Connection) -> tuple[StoredQuote, int]:
            found = stored_quote(connection, merchant, quote_id=quote_id)
            number = connection.execute(
                subscriptions.select().where(
                    subscriptions.c.merchant_id == merchant.id,
                    subscriptions.c.external_id == found.quote.subscription_id,
                )
            ).first()
            return found, 0 if number is None else int(number.id)

        try:
            found, number = self.acting.shell.read(work)
        except UnknownQuote:
            raise HTTPException(404) from None
        if found.quote.actor is not Actor.STAFF:  # a customer agrees to her own quotes
            raise HTTPException(404)
        return self.acting.chosen(str(number)), found

    def _confirm(self, request: Request, chosen: Chosen, found: StoredQuote) -> Done | Again:
        wanted = found.quote

        def work(connection: Connection) -> Confirmation:
            merchant = self.acting.merchant(connection)
            if found.state == "open":
                before_yen = given_back_yen(connection, merchant, chosen.name)
                check_alone(merchant, refund_yen=wanted.refund_yen, before_yen=before_yen)
            done = confirm_quote(
                connection, merchant, quote_id=wanted.quote_id, at=self.acting.now()
            )
            if found.state == "open":
                self._note(connection, request, wanted)
            return done

        try:
            done = self.acting.shell.write(request, work)
        except RefundAboveLimit as above:
            problem: Said = "verbs.refused.second_person", above.figures
            return Again(self._page(request, chosen, found, problem=problem, status=409))
        except StaleQuote as stale:
            return self._stale(request, chosen, stale)
        except (CapRefuses, PlansError) as refused:
            problem = said(refused, words_of(request))
            return Again(self._page(request, chosen, found, problem=problem, status=409))
        if done.slot_ids:
            self.acting.charge(done.slot_ids)
        if done.refund_yen:
            self.acting.at_once(lambda engine: engine.send_refunds())
        return self._told(chosen, wanted, done)

    def _note(self, connection: Connection, request: Request, wanted: Quote) -> None:
        facts = {
            "subscription": wanted.subscription_id,
            "quote": wanted.quote_id,
            "verb": wanted.command.kind,
        }
        self.acting.note(
            connection, request, kind="desk_confirmed", reason=wanted.reason, facts=facts
        )

    def _stale(self, request: Request, chosen: Chosen, stale: StaleQuote) -> Done:
        words, new = words_of(request), stale.new_quote
        if new is None:
            key, figures = said(stale.refused or stale, words)
            return Done(chosen.path(), key, figures, tone="bad")
        self.acting.shell.write(request, lambda c: keep_quote(c, self.acting.merchant(c), new))
        changed = [words.pick(ja=each.text_ja, en=each.text_en) for each in stale.differences]
        leads_to = QUOTE.replace("{quote_id}", new.quote_id)
        return Done(leads_to, "verbs.stale", {"changes": " / ".join(changed)}, tone="warn")

    def _told(self, chosen: Chosen, wanted: Quote, done: Confirmation) -> Done:
        """What became of it, as the books have it now."""
        merchant = self.acting.shell.merchant
        found = self.acting.shell.read(
            lambda c: stored_quote(c, merchant, quote_id=wanted.quote_id)
        )
        amount = {"amount": yen(wanted.charge_today_yen)}
        if found.state == "declined":
            return Done(chosen.path(), "verbs.declined", amount, tone="bad")
        if found.state == "charging":
            return Done(chosen.path(), "verbs.charging", amount, tone="warn")
        if done.refund_yen:
            return Done(chosen.path(), "verbs.done_refund", {"amount": yen(done.refund_yen)})
        if wanted.charge_today_yen:
            return Done(chosen.path(), "verbs.done_charged", amount)
        return Done(chosen.path(), "verbs.done")

    def _page(
        self,
        request: Request,
        chosen: Chosen,
        found: StoredQuote,
        *,
        problem: Said | None = None,
        status: int = 200,
    ) -> Response:
        return self.acting.page(
            request,
            "verb_quote.html",
            status=status,
            chosen=chosen,
            found=found,
            quote=found.quote,
            view=QuoteView.of(found.quote, words_of(request)),
            problem=problem,
            over=self.acting.now() >= found.quote.expires_at,
            action=QUOTE.replace("{quote_id}", found.quote.quote_id),
        )
