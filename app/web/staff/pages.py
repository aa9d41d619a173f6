"""Pages around the log-in of the staff: password, second factor and its set-up, log-out."""

from dataclasses import dataclass

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from app.web.shell import (
    ANY_STAFF,
    HOME,
    LOG_IN,
    OPEN,
    SECOND_FACTOR,
    SIGNING_IN,
    FormReader,
    Room,
    Shell,
    StaffMember,
    form_of,
    known_staff,
    safe_next,
)
from app.web.shell.cookies import (
    DEVICE,
    SESSIONS,
    VISITOR,
    YEAR_SECONDS,
    drop_cookie,
    read_cookie,
    set_cookie,
)
from app.web.shell.gate import ENROLMENT
from app.web.shell.people import half_signed_in
from app.web.staff import second_factor
from app.web.staff.account import add_account
from app.web.staff.ceremonies import LONGEST_ANSWER
from app.web.staff.components import components_page
from app.web.staff.desk import STAFF, LoggedIn, StaffDesk, Wait, Wrong
from app.web.staff.passkey_desk import PASSKEY, passkey_desk

SESSION = SESSIONS["staff"]


@dataclass(frozen=True, slots=True)
class LogInPages:
    """The pages of one merchant's log-in."""

    shell: Shell
    desk: StaffDesk

    def show(self, request: Request) -> Response:
        """The log-in page; who is logged in already goes on."""
        wanted = safe_next(request.query_params.get("next", HOME))
        if known_staff(request) is not None:
            return RedirectResponse(wanted, status_code=303)
        return draw_log_in(self.shell, request, wanted=wanted)

    def log_in(self, request: Request) -> Response:
        """Check name and password and go on, to the second factor where there is one."""
        sent = form_of(request)
        form = FormReader(sent, start={"user": STAFF})
        wanted = safe_next(sent.get("next", HOME))
        made = self.desk.log_in(
            name=form.text("user", most=64, required=False),
            password=form.secret("password"),
            source=_source(request),
            device=read_cookie(request, DEVICE),
            session_before=read_cookie(request, SESSION),
        )
        if isinstance(made, LoggedIn):
            return _let_in(request, made, wanted)
        form.problems.clear()
        return self._refused(request, made, "login", "login.wrong", wanted=wanted, form=form)

    def ask_code(self, request: Request) -> Response:
        """The page that asks for the second factor."""
        member = half_signed_in(request)
        if member is None:
            return RedirectResponse(HOME, status_code=303)
        if member.missing == "enrolment":
            return RedirectResponse(ENROLMENT, status_code=303)
        return self._page(request, "code", wanted=request.query_params.get("next", HOME))

    def give_code(self, request: Request) -> Response:
        """Check the second factor, a code or a passkey, and go on."""
        member = half_signed_in(request)
        sent = form_of(request)
        wanted = safe_next(sent.get("next", HOME))
        if member is None or member.missing != "code":
            return RedirectResponse(HOME, status_code=303)
        if answer := FormReader(sent).text(PASSKEY, most=LONGEST_ANSWER, required=False):
            wrong, made = "passkey.refused", self._by_passkey(request, member, answer)
        else:
            wrong, made = "code.wrong", self._by_code(request, member)
        if isinstance(made, LoggedIn):
            return _let_in(request, made, wanted)
        return self._refused(request, made, "code", wrong, wanted=wanted)

    def _by_code(self, request: Request, member: StaffMember) -> LoggedIn | Wait | Wrong:
        return self.desk.give_code(
            member,
            code=FormReader(form_of(request)).code("code"),
            source=_source(request),
            device=read_cookie(request, DEVICE),
            session_id=read_cookie(request, SESSION),
        )

    def _by_passkey(
        self, request: Request, member: StaffMember, sent: str
    ) -> LoggedIn | Wait | Wrong:
        passkeys = passkey_desk(self.shell, request)
        answer = passkeys.answer(member, sent)
        return self.desk.let_in(
            member,
            lambda connection: passkeys.proves(connection, member, answer),
            device=read_cookie(request, DEVICE),
            session_id=read_cookie(request, SESSION),
        )

    def set_up(self, request: Request) -> Response:
        """The picture that an authenticator reads, and the field for its first code."""
        member = _member(request)
        if member is None:
            return RedirectResponse(SECOND_FACTOR, status_code=303)
        return self._draw_set_up(request, member)

    def confirm(self, request: Request) -> Response:
        """Turn the second factor on and show the recovery codes, this once."""
        member = _member(request)
        if member is None:
            return RedirectResponse(SECOND_FACTOR, status_code=303)
        made = self.desk.confirm_key(
            member,
            code=FormReader(form_of(request)).code("code"),
            current=FormReader(form_of(request)).code("current", required=False),
            session_id=read_cookie(request, SESSION),
        )
        if not isinstance(made, tuple):
            return self._draw_set_up(request, member, made=made)
        begun, codes = made
        page = self.shell.pages.page(request, "staff/recovery.html", codes=codes)
        set_cookie(request, page, SESSION, begun.session_id)
        return page

    def log_out(self, request: Request) -> Response:
        """End the session on the server and in the browser."""
        self.shell.sessions.end(read_cookie(request, SESSION))
        response = RedirectResponse(LOG_IN, status_code=303)
        drop_cookie(request, response, SESSION)
        return response

    def _draw_set_up(self, request: Request, member: StaffMember, made: object = None) -> Response:
        if self.shell.master_key is None:  # a key could not be sealed
            raise HTTPException(404)
        key = self.desk.key_to_confirm(member)
        address = second_factor.address_of(
            key, name=member.name, issuer=f"autopay {self.shell.merchant.id}"
        )
        return self._refused(
            request,
            made,
            "setup",
            "code.wrong",
            status=200 if made is None else 0,
            key=key,
            address=address,
            has_factor=self.desk.has_factor(member),
        )

    def _refused(
        self,
        request: Request,
        made: object,
        template: str,
        wrong: str,
        *,
        status: int = 0,
        **values: object,
    ) -> Response:
        """The page again, with why it did not go on: `wrong`, or that it came too early."""
        if isinstance(made, Wait):
            page = self._page(
                request, template, status=429, problem="login.wait", seconds=made.seconds, **values
            )
            page.headers["retry-after"] = str(made.seconds)
            return page
        problem = wrong if status == 0 else None
        return self._page(request, template, status=status or 401, problem=problem, **values)

    def _page(self, request: Request, template: str, **values: object) -> Response:
        defaults = {"problem": None, "seconds": 0, "form": FormReader(start={"user": STAFF})}
        shown: dict[str, object] = defaults | values
        if template == "code":
            half = half_signed_in(request)
            shown["has_passkey"] = half is not None and half.has_passkey
        if template == "setup":
            shown["picture_of"] = second_factor.picture_of
        return self.shell.pages.page(request, f"staff/{template}.html", **shown)  # type: ignore[arg-type] # status among the values


def staff_room(shell: Shell, desk: StaffDesk) -> Room:
    """The routes around the log-in."""
    pages = LogInPages(shell, desk)
    room = Room("staff")
    room.get(LOG_IN, pages.show, access=OPEN)
    room.post(LOG_IN, pages.log_in, access=OPEN)
    room.get(SECOND_FACTOR, pages.ask_code, access=SIGNING_IN)
    room.post(SECOND_FACTOR, pages.give_code, access=SIGNING_IN)
    room.get(ENROLMENT, pages.set_up, access=SIGNING_IN)
    room.post(ENROLMENT, pages.confirm, access=SIGNING_IN)
    room.post("/logout", pages.log_out, access=SIGNING_IN)
    add_account(room, shell, desk)
    room.get("/components", components_page(shell), access=ANY_STAFF)
    return room


def draw_log_in(
    shell: Shell, request: Request, *, wanted: str = HOME, status: int = 200, problem: str = ""
) -> Response:
    """The log-in page."""
    return shell.pages.page(
        request,
        "staff/login.html",
        status=status,
        problem=problem,
        seconds=0,
        wanted=wanted,
        form=FormReader(start={"user": STAFF}),
    )


def stale_log_in(shell: Shell, request: Request) -> Response:
    """The log-in page for who sent one that had grown too old."""
    return draw_log_in(shell, request, status=403, problem="login.stale")


def _member(request: Request) -> StaffMember | None:
    """Who may set up a second factor: nobody whose password alone was given beside a factor."""
    half = half_signed_in(request)
    return known_staff(request) or (half if half and half.missing == "enrolment" else None)


def _let_in(request: Request, made: LoggedIn, wanted: str) -> Response:
    response = RedirectResponse(wanted, status_code=303)
    set_cookie(request, response, SESSION, made.session_id)
    set_cookie(request, response, DEVICE, made.device, seconds=YEAR_SECONDS)
    drop_cookie(request, response, VISITOR)
    return response


def _source(request: Request) -> str:
    return request.client.host if request.client else ""
