"""Leave a delivery out, pause, go on again, pay on another day."""

from dataclasses import dataclass
from datetime import timedelta

from fastapi import Request
from starlette.responses import Response

from app.web.mypage.change_asking import asked
from app.web.mypage.subscription_mine import PAUSE, SUBSCRIPTION, Held, Mine
from app.web.shell import CUSTOMERS, Again, Done, FormReader, Room, Wish, form_of
from billing.quotes import existing
from plans import SubscriptionState
from plans.lifecycle import ChangeNextDate, Pause, Resume, SkipCycles, why_not

MOST_CYCLES = 24
KINDS = {"skip": SkipCycles, "pause": Pause, "resume": Resume, "move": ChangeNextDate}
FIELDS = {
    "skip": {"": "number"},
    "pause": {"": "until", "on_date": "on", "on": "when"},
    "resume": {"": "resume_on"},
    "move": {"": "to"},
}


def add_pausing(room: Room, mine: Mine) -> None:
    """Declare the routes of the dates."""
    desk = _Desk(mine)
    room.get(PAUSE, desk.show, access=CUSTOMERS)
    room.post(PAUSE, desk.ask, access=CUSTOMERS)


@dataclass(frozen=True, slots=True)
class _Desk:
    mine: Mine

    def show(self, request: Request, subscription_id: str) -> Response:
        """What can be done about the dates as things stand."""
        held = self.mine.one(request, subscription_id)
        return self._page(request, held, FormReader())

    def ask(self, request: Request, subscription_id: str) -> Response:
        """Keep the quote of what was chosen and look at it."""
        held = self.mine.one(request, subscription_id)
        return self.mine.shell.act_once(request, lambda _: self._ask(request, held))

    def _ask(self, request: Request, held: Held) -> Done | Again:
        form = FormReader(form_of(request))
        kind = form.choice("kind", KINDS)
        wish = self._wish(form, kind) if kind else None
        if wish is not None and not form.problems:
            found = asked(self.mine, request, held, wish, form, fields=FIELDS[kind])
            if found is not None:
                return found
        return Again(self._page(request, held, form, status=422))

    def _wish(self, form: FormReader, kind: str) -> Wish:
        today = self.mine.today()
        match kind:
            case "skip":
                number = form.whole("number", least=1, most=MOST_CYCLES)
                return Wish(kind="skip", number=number)
            case "pause":
                when = form.choice("when", ("renewal", "now", "on"))
                on = form.optional_day("on", first=today, required=when == "on")
                until = form.optional_day("until", first=today + timedelta(days=1))
                return Wish(kind="pause", when=when, on=on, until=until)
            case "resume":
                return Wish(kind="resume", on=form.optional_day("resume_on", first=today))
            case _:
                return Wish(kind="date", on=form.day("to", first=today))

    def _page(
        self, request: Request, held: Held, form: FormReader, *, status: int = 200
    ) -> Response:
        was = existing(self.mine.situation(held))
        # The page has several forms: what was typed into one leaves the others as they begin.
        form.typed.setdefault("number", "1")
        form.typed.setdefault("when", "renewal")
        return self.mine.page(
            request,
            "pause.html",
            status=status,
            held=held,
            form=form,
            was=was,
            can={kind: why_not(command, was.state) is None for kind, command in KINDS.items()},
            paused=was.state is SubscriptionState.PAUSED,
            tomorrow=self.mine.today() + timedelta(days=1),
            action=held.path(PAUSE),
            back=held.path(SUBSCRIPTION),
        )
