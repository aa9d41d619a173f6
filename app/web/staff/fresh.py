"""A fresh second factor for what weighs much: a code that is taken in the transaction that acts,
or a passkey's answer, taken right before it.

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
from app.web.staff.brake import Counted
from app.web.staff.ceremonies import LONGEST_ANSWER
from app.web.staff.desk import StaffDesk
from app.web.staff.passkey_desk import PASSKEY, passkey_desk
from billing import writing

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
    """Acts that need a code of this very moment, or a passkey."""

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
        if answer := form.text(PASSKEY, most=LONGEST_ANSWER, required=False):
            self._take_passkey(request, form, answer)
            return self.shell.write(request, work)
        code = form.code(CODE)
        form.typed.pop(CODE, None)
        if CODE in form.problems:
            raise NotProved
        member, desk = staff_of(request), StaffDesk(self.shell, "")
        counted = self._counted(request, form, CODE)

        def proved(connection: Connection) -> Result:
            if not desk.takes(connection, member, code, counted):
                form.refuse(CODE, "code.wrong")
                raise NotProved
            return work(connection)

        return self.shell.write(request, proved)

    def _take_passkey(self, request: Request, form: FormReader, sent: str) -> None:
        """Count the try, and take the passkey's answer; a report of a copy outlives the refusal."""
        form.typed.pop(PASSKEY, None)
        member, passkeys = staff_of(request), passkey_desk(self.shell, request)
        counted = self._counted(request, form, PASSKEY)
        answer = passkeys.answer(member, sent)

        def proves(connection: Connection) -> bool:
            is_right = passkeys.proves(connection, member, answer)
            if is_right:
                StaffDesk(self.shell, "").forgive(connection, counted)
            return is_right

        if not writing(self.shell.database, proves):
            form.refuse(PASSKEY, "passkey.refused")
            raise NotProved

    def _counted(self, request: Request, form: FormReader, field: str) -> list[Counted]:
        """What the try counts for; raises `NotProved` when it comes too early."""
        desk = StaffDesk(self.shell, "")
        counted = desk.counted_code(staff_of(request), device=read_cookie(request, DEVICE))
        if seconds := desk.count(counted):
            form.refuse(field, "login.wait", seconds=seconds)
            raise NotProved
        return counted


def _has_one(connection: Connection, member: StaffMember) -> bool:
    sealed = select(users.c.sealed_totp.is_not(None)).where(users.c.id == member.id)
    return bool(connection.execute(sealed).scalar_one())
