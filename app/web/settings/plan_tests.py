"""Plans of the live shop and of the test shop side by side, with a switch for each test."""

from dataclasses import dataclass

from fastapi import Request
from sqlalchemy import Connection
from starlette.responses import Response

from app.web.shell import (
    OWNERS,
    Again,
    Done,
    FormReader,
    Room,
    Shell,
    form_of,
    staff_of,
)
from billing import civil_date
from billing.settings import (
    Account,
    NoTestKeys,
    OtherTermsInTest,
    PlanTest,
    load_account,
    plan_tests,
    switch_plan_test,
    twin_of,
)
from plans import PlansError

PLANS = "/settings/plans"


@dataclass(frozen=True, slots=True)
class Pair:
    """The two shops of one seller; a side that the database does not have is None."""

    live: Account | None
    test: Account | None

    @property
    def can_test(self) -> bool:
        """Whether there are sandbox keys to sign with."""
        return self.test is not None and self.test.has_key


@dataclass(frozen=True, slots=True)
class PlanTestPages:
    """Which plans are tried out."""

    shell: Shell

    def show(self, request: Request) -> Response:
        """Every plan, live and in test."""
        return self._draw(request, FormReader())

    def switch(self, request: Request) -> Response:
        """Put a plan into the test shop, or end its test."""
        form = FormReader(form_of(request))
        plan_code = form.code("plan", most=100)
        wanted = form.choice("to", ("on", "off"))
        if form.problems:
            return self._draw(request, form, status=422)

        def act(_form_id: str) -> Done | Again:
            def work(connection: Connection) -> None:
                pair = pair_of(connection, self.shell.merchant.id)
                switch_plan_test(
                    connection,
                    live=pair.live,
                    test=pair.test,
                    plan_code=plan_code,
                    on=wanted == "on",
                    by=staff_of(request).name,
                    at=self.shell.wall.now(),
                )

            try:
                self.shell.write(request, work)
            except NoTestKeys:
                form.refuse("plan", "settings.plans.no_keys")
            except OtherTermsInTest as other:
                codes = ", ".join(other.codes) or plan_code
                form.refuse("plan", "settings.plans.other_terms", plan=codes)
            except PlansError as refused:
                form.refuse("plan", "settings.plans.refused", told=str(refused))
            if form.problems:
                return Again(self._draw(request, form, status=409))
            return Done(PLANS, f"settings.plans.done.{wanted}", {"plan": plan_code})

        return self.shell.act_once(request, act)

    def _draw(self, request: Request, form: FormReader, *, status: int = 200) -> Response:
        merchant = self.shell.merchant
        on = civil_date(at=self.shell.clock.now(), timezone=merchant.timezone)

        def look(connection: Connection) -> tuple[Pair, list[PlanTest]]:
            pair = pair_of(connection, merchant.id)
            return pair, plan_tests(connection, live=pair.live, test=pair.test, on=on)

        pair, rows = self.shell.read(look)
        return self.shell.pages.page(
            request, "settings/plans.html", status=status, form=form, pair=pair, rows=rows
        )


def pair_of(connection: Connection, merchant_id: str) -> Pair:
    """This merchant and that of the other environment."""
    own = load_account(connection, merchant_id=merchant_id)
    other = twin_of(connection, own)
    return Pair(own, other) if own.environment == "live" else Pair(other, own)


def add_plan_tests(room: Room, shell: Shell) -> None:
    """The routes of plans in test."""
    pages = PlanTestPages(shell)
    room.get(PLANS, pages.show, access=OWNERS)
    room.post(PLANS, pages.switch, access=OWNERS)
