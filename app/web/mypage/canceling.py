"""Leave: the terms first, one offer to pause instead where the merchant makes one, then the choice.

Also taking a waiting change back, the cancellation among them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice

from fastapi import Request
from starlette.responses import Response

from app.web.mypage.change_asking import answer, asked, needs_no_quote
from app.web.mypage.change_view import QuoteView
from app.web.mypage.home import told_of
from app.web.mypage.subscription_mine import (
    CANCEL,
    PAUSE,
    SUBSCRIPTION,
    UNDO,
    Held,
    Mine,
)
from app.web.mypage.subscription_refused import Said, said
from app.web.shell import CUSTOMERS, Again, Done, FormReader, Room, Wish, form_of, words_of
from billing.quotes import Situation, existing
from plans import PlansError
from plans.lifecycle import Subscription, coming_charges, period_end, remaining_cycles

FIELDS = {"": "when", "on_date": "when", "remaining_cycles": "when"}
MOST_REASON = 400
WHEN = ("renewal", "free", "next", "now")


@dataclass(frozen=True, slots=True)
class Leaving:
    """One day to leave on: its quote, or why not then. No quote is needed with an open invoice."""

    when: str
    on: date
    view: QuoteView | None
    refused: Said | None


def add_canceling(room: Room, mine: Mine) -> None:
    """Declare the routes of leaving and of taking back."""
    desk = _Desk(mine)
    room.get(CANCEL, desk.show, access=CUSTOMERS)
    room.post(CANCEL, desk.ask, access=CUSTOMERS)
    room.post(UNDO, desk.undo, access=CUSTOMERS)


@dataclass(frozen=True, slots=True)
class _Desk:
    mine: Mine

    def show(self, request: Request, subscription_id: str) -> Response:
        """The terms and the days to choose from."""
        held = self.mine.one(request, subscription_id)
        return self._page(request, held, FormReader())

    def ask(self, request: Request, subscription_id: str) -> Response:
        """Keep the quote of leaving on that day and look at it."""
        held = self.mine.one(request, subscription_id)
        return self.mine.shell.act_once(request, lambda _: self._ask(request, held))

    def undo(self, request: Request, subscription_id: str) -> Response:
        """Keep the quote of taking a waiting change back and look at it."""
        held = self.mine.one(request, subscription_id)
        return self.mine.shell.act_once(request, lambda _: self._undo(request, held))

    def _ask(self, request: Request, held: Held) -> Done | Again:
        form = FormReader(form_of(request))
        when = form.choice("when", WHEN)
        reason = form.lines("reason", most=MOST_REASON, required=False)
        if not form.problems:
            wish = self._wish(self.mine.situation(held), when, reason)
            found = asked(self.mine, request, held, wish, form, fields=FIELDS)
            if found is not None:
                return found
        return Again(self._page(request, held, form, status=422))

    def _undo(self, request: Request, held: Held) -> Done:
        form = FormReader(form_of(request))
        wish = Wish(kind="undo", code=form.code("change"))
        found = asked(self.mine, request, held, wish, form, fields={"": "change"})
        if found is not None:
            return found
        problem = form.problems["change"]
        return Done(held.path(SUBSCRIPTION), problem.key, problem.figures, tone="bad")

    def _wish(self, situation: Situation, when: str, reason: str) -> Wish:
        was = existing(situation)
        if when in ("free", "next"):
            today = self.mine.today()
            on = free_from(was, on=today) if when == "free" else after_next(was)
            return Wish(kind="cancel", when="on", on=on, reason=reason)
        return Wish(kind="cancel", when=when, reason=reason)

    def _days(self, request: Request, situation: Situation) -> Sequence[Leaving]:
        was, today = existing(situation), self.mine.today()
        at_end = period_end(was, on=today)
        days = {"renewal": at_end, "now": today}
        free = free_from(was, on=today)
        if free is not None and free > at_end:
            days = {"free": free, **days}
        found = [self._leaving(request, situation, when, on) for when, on in days.items()]
        following = after_next(was)
        if following and all(each.refused is not None for each in found):
            # On the day of a charge it is too late for that one: the next end is offered.
            found.insert(0, self._leaving(request, situation, "next", following))
        return found

    def _leaving(self, request: Request, situation: Situation, when: str, on: date) -> Leaving:
        wish, words = self._wish(situation, when, ""), words_of(request)
        if needs_no_quote(situation, wish, self.mine):
            return Leaving(when, on, None, None)
        try:
            found = answer(self.mine, situation, wish)
        except PlansError as refused:
            return Leaving(when, on, None, said(refused, words))
        return Leaving(when, found.effective_on, QuoteView.of(found, words), None)

    def _page(
        self, request: Request, held: Held, form: FormReader, *, status: int = 200
    ) -> Response:
        situation, story = self.mine.shell.read(lambda c: told_of(c, self.mine, held))
        if situation is None:
            situation = self.mine.situation(held)
        was = existing(situation)
        days = self._days(request, situation)
        possible = [each.when for each in days if each.refused is None]
        form.typed.setdefault("when", next(iter(possible), ""))
        return self.mine.page(
            request,
            "cancel.html",
            status=status,
            held=held,
            form=form,
            was=was,
            owed=remaining_cycles(was, on=self.mine.today()),
            following=None if story is None else story.next_charge,
            days=days,
            possible=possible,
            offer=self._offer(was),
            pause=held.path(PAUSE),
            action=held.path(CANCEL),
            back=held.path(SUBSCRIPTION),
        )

    def _offer(self, was: Subscription) -> str:
        """What the merchant offers instead, once: `pause`, `skip`, or nothing."""
        offer = self.mine.shell.retention_offer
        return offer if offer in ("pause", "skip") and was.state in ("trialing", "active") else ""


def free_from(was: Subscription, *, on: date) -> date | None:
    """The first end of a cycle by which the minimum term is done; None when nothing is charged."""
    owed = remaining_cycles(was, on=on)
    charges = list(islice(coming_charges(was, before=date.max), owed + 1))
    return charges[owed][1] if len(charges) > owed else None


def after_next(was: Subscription) -> date | None:
    """The end of the cycle that is charged next; None when nothing is charged."""
    charges = list(islice(coming_charges(was, before=date.max), 2))
    return charges[1][1] if len(charges) > 1 else None
