"""A fresh second factor for what weighs much: the code is taken in the transaction that acts.

Asked of everybody who has a second factor; in a live shop nobody is without one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from fastapi import Request
from sqlalchemy import Connection, select

from app.web.shell import FormReader, Shell, StaffMember, staff_of
from app.web.shell.cookies import DEVICE, read_cookie
from app.web.shell.tables import staff_users as users
from app.web.staff.desk import StaffDesk

__all__ = ["CODE", "Fresh", "NotProved"]

CODE = "code"
"""Name of the field for the code."""

Result = TypeVar("Result")


class NotProved(Exception):
    """The code is missing, wrong, used already, or came too early; nothing was done.

    The fault stands in the form.
    """


@dataclass(frozen=True, slots=True)
class Fresh:
    """Acts that need a code of this very moment."""

    shell: Shell

    def is_asked(self, request: Request) -> bool:
        """Whether this person has a second factor to give a code of."""
        member = staff_of(request)
        return self.shell.read(lambda c: _has_one(c, member))

    def write(
        self, request: Request, form: FormReader, work: Callable[[Connection], Result]
    ) -> Result:
        """Run `work` in one transaction in which the person may do it and the code is used up.

        Raises `NotProved` with the fault in the form, and `NoLongerAllowed`.
        """
        if not self.is_asked(request):
            return self.shell.write(request, work)
        code = form.code(CODE)
        form.typed.pop(CODE, None)
        member, desk = staff_of(request), StaffDesk(self.shell, "")
        if CODE in form.problems:
            raise NotProved
        counted = desk.counted_code(member, device=read_cookie(request, DEVICE))
        if seconds := desk.count(counted):
            form.refuse(CODE, "login.wait", seconds=seconds)
            raise NotProved

        def proved(connection: Connection) -> Result:
            if not desk.takes(connection, member, code, counted):
                form.refuse(CODE, "code.wrong")
                raise NotProved
            return work(connection)

        return self.shell.write(request, proved)


def _has_one(connection: Connection, member: StaffMember) -> bool:
    sealed = select(users.c.sealed_totp.is_not(None)).where(users.c.id == member.id)
    return bool(connection.execute(sealed).scalar_one())
