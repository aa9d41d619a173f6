"""A form acts once: a double click, the back button or a stale tab shows what the first one did.

The id of the form is claimed in the database before anything is done, together with a look at
whether the person may still do it. The claim outlives a crash: a form whose outcome is not known
is never acted upon again, and its sender is told to look first.
"""

import hashlib
import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import Connection, Engine, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.web.shell.cookies import SAID, drop_cookie, read_cookie, set_cookie
from app.web.shell.forms import form_binding, form_of
from app.web.shell.kept import FORM_ID, KeptForms, asked_query
from app.web.shell.people import known_customer, known_staff
from app.web.shell.sessions import Sessions
from app.web.shell.tables import form_uses as uses
from billing import reading, writing
from scheduler import Clock

log = logging.getLogger(__name__)

KEPT = timedelta(days=30)
WAIT_SECONDS, LOOK_SECONDS = 10.0, 0.05
SAID_SECONDS = 60


class OutcomeNotKnown(HTTPException):
    """This form was sent before and it is not known what came of it; nothing was done now."""

    def __init__(self) -> None:
        super().__init__(status_code=409, detail="once")


@dataclass(frozen=True, slots=True)
class Done:
    """What was done: the page that follows and the notice on it, by the key of its words."""

    leads_to: str
    say: str
    figures: Mapping[str, object] = field(default_factory=dict)
    tone: str = "good"


@dataclass(frozen=True, slots=True)
class Again:
    """Nothing was done: the same form may be sent again, corrected. `page` says why."""

    page: Response


@dataclass(frozen=True, slots=True)
class Notice:
    """What a page says at its top after a form; `repeated` when this was not the first post."""

    tone: str
    key: str
    figures: Mapping[str, Any]
    repeated: bool = False


Act = Callable[[str], Done | Again]
"""Does the work; gets an id that is the same for every post of this form."""


@dataclass(frozen=True, slots=True)
class OnceForms:
    """Forms of one merchant's pages."""

    database: Engine
    merchant_id: str
    sessions: Sessions
    wall: Clock
    kept: KeptForms

    def run(self, request: Request, act: Act) -> Response:
        """Do the work of a form, unless it was done before, and go to the page that follows.

        Raises `NoLongerAllowed` when the session or the role is gone by now, and
        `OutcomeNotKnown` when an earlier post of this form has no outcome.
        """
        form_hash = self._hash(request, form_of(request).form_id)
        if not writing(self.database, lambda c: self._claim(c, request, form_hash)):
            return self._first_outcome(request, form_hash)
        made = act(form_hash)
        if isinstance(made, Again):
            # Whoever waits for this form must find its words once the claim is gone.
            self.kept.save(request)
            writing(self.database, lambda c: c.execute(delete(uses).where(_is(form_hash))))
            return made.page
        shown = json.dumps([made.tone, made.say, dict(made.figures)], default=str)
        done = {"state": "done", "leads_to": made.leads_to, "shown": shown}
        writing(self.database, lambda c: c.execute(update(uses).where(_is(form_hash)).values(done)))
        return self._go(request, made.leads_to, repeated=False)

    def notice(self, request: Request) -> Notice | None:
        """What the form before this page has to say; asked once, as `taken` takes it away."""
        said = read_cookie(request, SAID)
        repeated, _, form_id = said.partition(".")
        if not form_id or not FORM_ID.fullmatch(form_id):
            return None
        with reading(self.database) as connection:
            statement = select(uses.c.shown).where(_is(self._hash(request, form_id)))
            shown = connection.execute(statement).scalar_one_or_none()
        if shown is None:
            return None
        tone, key, figures = json.loads(shown)
        return Notice(tone, key, figures, repeated == "again")

    def taken(self, request: Request, response: Response) -> None:
        """The notice was shown."""
        drop_cookie(request, response, SAID)

    def _claim(self, connection: Connection, request: Request, form_hash: str) -> bool:
        """True for the first post of a form by somebody who may still send it."""
        if staff := known_staff(request):
            self.sessions.recheck_staff(connection, staff)
        if customer := known_customer(request):
            self.sessions.recheck_customer(connection, customer)
        at = self.wall.now()
        if connection.execute(select(uses.c.state).where(_is(form_hash))).first():
            return False
        row = {
            "form_hash": form_hash,
            "merchant_id": self.merchant_id,
            "path": request.url.path,
            "state": "begun",
            "used_at": at,
        }
        try:
            with connection.begin_nested():
                connection.execute(insert(uses).values(row))
        except IntegrityError:  # another process was faster
            return False
        connection.execute(delete(uses).where(uses.c.used_at < at - KEPT))
        return True

    def _first_outcome(self, request: Request, form_hash: str) -> Response:
        """Where the first post led to, once it is done."""
        until = time.monotonic() + WAIT_SECONDS
        while True:
            with reading(self.database) as connection:
                row = connection.execute(select(uses).where(_is(form_hash))).mappings().first()
            if row is None:  # the first one was refused and may be corrected
                # The page says it once more; nothing is done by looking at it.
                query = urlencode(asked_query(request))
                return RedirectResponse(f"{request.url.path}?{query}", status_code=303)
            if row["state"] == "done":
                return self._go(request, row["leads_to"], repeated=True)
            if time.monotonic() > until:
                log.warning("form of %s was sent again before it was done", row["path"])
                raise OutcomeNotKnown
            time.sleep(LOOK_SECONDS)

    def _go(self, request: Request, leads_to: str, *, repeated: bool) -> Response:
        response = RedirectResponse(leads_to, status_code=303)
        said = f"{'again' if repeated else 'once'}.{form_of(request).form_id}"
        set_cookie(request, response, SAID, said, seconds=SAID_SECONDS)
        return response

    def _hash(self, request: Request, form_id: str) -> str:
        if not FORM_ID.fullmatch(form_id):
            raise HTTPException(400)
        return hashlib.sha256(f"{form_binding(request)}.{form_id}".encode()).hexdigest()


def _is(form_hash: str) -> Any:
    return uses.c.form_hash == form_hash
