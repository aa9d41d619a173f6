"""The first page of the staff: what is alarming, what today brings, and the brake."""

from dataclasses import dataclass
from datetime import timedelta

from fastapi import Request
from sqlalchemy import Connection
from starlette.responses import Response

from app.web.backoffice.desk import Desk
from app.web.shell import ANY_STAFF, OWNERS, Again, Done, FormReader, Role, Room, form_of, staff_of
from billing import (
    Alarming,
    Brake,
    BrakeScope,
    alarming,
    load_brake,
    load_indicators,
    pull_brake,
    release_brake,
)
from billing.desk import Figure, OpenFigures, open_figures

SOON_DAYS = 7
EVERYBODY = "*"
MOST_REASON = 200


@dataclass(frozen=True, slots=True)
class Shown:
    """One figure of the page: its words' key, how many, how many yen, and the rows behind it."""

    key: str
    rows: int
    amount_yen: int
    href: str
    tone: str = "plain"


def add_today(room: Room, desk: Desk) -> None:
    """`/today`, and the brake that owners may move."""
    page = TodayPage(desk)
    room.get("/today", page.show, access=ANY_STAFF)
    room.post("/today/brake", page.move_brake, access=OWNERS)


@dataclass(frozen=True, slots=True)
class TodayPage:
    """What is due, what happened, and what somebody should look at."""

    desk: Desk

    def show(self, request: Request) -> Response:
        """Alarms first, then the day's figures, then what stands open."""
        return self._page(request, FormReader())

    def move_brake(self, request: Request) -> Response:
        """Stop new charges, or let them go on; who does it says why."""
        form = FormReader(form_of(request))
        reason = form.text("reason", most=MOST_REASON)
        wanted = form.choice("to", ("pull", "release"))
        if form.problems:
            return self._page(request, form, status=422)
        shell, by = self.desk.shell, staff_of(request).name

        def act(_form_id: str) -> Done | Again:
            at = shell.clock.now()

            def work(connection: Connection) -> None:
                if wanted == "pull":
                    pull_brake(connection, shell.merchant, by=by, reason=reason, at=at)
                else:
                    release_brake(connection, shell.merchant, by=by, reason=reason, at=at)

            shell.write(request, work)
            return Done("/today", f"today.brake.done.{wanted}")

        return shell.act_once(request, act)

    def _page(self, request: Request, form: FormReader, *, status: int = 200) -> Response:
        shell = self.desk.shell
        brake = shell.read(lambda connection: load_brake(connection, shell.merchant.id))
        figures = self.desk.ask("open", lambda c: open_figures(c, shell.merchant))
        return self.desk.page(
            request,
            "today.html",
            status=status,
            alarms=self._alarms(),
            brake=brake,
            own_brake=brake.scope is BrakeScope.MERCHANT,
            may_move=staff_of(request).role is Role.OWNER,
            form=form,
            days=self._of_today(),
            standing=_standing(figures),
            soon=self._soon(),
            soon_days=SOON_DAYS,
            nothing_runs=_nothing_runs(brake),
        )

    def _alarms(self) -> list[Alarming]:
        shell = self.desk.shell
        at = shell.clock.now()
        indicators = self.desk.ask("indicators", lambda c: load_indicators(c, at=at))
        ours = (("merchant", shell.merchant.id), ("merchant", EVERYBODY))
        return [
            found
            for found in alarming(indicators)
            if any(label in found.indicator.labels for label in ours)
        ]

    def _of_today(self) -> list[Shown]:
        today = self.desk.today()
        coming = self.desk.coming(until=today + timedelta(days=SOON_DAYS))
        due = coming.free_of_obstacles(coming.on_day(today))
        (done,) = self.desk.days([today])
        period = f"from={today}&to={today}"
        return [
            Shown("due", len(due), coming.yen(due), f"/calendar/day?on={today}&only=expected"),
            Shown(
                "charged",
                done.rows("captured"),
                done.yen("captured"),
                f"/charges?{period}&state=captured",
                "good",
            ),
            Shown(
                "failed",
                done.rows("declined"),
                done.yen("declined"),
                f"/failures/declined?{period}",
                "bad",
            ),
        ]

    def _soon(self) -> Shown:
        until = self.desk.today() + timedelta(days=SOON_DAYS)
        coming = self.desk.coming(until=until)
        blocked = coming.blocked(until=until)
        return Shown("permissions", len(blocked), coming.yen(blocked), "/calendar/blocked", "warn")


def _standing(figures: OpenFigures) -> list[Shown]:
    def shown(key: str, figure: Figure, href: str, tone: str = "warn") -> Shown:
        return Shown(key, figure.rows, figure.amount_yen, href, tone)

    return [
        shown("in_doubt", figures.in_doubt, "/charges?state=in_doubt"),
        shown("waiting_buyer", figures.waiting_buyer, "/failures?state=waiting_buyer"),
        shown("retrying", figures.retrying, "/failures?state=retrying", "plain"),
        shown("capped", figures.capped, "/failures?state=capped"),
        shown("refused", figures.refused, "/failures?state=refused"),
        shown("quarantined", figures.quarantined, "/failures?state=quarantined"),
    ]


def _nothing_runs(brake: Brake) -> bool:
    """No charge run has ever begun with these books."""
    return brake.last_run_at is None
