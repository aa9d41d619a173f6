"""Every verb of a subscription: asked in a form, answered by a quote, confirmed as that very quote.

What costs nothing while an invoice is open needs no quote; it is shown and decided on a page of
its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from urllib.parse import urlencode

from fastapi import Request
from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.responses import Response

from app.web.backoffice.acting import (
    SUBSCRIPTION,
    Acting,
    Chosen,
    RefundAboveLimit,
    check_alone,
    given_back_yen,
    refuse,
    said,
)
from app.web.backoffice.desk import Desk
from app.web.backoffice.subscription import ACTIONS, Action
from app.web.backoffice.verbs_wish import REFUNDS, VERBS, Wish, read_wish
from app.web.shell import (
    SUPPORTERS,
    Again,
    Done,
    FormReader,
    Room,
    SentForm,
    Words,
    form_of,
    staff_of,
    words_of,
    yen,
)
from billing.agreements import act, keep_quote
from billing.checkouts import plans_for_sale
from billing.quotes import Quote, Situation, existing, quote
from plans import PlansError
from plans.lifecycle import Actor, Cancel, Pause, Reactivate, Resume, Undo, decide

ASK = f"{SUBSCRIPTION}/act"
DECIDE = f"{SUBSCRIPTION}/decide"
QUOTE = "/quotes/{quote_id}"

# These never charge, so an invoice that is open need not be settled before them.
NEED_NO_QUOTE = (Undo, Cancel, Pause, Reactivate, Resume)
# The engine's names of what is wrong, by the fields of the forms.
_ENGINE_FIELDS: Mapping[str, str] = {
    "plan": "code",
    "plan_code": "code",
    "schedule_id": "code",
    "quantity": "number",
    "count": "number",
    "on_date": "on",
    "to": "on",
    "ends_on": "on",
}

Option = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Options:
    """What can be chosen for a subscription: plans to move to, add-ons, changes that wait."""

    plans: Sequence[Option]
    add_ons: Sequence[Option]
    waiting: Sequence[Option]


def add_verbs(room: Room, desk: Desk) -> None:
    """The form of every verb, and what is decided without a quote."""
    page = VerbPages(Acting(desk))
    room.get(ASK, page.form, access=SUPPORTERS)
    room.post(ASK, page.ask, access=SUPPORTERS)
    room.get(DECIDE, page.look, access=SUPPORTERS)
    room.post(DECIDE, page.decide, access=SUPPORTERS)


def _verb_path(verb: str) -> Action:
    return Action(
        f"verbs.name.{verb}", lambda number: f"/subscriptions/{number}/act?verb={verb}", SUPPORTERS
    )


ACTIONS.extend(_verb_path(verb) for verb in VERBS)


@dataclass(frozen=True, slots=True)
class VerbPages:
    """The forms of the verbs."""

    acting: Acting

    def form(self, request: Request, subscription_id: str) -> Response:
        """The form of one verb; every other one is a tab away."""
        chosen = self.acting.chosen(subscription_id)
        verb = request.query_params.get("verb", VERBS[0])
        if verb not in VERBS:
            raise HTTPException(404)
        start = {
            "refund": "none",
            "number": "1" if verb == "skip" else "",
            "when": "renewal" if verb in ("pause", "cancel") else "",
        }
        return self._page(request, chosen, verb, FormReader(start=start))

    def ask(self, request: Request, subscription_id: str) -> Response:
        """Answer what is asked and lead to the answer."""
        chosen = self.acting.chosen(subscription_id)
        form = FormReader(form_of(request))
        wish = read_wish(form)
        if form.problems:
            return self._page(request, chosen, wish.verb, form, status=422)
        return self.acting.shell.act_once(request, lambda _: self._ask(request, chosen, wish, form))

    def look(self, request: Request, subscription_id: str) -> Response:
        """What would be decided without a quote."""
        chosen = self.acting.chosen(subscription_id)
        sent = SentForm(fields=tuple(request.query_params.multi_items()))
        form = FormReader(sent)
        wish = read_wish(form)
        if form.problems:
            raise HTTPException(404)
        return self._look(request, chosen, wish, FormReader())

    def decide(self, request: Request, subscription_id: str) -> Response:
        """Decide it."""
        chosen = self.acting.chosen(subscription_id)
        form = FormReader(form_of(request))
        wish = read_wish(form)
        if form.problems:
            return self._page(request, chosen, wish.verb, form, status=422)
        return self.acting.shell.act_once(
            request, lambda _: self._decide(request, chosen, wish, form)
        )

    def _ask(self, request: Request, chosen: Chosen, wish: Wish, form: FormReader) -> Done | Again:
        try:
            situation = self.acting.situation(chosen)
            if self._needs_no_quote(situation, wish):
                query = urlencode(wish.fields())
                return Done(f"{chosen.path('/decide')}?{query}", "verbs.look", tone="plain")
            found = self._quote(request, situation, wish)
        except PlansError as refused:
            return self._refused(request, chosen, wish, form, refused)
        self.acting.shell.write(request, lambda c: keep_quote(c, self.acting.merchant(c), found))
        return Done(QUOTE.replace("{quote_id}", found.quote_id), "verbs.look", tone="plain")

    def _quote(self, request: Request, situation: Situation, wish: Wish) -> Quote:
        today = self.acting.desk.today()
        return quote(
            situation,
            wish.command(situation, today),
            on=today,
            at=self.acting.now(),
            actor=Actor.STAFF,
            reason=reason_of(request, wish.reason),
        )

    def _decide(
        self, request: Request, chosen: Chosen, wish: Wish, form: FormReader
    ) -> Done | Again:
        def work(connection: Connection) -> int:
            merchant = self.acting.merchant(connection)
            before_yen = given_back_yen(connection, merchant, chosen.name)
            done = act(
                connection,
                merchant,
                subscription_id=chosen.name,
                command=command,
                actor=Actor.STAFF,
                reason=reason_of(request, wish.reason),
                at=self.acting.now(),
            )
            check_alone(merchant, refund_yen=done.refund_yen, before_yen=before_yen)
            self.acting.note(
                connection,
                request,
                kind="desk_decided",
                reason=wish.reason,
                facts={"subscription": chosen.name, "verb": wish.verb},
            )
            return done.refund_yen

        try:
            command = wish.command(self.acting.situation(chosen), self.acting.desk.today())
            refund_yen = self.acting.shell.write(request, work)
        except RefundAboveLimit as above:
            form.refuse("refund", "verbs.refused.second_person", **above.figures)
            return Again(self._page(request, chosen, wish.verb, form, status=409))
        except PlansError as refused:
            return self._refused(request, chosen, wish, form, refused)
        if refund_yen:
            self.acting.at_once(lambda engine: engine.send_refunds())
            return Done(chosen.path(), "verbs.done_refund", {"amount": yen(refund_yen)})
        return Done(chosen.path(), "verbs.done")

    def _refused(
        self,
        request: Request,
        chosen: Chosen,
        wish: Wish,
        form: FormReader,
        refused: PlansError,
    ) -> Again:
        named = str(getattr(refused, "field", ""))
        field = _ENGINE_FIELDS.get(named, named)
        shown = shown_fields(wish.verb)
        refuse(form, refused, words_of(request), field=field if field in shown else "verb")
        return Again(self._page(request, chosen, wish.verb, form, status=422))

    def _needs_no_quote(self, situation: Situation, wish: Wish) -> bool:
        if situation.invoiced_cycle != existing(situation).next_cycle:
            return False
        return isinstance(wish.command(situation, self.acting.desk.today()), NEED_NO_QUOTE)

    def _look(self, request: Request, chosen: Chosen, wish: Wish, form: FormReader) -> Response:
        situation = self.acting.situation(chosen)
        words, today = words_of(request), self.acting.desk.today()
        kinds: list[str] = []
        try:
            events = decide(
                situation.subscription,
                wish.command(situation, today),
                actor=Actor.STAFF,
                reason=reason_of(request, wish.reason),
                at=self.acting.now(),
                on=today,
            )
            kinds = [event.fact.kind for event in events]
            problem = None
        except PlansError as refused:
            problem = said(refused, words)
        return self.acting.page(
            request,
            "verb_decide.html",
            chosen=chosen,
            wish=wish,
            fields=wish.fields(),
            kinds=kinds,
            problem=problem,
            open_yen=sum(each.amount_yen for each in situation.open_charges),
            form=form,
            action=chosen.path("/decide"),
        )

    def _page(
        self, request: Request, chosen: Chosen, verb: str, form: FormReader, *, status: int = 200
    ) -> Response:
        situation = self.acting.situation(chosen)
        words = words_of(request)
        return self.acting.page(
            request,
            "verb.html",
            status=status,
            chosen=chosen,
            verb=verb,
            verbs=VERBS,
            fields=shown_fields(verb),
            form=form,
            was=existing(situation),
            options=options_of(situation, self.acting.desk.today(), words),
            refunds=REFUNDS,
            action=chosen.path("/act"),
        )


_SHOWN: Mapping[str, tuple[str, ...]] = {
    "plan": ("code", "number", "when", "on", "reason"),
    "quantity": ("number", "when", "on", "reason"),
    "add_on": ("code", "number", "when", "on", "reason"),
    "date": ("on", "reason"),
    "trial": ("on", "reason"),
    "skip": ("number", "reason"),
    "pause": ("when", "on", "until", "reason"),
    "resume": ("on", "reason"),
    "cancel": ("when", "on", "refund", "reason"),
    "undo": ("code", "reason"),
    "reactivate": ("reason",),
}


def shown_fields(verb: str) -> tuple[str, ...]:
    """The fields that the form of a verb has."""
    return _SHOWN[verb]


def reason_of(request: Request, typed: str) -> str:
    """What the history keeps: who of the staff, and why; empty where nobody gave a reason."""
    return f"{staff_of(request).name}: {typed}" if typed else ""


def options_of(situation: Situation, today: date, words: Words) -> Options:
    """What the price list of today and the waiting changes have to choose from."""
    was, catalogue = existing(situation), situation.catalogue
    add_ons = [
        (code, words.pick(ja=versions[-1].name_ja, en=versions[-1].name_en))
        for code, versions in catalogue.add_ons.items()
        if versions
    ]
    return Options(
        plans=[
            (plan.code, f"{words.pick(ja=plan.name_ja, en=plan.name_en)} {yen(price.amount_yen)}")
            for plan, price in plans_for_sale(catalogue, on=today)
            if plan.code != was.plan_code
        ],
        add_ons=add_ons,
        waiting=[
            (each.id, f"{words(f'verbs.change.{each.change.kind}')} {each.on}")
            for each in was.queue
        ],
    )
