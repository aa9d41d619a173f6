"""Another plan, more or fewer seats, options: what it costs on which day, before anybody agrees."""

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import Request
from starlette.responses import Response

from app.web.mypage.change_asking import answer, asked
from app.web.mypage.change_offers import Offers, offers_of
from app.web.mypage.change_view import QuoteView
from app.web.mypage.subscription_mine import CHANGE, SUBSCRIPTION, Held, Mine
from app.web.mypage.subscription_refused import Said, refuse, said
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
from billing.quotes import Situation
from plans import PlansError

MOST_SEATS = 100_000
TABS = ("plan", "seats", "options", "coupon")
# Where the engine's names of what is wrong stand in this form.
FIELDS = {
    "plan": {"": "plan", "quantity": "quantity", "on_date": "on", "on": "when", "timing": "when"},
    "seats": {"": "quantity", "on_date": "on", "on": "when", "timing": "when"},
    "options": {"": "add_on", "quantity": "pieces", "on_date": "on", "on": "when"},
    "coupon": {"": "coupon"},
}


@dataclass(frozen=True, slots=True)
class DayRow:
    """What the change costs on one of the days to choose from, or why not then."""

    when: str
    view: QuoteView | None
    refused: Said | None


def add_change(room: Room, mine: Mine) -> None:
    """Declare the routes of changing what is subscribed to."""
    desk = _Desk(mine)
    room.get(CHANGE, desk.show, access=CUSTOMERS)
    room.post(CHANGE, desk.ask, access=CUSTOMERS)


@dataclass(frozen=True, slots=True)
class _Desk:
    mine: Mine

    def show(self, request: Request, subscription_id: str) -> Response:
        """The choice, and once something is chosen what it costs on each day."""
        held, situation = self.mine.look(request, subscription_id)
        form = FormReader(SentForm(fields=tuple(request.query_params.multi_items())))
        wish = _wish(form, self._offers(request, situation))
        return self._page(request, held, situation, form, wish)

    def ask(self, request: Request, subscription_id: str) -> Response:
        """Keep the quote of what was chosen and look at it."""
        held = self.mine.one(request, subscription_id)
        return self.mine.shell.act_once(request, lambda _: self._ask(request, held))

    def _ask(self, request: Request, held: Held) -> Done | Again:
        situation = self.mine.situation(held)
        form = FormReader(form_of(request))
        wish = _wish(form, self._offers(request, situation))
        if wish is None and not form.problems:
            form.refuse(FIELDS[_tab(form)][""], "my.change.choose")
        if wish is not None:
            fields = FIELDS[_tab(form)]
            found = asked(self.mine, request, held, wish, form, fields=fields)
            if found is not None:
                return found
        return Again(self._page(request, held, situation, form, wish, status=422))

    def _offers(self, request: Request, situation: Situation) -> Offers:
        return offers_of(situation, today=self.mine.today(), words=words_of(request))

    def _page(
        self,
        request: Request,
        held: Held,
        situation: Situation,
        form: FormReader,
        wish: Wish | None,
        *,
        status: int = 200,
    ) -> Response:
        offers = self._offers(request, situation)
        view = self._view(request, situation, form, wish)
        days = self._days(request, situation, wish) if wish is not None else ()
        _start(form, offers, view)
        return self.mine.page(
            request,
            "change.html",
            status=422 if form.problems and status == 200 else status,
            held=held,
            over=held.owned.state == "canceled",
            tab=_tab(form),
            offers=offers,
            form=form,
            view=view,
            days=days,
            wish_fields=_sent(form),
            action=held.path(CHANGE),
            back=held.path(SUBSCRIPTION),
        )

    def _view(
        self, request: Request, situation: Situation, form: FormReader, wish: Wish | None
    ) -> QuoteView | None:
        if wish is None or form.problems:
            return None
        try:
            return QuoteView.of(answer(self.mine, situation, wish), words_of(request))
        except PlansError as refused:
            refuse(form, refused, words_of(request), fields=FIELDS[_tab(form)])
            return None

    def _days(self, request: Request, situation: Situation, wish: Wish) -> Sequence[DayRow]:
        """Today, the next renewal, and the day that was typed."""
        words, rows = words_of(request), []
        for when in TIMINGS if wish.kind != "coupon" else ():
            if when == "on" and wish.on is None:
                continue
            other = _at(wish, when)
            try:
                found = QuoteView.of(answer(self.mine, situation, other), words)
                rows.append(DayRow(when, found, None))
            except PlansError as refused:
                rows.append(DayRow(when, None, said(refused, words)))
        return rows


def _tab(form: FormReader) -> str:
    chosen = form.typed.get("what", "")
    return chosen if chosen in TABS else TABS[0]


def _wish(form: FormReader, offers: Offers) -> Wish | None:
    """What was chosen; None when nothing was, or when it cannot be read."""
    tab, when = _tab(form), form.choice("when", TIMINGS, required=False)
    on = form.optional_day("on")
    if when == "on" and on is None:
        form.refuse("on", "field.required")
    asks = {"plan": _plan, "seats": _seats, "options": _option, "coupon": _coupon}
    wish = asks[tab](form, offers)
    if wish is None or form.problems:
        return None
    return Wish(kind=wish.kind, code=wish.code, number=wish.number, when=when, on=on)


def _plan(form: FormReader, offers: Offers) -> Wish | None:
    if not form.typed.get("plan"):
        return None
    code = form.choice("plan", [each.code for each in offers.plans])
    seats = form.whole("quantity", least=1, most=MOST_SEATS, required=False)
    return Wish(kind="plan", code=code, number=seats)


def _seats(form: FormReader, offers: Offers) -> Wish | None:
    if not form.typed.get("quantity"):
        return None
    return Wish(kind="quantity", number=form.whole("quantity", least=1, most=MOST_SEATS))


def _option(form: FormReader, offers: Offers) -> Wish | None:
    if not form.typed.get("add_on"):
        return None
    code = form.choice("add_on", [each.code for each in offers.add_ons])
    return Wish(kind="add_on", code=code, number=form.whole("pieces", most=MOST_SEATS))


def _coupon(form: FormReader, offers: Offers) -> Wish | None:
    """A coupon counts from the next invoice on, so there is no day to choose."""
    code = form.code("coupon", required=False)
    if code and code not in offers.coupons:
        form.refuse("coupon", "my.refused.coupon")
        return None
    return Wish(kind="coupon", code=code) if code else None


def _start(form: FormReader, offers: Offers, view: QuoteView | None) -> None:
    """Fill in what nobody chose: the usual day, the seats as they are."""
    timing = getattr(view.quote.command, "timing", None) if view else None
    usual = next((when for when, each in TIMINGS.items() if each is timing), "")
    if not form.typed.get("when"):
        form.typed["when"] = usual
    if _tab(form) == "seats":
        form.typed.setdefault("quantity", str(offers.seats))
    if _tab(form) == "options":
        form.typed.setdefault("pieces", "1")


def _sent(form: FormReader) -> dict[str, str]:
    names = ("what", "plan", "quantity", "add_on", "pieces", "coupon", "when", "on")
    return {name: form.typed[name] for name in names if form.typed.get(name)}


def _at(wish: Wish, when: str) -> Wish:
    return Wish(kind=wish.kind, code=wish.code, number=wish.number, when=when, on=wish.on)
