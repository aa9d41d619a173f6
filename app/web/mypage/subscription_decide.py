"""What is decided at once while an invoice is open: it costs nothing, and no quote is possible."""

from dataclasses import dataclass
from datetime import date
from urllib.parse import urlencode

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from app.web.mypage.change_asking import needs_no_quote
from app.web.mypage.subscription_mine import DECIDE, SUBSCRIPTION, Held, Mine
from app.web.mypage.subscription_refused import Said, said
from app.web.mypage.subscription_words import asked_words
from app.web.shell import (
    CUSTOMERS,
    TIMINGS,
    Again,
    Done,
    FormReader,
    Room,
    SentForm,
    Wish,
    form_of,
    words_of,
)
from billing.agreements import act
from billing.quotes import Situation, existing
from plans import PlansError
from plans.lifecycle import Actor, Canceled, Event, decide

KINDS = ("cancel", "pause", "resume", "undo")
MOST_REASON = 400


def add_decide(room: Room, mine: Mine) -> None:
    """Declare the routes of deciding at once."""
    desk = _Desk(mine)
    room.get(DECIDE, desk.show, access=CUSTOMERS)
    room.post(DECIDE, desk.confirm, access=CUSTOMERS)


@dataclass(frozen=True, slots=True)
class _Desk:
    mine: Mine

    def show(self, request: Request, subscription_id: str) -> Response:
        """What is about to happen."""
        held = self.mine.one(request, subscription_id)
        sent = SentForm(fields=tuple(request.query_params.multi_items()))
        return self._page(request, held, _wish(sent))

    def confirm(self, request: Request, subscription_id: str) -> Response:
        """Do it."""
        held = self.mine.one(request, subscription_id)
        wish = _wish(form_of(request))
        return self.mine.shell.act_once(request, lambda _: self._act(request, held, wish))

    def _act(self, request: Request, held: Held, wish: Wish) -> Done | Again:
        try:
            situation = self.mine.situation(held)
            command = wish.command(situation, self.mine.today())
            self.mine.shell.write(
                request,
                lambda c: act(
                    c,
                    self.mine.merchant(c),
                    subscription_id=held.id,
                    command=command,
                    actor=Actor.CUSTOMER,
                    reason=wish.reason,
                    at=self.mine.now(),
                ),
            )
        except PlansError as refused:
            problem = said(refused, words_of(request))
            return Again(self._page(request, held, wish, problem=problem, status=409))
        return Done(held.path(SUBSCRIPTION), "my.quote.done")

    def _page(
        self,
        request: Request,
        held: Held,
        wish: Wish,
        *,
        problem: Said | None = None,
        status: int = 200,
    ) -> Response:
        words, situation = words_of(request), self.mine.situation(held)
        events: tuple[Event, ...] = ()
        try:
            events = self._decided(situation, wish)
        except PlansError as refused:
            problem = problem or said(refused, words)
        command = wish.command(situation, self.mine.today())
        return self.mine.page(
            request,
            "decide.html",
            status=status,
            held=held,
            heading=asked_words(command, situation.catalogue, words),
            owed_yen=sum(charge.amount_yen for charge in situation.open_charges),
            ends_now=any(isinstance(event.fact, Canceled) for event in events),
            quotable=not needs_no_quote(situation, wish, self.mine),
            problem=problem,
            can=bool(events),
            fields=wish.fields(),
            action=held.path(DECIDE),
            here=f"{held.path(DECIDE)}?{urlencode(wish.fields())}",
            back=held.path(SUBSCRIPTION),
        )

    def _decided(self, situation: Situation, wish: Wish) -> tuple[Event, ...]:
        today: date = self.mine.today()
        return decide(
            existing(situation),
            wish.command(situation, today),
            actor=Actor.CUSTOMER,
            reason=wish.reason,
            at=self.mine.now(),
            on=today,
        )


def _wish(sent: SentForm) -> Wish:
    """The wish of an address or a form that our own pages made; raises 404 for any other."""
    form = FormReader(sent)
    wish = Wish(
        kind=form.choice("kind", KINDS),
        code=form.code("code", required=False),
        when=form.choice("when", TIMINGS, required=False),
        on=form.optional_day("on"),
        until=form.optional_day("until"),
        reason=form.lines("reason", most=MOST_REASON, required=False),
    )
    if form.problems:
        raise HTTPException(404)
    return wish
