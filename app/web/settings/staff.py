"""Who may work here: list, add, role, reset, disable, enable. For owners.

A first password is random, is kept nowhere but as its hash, and is shown once: it travels in a
cookie of a minute to the page after the form. It is derived from the form, so that a double click,
of which the browser sees the second answer alone, still shows the password that the first one set.
"""

import base64
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fastapi import Request
from sqlalchemy import Connection
from starlette.responses import RedirectResponse, Response

from app.problems import Refused
from app.web.shell import OWNERS, Again, Done, FormReader, Role, Room, Shell, form_of, staff_of
from app.web.shell.cookies import drop_cookie, read_cookie, set_cookie
from app.web.staff import (
    BadName,
    Fresh,
    NameTaken,
    NotProved,
    StaffUser,
    add_staff,
    change_role,
    change_state,
    find_staff,
    forget_second_factor,
    list_staff,
    set_password,
)
from app.web.staff.passwords import is_password

STAFF = "/settings/staff"
NEW = "/settings/staff/new"
MEMBER = "/settings/staff/member"
ACTS = ("role", "reset", "disable", "enable")
SHOWN_ONCE = "autopay_first_password"
SHOWN_SECONDS = 60
PASSWORD_BYTES = 15

Work = Callable[[Connection], object]


@dataclass(frozen=True, slots=True)
class StaffPages:
    """The members of one merchant's staff."""

    shell: Shell
    secret: bytes = field(repr=False)

    def show(self, request: Request) -> Response:
        """Everybody, and this once the password that was made just now."""
        name, _, password = read_cookie(request, SHOWN_ONCE).partition(" ")
        page = self.shell.pages.page(
            request, "settings/staff.html", rows=self._all(), name=name, password=password
        )
        if password:
            drop_cookie(request, page, SHOWN_ONCE)
        return page

    def new(self, request: Request) -> Response:
        """The form for somebody new."""
        return self._draw_new(request, FormReader(start={"role": Role.VIEWER.value}))

    def add(self, request: Request) -> Response:
        """Make the account with a first password."""
        form = FormReader(form_of(request))
        name = form.code("name", most=64).lower()
        role = form.choice("role", list(Role))
        if any(letter.isspace() for letter in name):
            form.refuse("name", "settings.staff.spaces")
        if form.problems:
            return self._draw_new(request, form, status=422)

        def act(form_id: str) -> Done | Again:
            if self._find(name) is not None:
                form.refuse("name", "settings.staff.taken", name=name)
                return Again(self._draw_new(request, form, status=422))
            who, password = self._who(request, name), self._password(request)
            try:
                Fresh(self.shell).write(
                    request, form, lambda c: add_staff(c, role=Role(role), password=password, **who)
                )
            except NotProved:
                return Again(self._draw_new(request, form, status=422))
            except NameTaken:
                form.refuse("name", "settings.staff.taken", name=name)
                return Again(self._draw_new(request, form, status=422))
            except BadName:
                form.refuse("name", "settings.staff.bad_name")
                return Again(self._draw_new(request, form, status=422))
            return Done(STAFF, "settings.staff.added", {"name": name})

        return self._with_password(request, self.shell.act_once(request, act), name)

    def member(self, request: Request) -> Response:
        """What can be done with one member."""
        user = self._find(request.query_params.get("name", ""))
        if user is None:
            return RedirectResponse(STAFF, status_code=303)
        return self._draw_member(request, user, FormReader(start={"role": user.role.value}))

    def change(self, request: Request) -> Response:
        """Do one of the acts with one member."""
        form = FormReader(form_of(request))
        user = self._find(form.code("name", most=64))
        act_name = form.choice("act", ACTS)
        role = form.choice("role", list(Role), required=act_name == "role")
        if user is None:
            return RedirectResponse(STAFF, status_code=303)
        if act_name == "reset":
            self._check_reset(request, user, form)
        if form.problems:
            return self._draw_member(request, user, form, status=422)

        def act(form_id: str) -> Done | Again:
            try:
                work = self._work(request, user, act_name, role)
                if act_name == "disable":  # in an emergency nobody looks for a telephone first
                    self.shell.write(request, work)
                else:
                    Fresh(self.shell).write(request, form, work)
            except NotProved:
                return Again(self._draw_member(request, user, form, status=422))
            except Refused:
                form.refuse("act", "settings.staff.last_owner", name=user.name)
                return Again(self._draw_member(request, user, form, status=422))
            return Done(STAFF, f"settings.staff.done.{act_name}", {"name": user.name})

        response = self.shell.act_once(request, act)
        return (
            self._with_password(request, response, user.name) if act_name == "reset" else response
        )

    def _work(self, request: Request, user: StaffUser, act: str, role: str) -> Work:
        who, password = self._who(request, user.name), self._password(request)

        def reset(connection: Connection) -> None:
            set_password(connection, password=password, **who)
            forget_second_factor(connection, **who)

        works: dict[str, Work] = {
            "role": lambda c: change_role(c, role=Role(role), **who),
            "reset": reset,
            "disable": lambda c: change_state(c, state="disabled", **who),
            "enable": lambda c: change_state(c, state="active", **who),
        }
        return works[act]

    def _check_reset(self, request: Request, user: StaffUser, form: FormReader) -> None:
        """Whoever resets himself is logged out before he could read the password."""
        if user.name == staff_of(request).name:
            form.refuse("act", "settings.staff.not_yourself")
        elif user.password_hash is None:
            form.refuse("act", "settings.staff.by_setting", name=user.name)

    def _who(self, request: Request, name: str) -> dict[str, Any]:
        return {
            "merchant_id": self.shell.merchant.id,
            "name": name,
            "by": staff_of(request).name,
            "at": self.shell.wall.now(),
        }

    def _password(self, request: Request) -> str:
        """120 bits that only this installation can compute of the form's id."""
        text = f"first password {form_of(request).form_id}"
        made = hmac.digest(self.secret, text.encode(), "sha256")
        return base64.b32encode(made[:PASSWORD_BYTES]).decode().lower()

    def _with_password(self, request: Request, response: Response, name: str) -> Response:
        """Hand the password on, if it is the one that holds now."""
        password, user = self._password(request), self._find(name)
        is_done = response.headers.get("location") == STAFF and user is not None
        if is_done and user is not None and is_password(password, kept=user.password_hash):
            set_cookie(request, response, SHOWN_ONCE, f"{name} {password}", seconds=SHOWN_SECONDS)
        return response

    def _all(self) -> list[StaffUser]:
        return self.shell.read(lambda c: list_staff(c, merchant_id=self.shell.merchant.id))

    def _find(self, name: str) -> StaffUser | None:
        return self.shell.read(
            lambda c: find_staff(c, merchant_id=self.shell.merchant.id, name=name)
        )

    def _draw_new(self, request: Request, form: FormReader, *, status: int = 200) -> Response:
        return self.shell.pages.page(
            request,
            "settings/staff_new.html",
            status=status,
            form=form,
            roles=list(Role),
            asks_code=Fresh(self.shell).is_asked(request),
        )

    def _draw_member(
        self, request: Request, user: StaffUser, form: FormReader, *, status: int = 200
    ) -> Response:
        return self.shell.pages.page(
            request,
            "settings/staff_member.html",
            status=status,
            form=form,
            user=user,
            roles=list(Role),
            is_me=user.name == staff_of(request).name,
            asks_code=Fresh(self.shell).is_asked(request),
        )


def add_staff_pages(room: Room, shell: Shell) -> None:
    """The routes of the staff's accounts."""
    pages = StaffPages(shell, shell.master_key or secrets.token_bytes(32))
    room.get(STAFF, pages.show, access=OWNERS)
    room.get(NEW, pages.new, access=OWNERS)
    room.post(NEW, pages.add, access=OWNERS)
    room.get(MEMBER, pages.member, access=OWNERS)
    room.post(MEMBER, pages.change, access=OWNERS)
