"""What the pages of the back office share: the merchant's day, and figures that took long."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TypeVar

from fastapi import Request
from sqlalchemy import Connection
from starlette.responses import Response

from app.web.shell import Remembered, Shell, aside
from billing import civil_date
from billing.desk import Coming, DayFigures, coming_charges

Result = TypeVar("Result")
NEAR_DAYS, FAR_DAYS = 100, 400
# The charts go back so far; read in slices, so that no other page waits long for one of them.
DAYS_SHOWN, DAYS_AT_ONCE = 366, 16


@dataclass(frozen=True, slots=True)
class Desk:
    """One merchant's back office."""

    shell: Shell
    # Each question reads by a connection of its own, so it may be asked aside.
    remembered: Remembered = field(default_factory=lambda: Remembered(renew=aside))

    def today(self) -> date:
        """The merchant's date by the clock of the books."""
        return civil_date(at=self.shell.clock.now(), timezone=self.shell.merchant.timezone)

    def page(
        self, request: Request, template: str, *, status: int = 200, **values: object
    ) -> Response:
        """Draw a page of the back office."""
        return self.shell.pages.page(
            request, f"backoffice/{template}", status=status, today=self.today(), **values
        )

    def ask(
        self, name: str, work: Callable[[Connection], Result], *, ahead_seconds: float = 0.0
    ) -> Result:
        """Read something that may take long with much data; see `Remembered`."""
        return self.remembered.get(
            (name, self.today()),
            lambda: self.shell.read(work),
            at=self.shell.clock.now(),
            ahead_seconds=ahead_seconds,
        )

    def coming(self, *, until: date, ahead_seconds: float = 0.0) -> Coming:
        """Every charge from today to a day or further: one answer serves all questions near by."""
        days = NEAR_DAYS if (until - self.today()).days <= NEAR_DAYS else FAR_DAYS
        at = self.shell.clock.now()

        def work(connection: Connection) -> Coming:
            return coming_charges(connection, self.shell.merchant, at=at, days=days)

        return self.ask(f"coming {days}", work, ahead_seconds=ahead_seconds)

    def warm(self, ahead_seconds: float) -> None:
        """Ask for what every reader of these pages waits for: the forecast and the days."""
        today = self.today()
        # The far one is large: it is kept warm only where somebody looks so far ahead.
        for days in (NEAR_DAYS, FAR_DAYS):
            if days == NEAR_DAYS or self.remembered.knows((f"coming {days}", today)):
                self.coming(until=today + timedelta(days=days), ahead_seconds=ahead_seconds)
        wanted = days_between(today - timedelta(days=DAYS_SHOWN), today)
        for first in range(0, len(wanted), DAYS_AT_ONCE):
            self.days(wanted[first : first + DAYS_AT_ONCE])

    def days(self, wanted: Sequence[date]) -> list[DayFigures]:
        """Figures of days that have begun; those that are closed are read once per process."""
        shell, at = self.shell, self.shell.clock.now()
        return shell.read(
            lambda connection: shell.days.figures(
                connection, shell.merchant, days=wanted, today=self.today(), at=at
            )
        )


def days_between(first: date, last: date) -> list[date]:
    """Every day from the first to the last, both included."""
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]
