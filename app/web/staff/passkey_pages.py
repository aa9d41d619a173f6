"""One's own passkeys: make one, name it, remove it; and the question that a passkey answers.

Making one takes two steps: a fresh code, or a passkey there is, opens five minutes in which this
session may make another.
"""

from dataclasses import dataclass

from fastapi import Request
from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from app.problems import Refused
from app.web.shell import (
    ANY_STAFF,
    SIGNING_IN,
    FormReader,
    Room,
    Shell,
    form_of,
    known_staff,
    row_number,
    staff_of,
    words_of,
)
from app.web.shell.cookies import SESSIONS, set_cookie
from app.web.shell.people import half_signed_in
from app.web.staff.ceremonies import LONGEST_ANSWER, MadeCredential, NoProof
from app.web.staff.fresh import Fresh, NotProved
from app.web.staff.passkey_desk import PASSKEY, PasskeyDesk, passkey_desk
from app.web.staff.passkeys import (
    MOST_LETTERS,
    KnownAlready,
    Passkey,
    add_passkey,
    make_challenge,
    passkey_of,
    passkeys_of,
    remove_passkey,
    rename_passkey,
)

MINE = "/account#passkeys"
BEGIN = "/account/passkeys"
MAKE = "/account/passkeys/new"
ONE = "/account/passkeys/{passkey_id}"
ASK = "/login/passkey"
ACTS = ("rename", "remove")


@dataclass(frozen=True, slots=True)
class PasskeyPages:
    """The passkeys of whoever looks."""

    shell: Shell

    def begin(self, request: Request) -> Response:
        """Open the five minutes, once it is proved who asks."""
        form, member, at = FormReader(form_of(request)), staff_of(request), self.shell.wall.now()
        if not Fresh(self.shell).is_asked(request) or self._desk(request).party is None:
            return RedirectResponse(MINE, status_code=303)  # the account says what is missing

        def work(connection: Connection) -> None:
            make_challenge(connection, member, ceremony="register", at=at)

        try:
            Fresh(self.shell).write(request, form, work)
        except NotProved:
            return self._draw_begin(request, form, status=422)
        return RedirectResponse(MAKE, status_code=303)

    def show_begin(self, request: Request) -> Response:
        """What is asked for before one can be made."""
        if not Fresh(self.shell).is_asked(request) or self._desk(request).party is None:
            return RedirectResponse(MINE, status_code=303)
        return self._draw_begin(request, FormReader())

    def show_make(self, request: Request) -> Response:
        """The button that makes one; afterwards the browser sends what it made."""
        return self._draw_make(request, FormReader(start={"name": self._next_name(request)}))

    def make(self, request: Request) -> Response:
        """Keep what the browser made; every session ends, and this browser goes on afresh."""
        form, member = FormReader(form_of(request)), staff_of(request)
        name = form.text("name", most=MOST_LETTERS)
        sent = form.text(PASSKEY, most=LONGEST_ANSWER)
        form.typed.pop(PASSKEY, None)
        if form.problems:
            return self._draw_make(request, form, status=422)
        try:
            begun = self._keep(request, name, self._desk(request).made(member, sent))
        except KnownAlready:
            form.refuse(PASSKEY, "passkey.known")
        except NoProof:
            form.refuse(PASSKEY, "passkey.not_made")
        except Refused:
            form.refuse(PASSKEY, "passkey.too_many")
        else:
            return self._afresh(request, begun, "added")
        return self._draw_begin(request, form, status=422)

    def show(self, request: Request, passkey_id: str) -> Response:
        """One passkey, with what can be done about it."""
        found = self._found(request, passkey_id)
        return self._draw_one(request, found, FormReader(start={"name": found.name}))

    def change(self, request: Request, passkey_id: str) -> Response:
        """Give it another name, or remove it, which asks for a fresh code."""
        form, found = FormReader(form_of(request)), self._found(request, passkey_id)
        if form.choice("act", ACTS) == "remove":
            return self._remove(request, found, form)
        name = form.text("name", most=MOST_LETTERS)
        if form.problems:
            return self._draw_one(request, found, form, status=422)
        member = staff_of(request)
        self.shell.write(
            request,
            lambda c: rename_passkey(
                c,
                member,
                merchant_id=self.shell.merchant.id,
                passkey=found,
                name=name,
                at=self.shell.wall.now(),
            ),
        )
        return RedirectResponse("/account?passkey=renamed", status_code=303)

    def ask(self, request: Request) -> Response:
        """What a passkey is asked, as a proof at the log-in or of what weighs much; JSON."""
        member = known_staff(request) or half_signed_in(request)
        asked = self._desk(request).ask_to_prove(member) if member else None
        return Response(asked or "null", media_type="application/json")

    def _remove(self, request: Request, found: Passkey, form: FormReader) -> Response:
        member = staff_of(request)

        def work(connection: Connection) -> str:
            remove_passkey(
                connection,
                member,
                merchant_id=self.shell.merchant.id,
                passkey=found,
                at=self.shell.wall.now(),
            )
            self._desk(request).tell(connection, member, "passkey_removed", found.name)
            return self.shell.sessions.begin_staff(connection, staff_id=member.id, level="full")

        try:
            begun = Fresh(self.shell).write(request, form, work)
        except NotProved:
            form.typed["name"] = found.name
            return self._draw_one(request, found, form, status=422)
        return self._afresh(request, begun, "removed")

    def _keep(self, request: Request, name: str, made: MadeCredential) -> str:
        member, party = staff_of(request), self._desk(request).party
        assert party is not None, "nothing is made without an address"  # noqa: S101 - the desk's promise

        def work(connection: Connection) -> str:
            add_passkey(
                connection,
                member,
                merchant_id=self.shell.merchant.id,
                made=made,
                party=party,
                name=name,
                at=self.shell.wall.now(),
            )
            self._desk(request).tell(connection, member, "passkey_added", name)
            return self.shell.sessions.begin_staff(connection, staff_id=member.id, level="full")

        return self.shell.write(request, work)

    def _afresh(self, request: Request, begun: str, done: str) -> Response:
        response = RedirectResponse(f"/account?passkey={done}", status_code=303)
        set_cookie(request, response, SESSIONS["staff"], begun)
        return response

    def _desk(self, request: Request) -> PasskeyDesk:
        return passkey_desk(self.shell, request)

    def _found(self, request: Request, passkey_id: str) -> Passkey:
        number, member = row_number(passkey_id), staff_of(request)
        found = self.shell.read(lambda c: passkey_of(c, member, number))
        if found is None:
            raise HTTPException(404)
        return found

    def _next_name(self, request: Request) -> str:
        member = staff_of(request)
        known = self.shell.read(lambda c: passkeys_of(c, member))
        return words_of(request)("passkey.numbered", number=len(known) + 1)

    def _draw_begin(self, request: Request, form: FormReader, *, status: int = 200) -> Response:
        return self.shell.pages.page(
            request,
            "staff/passkey_begin.html",
            status=status,
            form=form,
            party=self._desk(request).party,
        )

    def _draw_make(self, request: Request, form: FormReader, *, status: int = 200) -> Response:
        """Whose five minutes are over proves anew who it is."""
        asked = self._desk(request).ask_to_make(staff_of(request))
        if asked is None:
            return RedirectResponse(BEGIN, status_code=303)
        return self.shell.pages.page(
            request, "staff/passkey_make.html", status=status, form=form, asked=asked
        )

    def _draw_one(
        self, request: Request, found: Passkey, form: FormReader, *, status: int = 200
    ) -> Response:
        return self.shell.pages.page(
            request,
            "staff/passkey.html",
            status=status,
            form=form,
            passkey=found,
            party=self._desk(request).party,
            asks_code=Fresh(self.shell).is_asked(request),
        )


def add_passkeys(room: Room, shell: Shell) -> None:
    """The routes of one's own passkeys."""
    pages = PasskeyPages(shell)
    room.post(ASK, pages.ask, access=SIGNING_IN)
    room.get(BEGIN, pages.show_begin, access=ANY_STAFF)
    room.post(BEGIN, pages.begin, access=ANY_STAFF)
    room.get(MAKE, pages.show_make, access=ANY_STAFF)
    room.post(MAKE, pages.make, access=ANY_STAFF)
    room.get(ONE, pages.show, access=ANY_STAFF)
    room.post(ONE, pages.change, access=ANY_STAFF)
