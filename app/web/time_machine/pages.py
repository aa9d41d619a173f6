"""The pages of the time machine: moving, what happened, and what shall go wrong."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta
from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from app.problems import Refused
from app.travel import (
    TRICKS,
    AlreadyMoving,
    Move,
    NoSuchTime,
    TimeMachine,
    next_charge,
    play_trick,
)
from app.web.shell import (
    ANY_STAFF,
    LARGEST_ID,
    SUPPORTERS,
    Again,
    Done,
    Entry,
    FormReader,
    Room,
    SentForm,
    Shell,
    form_of,
    known_staff,
    local_time,
    staff_of,
)
from app.web.shell.cookies import SESSIONS, read_cookie
from app.web.shell.forms import form_token
from app.web.time_machine.happened import Outcome, what_happened
from app.web.time_machine.people import candidate, candidates

HERE, HAPPENED = "/time-machine", "/time-machine/happened"
LOOK_AGAIN_SECONDS = 2


@dataclass(frozen=True, slots=True)
class TimePages:
    """The pages of one sandbox merchant."""

    shell: Shell
    machine: TimeMachine

    def bar(self, request: Request) -> tuple[str, Mapping[str, Any]] | None:
        """The bar below the menu, for the staff; on My Page too if the browser is also theirs."""
        session = read_cookie(request, SESSIONS["staff"])
        member = known_staff(request) or self.shell.sessions.staff(session)
        if member is None or member.missing is not None:
            return None
        return "time_machine/bar.html", {
            "now": self.machine.clock.now(),
            "move": self.machine.journal.last(),
            "may_move": SUPPORTERS.admits(member.role),
            "token": form_token(session),
        }

    def scenarios(self, request: Request) -> Response:
        """What can go wrong, for whom, and the last moves."""
        return self._scenarios(request, FormReader(start=dict(request.query_params)))

    def _scenarios(self, request: Request, form: FormReader, *, status: int = 200) -> Response:
        now = self.machine.clock.now()
        people = self.shell.read(lambda c: candidates(c, self.shell.merchant, at=now))
        chosen = request.query_params.get("subscription", "")
        return self.shell.pages.page(
            request,
            "time_machine/scenarios.html",
            status=status,
            form=form,
            people=people,
            chosen=next((each for each in people if str(each.subscription_id) == chosen), None),
            tricks=tuple(TRICKS),
            moves=list(reversed(self.machine.journal.moves()))[:10],
        )

    def happened(self, request: Request) -> Response:
        """What a move did so far; the newest one unless another is named."""
        move = self._asked_move(request.query_params.get("move", ""))
        if move is None:
            return self.shell.pages.page(request, "time_machine/nothing.html")
        shown = request.query_params.get("show", "")
        only = Outcome(shown) if shown in set(Outcome) else None
        until = self.machine.clock.now() if move.is_under_way else move.reached_at
        found = self.shell.read(
            lambda connection: what_happened(
                connection,
                merchant_id=self.shell.merchant.id,
                since=move.from_at,
                until=until,
                only=only,
            )
        )
        return self.shell.pages.page(
            request,
            "time_machine/happened.html",
            move=move,
            found=found,
            only=only,
            seconds=LOOK_AGAIN_SECONDS,
            done_days=(min(until, move.to_at) - move.from_at).days,
            all_days=(move.to_at - move.from_at).days,
        )

    def move(self, request: Request) -> Response:
        """Move the clock: a day, a month, to the next charge, or to that of one agreement."""
        form, member = form_of(request), staff_of(request)

        def act(_form_id: str) -> Done | Again:
            to = self._target(form)
            if to is None:
                return Done(HERE, "time.nothing", tone="warn")
            try:
                move = self.machine.start(to=to, by=member.name)
            except AlreadyMoving:
                return Done(HAPPENED, "time.already", tone="warn")
            except NoSuchTime:
                return Done(HERE, "time.too_far", tone="warn")
            at = local_time(to, timezone=self.shell.merchant.timezone)
            return Done(f"{HAPPENED}?move={move.number}", "time.moving", {"at": at})

        return self.shell.act_once(request, act)

    def play(self, request: Request) -> Response:
        """Let one of the scenarios happen to a chosen agreement."""
        form = FormReader(form_of(request))
        name = form.choice("trick", tuple(TRICKS))
        number = _row_number(form.text("subscription", most=10))
        now = self.machine.clock.now()
        person = number and self.shell.read(
            lambda c: candidate(c, self.shell.merchant, number, at=now)
        )
        if not person and "subscription" not in form.problems:
            form.refuse("subscription", "time.nobody")
        if form.problems or not person:
            return self._scenarios(request, form, status=422)

        def act(_form_id: str) -> Done | Again:
            try:
                play_trick(
                    TRICKS[name],
                    amazon=self.machine.amazon,
                    permission_id=person.permission_id,
                    yen=person.amount_yen,
                )
            except Refused as refused:
                form.refuse("trick", "time.refused", why=str(refused))
                return Again(self._scenarios(request, form, status=422))
            leads_to = f"{HERE}?subscription={person.subscription_id}"
            return Done(leads_to, f"time.done.{name}", {"name": person.customer_name})

        return self.shell.act_once(request, act)

    def _target(self, form: SentForm) -> datetime | None:
        now, wanted = self.machine.clock.now(), form.get("to")
        zone = ZoneInfo(self.shell.merchant.timezone)
        if wanted == "day":
            return now.astimezone(zone) + relativedelta(days=1)
        if wanted == "month":
            return now.astimezone(zone) + relativedelta(months=1)
        if wanted not in ("next", "next_of"):
            raise HTTPException(400)
        of = _row_number(form.get("subscription")) if wanted == "next_of" else None
        return self.shell.read(
            lambda c: next_charge(c, self.shell.merchant, at=now, subscription_id=of)
        )

    def _asked_move(self, number: str) -> Move | None:
        if not number:
            return self.machine.journal.last()
        found = [each for each in self.machine.journal.moves() if str(each.number) == number]
        if not found:
            raise HTTPException(404)
        return found[0]


def time_machine_room(shell: Shell) -> Room:
    """The routes that move a sandbox's clock; a live merchant has none."""
    room = Room("time_machine")
    machine = shell.time_machine
    if machine is None or shell.merchant.environment != "sandbox":
        return room
    pages = TimePages(shell, machine)
    shell.pages.extras.append(pages.bar)
    room.entries = (Entry("time.title", HERE, ANY_STAFF, place=45, group="menu.work"),)
    room.get(HERE, pages.scenarios, access=ANY_STAFF)
    room.get(HAPPENED, pages.happened, access=ANY_STAFF)
    room.post(f"{HERE}/move", pages.move, access=SUPPORTERS)
    room.post(f"{HERE}/scenario", pages.play, access=SUPPORTERS)
    return room


def _row_number(text: str) -> int | None:
    is_number = text.isascii() and text.isdigit() and len(text) <= 10
    return int(text) if is_number and int(text) <= LARGEST_ID else None
