"""One's own account: another password, another second factor, and the end of all sessions."""

from dataclasses import dataclass

from fastapi import Request
from sqlalchemy import Connection, func, select
from starlette.responses import RedirectResponse, Response

from app.web.shell import LOG_IN, FormReader, Room, Shell, StaffMember, form_of, staff_of
from app.web.shell.cookies import SESSIONS, drop_cookie, set_cookie
from app.web.shell.people import ANY_STAFF
from app.web.shell.tables import recovery_codes as codes
from app.web.shell.tables import web_sessions as sessions
from app.web.staff import brake
from app.web.staff.accounts import WeakPassword, end_sessions, find_staff, set_password
from app.web.staff.desk import StaffDesk
from app.web.staff.fresh import Fresh, NotProved
from app.web.staff.passkey_desk import party_of
from app.web.staff.passkey_pages import add_passkeys
from app.web.staff.passkeys import passkeys_of
from app.web.staff.passwords import is_password

ACCOUNT = "/account"
PASSWORD = "/account/password"  # noqa: S105 - a path
EVERYWHERE = "/account/sign-out-everywhere"
CHANGED = f"{ACCOUNT}?changed=yes"


@dataclass(frozen=True, slots=True)
class OwnAccount:
    """What is to be seen of it; `is_of_setting` when the password is the program's setting."""

    is_of_setting: bool
    has_factor: bool
    codes_left: int
    sessions: int


@dataclass(frozen=True, slots=True)
class AccountPages:
    """The account of whoever looks."""

    shell: Shell
    desk: StaffDesk

    def show(self, request: Request) -> Response:
        """The account."""
        return self._draw(request, FormReader())

    def change(self, request: Request) -> Response:
        """Another password: every session ends, and this browser goes on under a fresh one."""
        member, form = staff_of(request), FormReader(form_of(request))
        current, wanted = form.secret("current"), form.secret("wanted")
        if wanted != form.secret("again"):
            form.refuse("again", "account.differs")
        found = self._account(member)
        if found.is_of_setting:
            form.refuse("current", "account.by_setting")
        if not form.problems:
            self._check_current(request, member, current, form)
        if form.problems:
            return self._draw(request, form, status=422)

        def work(connection: Connection) -> str:
            set_password(
                connection,
                merchant_id=self.shell.merchant.id,
                name=member.name,
                password=wanted,
                by=member.name,
                at=self.shell.wall.now(),
            )
            return self.shell.sessions.begin_staff(connection, staff_id=member.id, level="full")

        try:
            begun = Fresh(self.shell).write(request, form, work)
        except WeakPassword:
            form.refuse("wanted", "account.weak")
        except NotProved:
            pass
        else:
            response = RedirectResponse(CHANGED, status_code=303)
            set_cookie(request, response, SESSIONS["staff"], begun)
            return response
        return self._draw(request, form, status=422)

    def end_everywhere(self, request: Request) -> Response:
        """End every session of this person, this one too."""
        member = staff_of(request)
        self.shell.write(
            request,
            lambda connection: end_sessions(
                connection,
                merchant_id=self.shell.merchant.id,
                name=member.name,
                at=self.shell.wall.now(),
            ),
        )
        response = RedirectResponse(LOG_IN, status_code=303)
        drop_cookie(request, response, SESSIONS["staff"])
        return response

    def _check_current(
        self, request: Request, member: StaffMember, current: str, form: FormReader
    ) -> None:
        """Whoever sits at somebody else's open browser does not guess the password here."""
        counted = [brake.Counted("code", f"{member.id}\x00password")]
        if seconds := self.desk.count(counted):
            form.refuse("current", "login.wait", seconds=seconds)
            return
        kept = self.shell.read(
            lambda c: find_staff(c, merchant_id=self.shell.merchant.id, name=member.name)
        )
        if not is_password(current, kept=kept.password_hash if kept else None):
            form.refuse("current", "account.wrong")
            return
        self.shell.write(
            request,
            lambda c: brake.forgive(c, merchant_id=self.shell.merchant.id, counted=counted),
        )

    def _account(self, member: StaffMember) -> OwnAccount:
        return self.shell.read(lambda c: _account_of(c, self.shell.merchant.id, member))

    def _draw(self, request: Request, form: FormReader, *, status: int = 200) -> Response:
        form.typed.pop("code", None)
        return self.shell.pages.page(
            request,
            "staff/account.html",
            status=status,
            form=form,
            account=self._account(staff_of(request)),
            can_set_up=self.shell.master_key is not None,
            changed=request.query_params.get("changed") == "yes" and status == 200,
            done=_done(request) if status == 200 else "",
            passkeys=self.shell.read(lambda c: passkeys_of(c, staff_of(request))),
            party=party_of(self.shell, request),
        )


def _account_of(connection: Connection, merchant_id: str, member: StaffMember) -> OwnAccount:
    user = find_staff(connection, merchant_id=merchant_id, name=member.name)
    assert user is not None, "members are never deleted"  # noqa: S101 - a promise of accounts
    left = select(func.count()).where(codes.c.staff_id == user.id, codes.c.used_at.is_(None))
    open_ones = select(func.count()).where(
        sessions.c.staff_id == user.id,
        sessions.c.ended_at.is_(None),
        sessions.c.epoch == user.epoch,
    )
    return OwnAccount(
        is_of_setting=user.password_hash is None,
        has_factor=user.sealed_totp is not None,
        codes_left=connection.execute(left).scalar_one(),
        sessions=connection.execute(open_ones).scalar_one(),
    )


def add_account(room: Room, shell: Shell, desk: StaffDesk) -> None:
    """The routes of one's own account."""
    pages = AccountPages(shell, desk)
    room.get(ACCOUNT, pages.show, access=ANY_STAFF)
    room.get(PASSWORD, _back, access=ANY_STAFF)
    room.post(PASSWORD, pages.change, access=ANY_STAFF)
    room.post(EVERYWHERE, pages.end_everywhere, access=ANY_STAFF)
    add_passkeys(room, shell)


def _done(request: Request) -> str:
    """What was done to a passkey right before."""
    wanted = request.query_params.get("passkey", "")
    return wanted if wanted in ("added", "renamed", "removed") else ""


def _back() -> Response:
    """The address of a form that was refused, loaded anew."""
    return RedirectResponse(ACCOUNT, status_code=303)
