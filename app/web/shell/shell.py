"""What every room of the pages is given: the books, the clocks, and how to draw, read and act."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine
from starlette.requests import Request
from starlette.responses import Response

from app.travel import TimeMachine
from app.web.shell.days import KnownDays
from app.web.shell.once import Act, OnceForms
from app.web.shell.people import known_customer, known_staff
from app.web.shell.remembered import oldest_shown
from app.web.shell.rendering import Pages
from app.web.shell.rules import RulesOfNow
from app.web.shell.sessions import Sessions
from app.web.shell.warm import Warm
from billing import Merchant, reading, writing
from scheduler import BillingEngine, Clock

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Shell:
    """One merchant's pages, by its rules of now.

    `clock` is that of the books (virtual in a sandbox), `wall` the real one.
    `master_key` opens what is sealed in the database; None where nobody gave one. `charging` is
    the engine for what cannot wait for the worker; None where nothing is charged from here.
    `public_url` is where buyers reach these pages, without a slash at its end. `retention_offer`
    is what somebody who wants to leave is offered instead: `pause`, `skip`, or `none`.
    `leave_early` (refused or for_fee) is what the minimum term means for customers.
    `given_settings` are names of settings that were given on purpose: they win at every start.
    `time_machine` moves the clock of a sandbox with a local Amazon Pay; everybody else has none.
    `warm` holds questions that are asked before a reader does; `days` knows what was charged.
    `price_notice_days` lie between the notice of a price change and its first day.
    `passkey_verification` says whether passkeys ask for a PIN, a finger or a face.
    """

    database: Engine
    rules: RulesOfNow
    clock: Clock
    wall: Clock
    master_key: bytes | None
    pages: Pages
    once: OnceForms
    sessions: Sessions
    charging: Callable[[], BillingEngine] | None = None
    public_url: str = ""
    retention_offer: str = "none"
    leave_early: str = "refused"
    given_settings: frozenset[str] = frozenset()
    time_machine: TimeMachine | None = None
    price_notice_days: int = 30
    passkey_verification: Literal["required", "preferred", "discouraged"] = "preferred"
    warm: Warm = field(default_factory=Warm)
    days: KnownDays = field(default_factory=KnownDays)

    @property
    def merchant(self) -> Merchant:
        """The merchant by its rules of now, two seconds old at most."""
        return self.rules.merchant

    def shown_at(self) -> datetime:
        """Of what moment the figures of this answer are, on the merchant's clock."""
        at = oldest_shown() or self.clock.now()
        return at.astimezone(ZoneInfo(self.merchant.timezone))

    def read(self, work: Callable[[Connection], Result]) -> Result:
        """Run `work` on one consistent snapshot of the books."""
        with reading(self.database) as connection:
            return work(connection)

    def write(self, request: Request, work: Callable[[Connection], Result]) -> Result:
        """Run `work` in one transaction in which the person may still do it.

        Raises `NoLongerAllowed` when the session or the role was taken away meanwhile.
        """

        def checked(connection: Connection) -> Result:
            if member := known_staff(request):
                self.sessions.recheck_staff(connection, member)
            if customer := known_customer(request):
                self.sessions.recheck_customer(connection, customer)
            return work(connection)

        return writing(self.database, checked)

    def act_once(self, request: Request, act: Act) -> Response:
        """Do the work of a form at most once, and go to the page that follows."""
        return self.once.run(request, act)
