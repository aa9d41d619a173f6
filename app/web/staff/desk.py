"""What happens at the log-in: the password, the second factor, the session that begins.

Every step counts as failed before it is looked at; see `app.web.staff.brake`.
"""

import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import TypeVar

from sqlalchemy import Connection, select, update

from app.web.shell import Role, Shell, StaffMember
from app.web.shell.sessions import hashed
from app.web.shell.tables import known_devices as devices
from app.web.shell.tables import recovery_codes as codes
from app.web.shell.tables import staff_users as users
from app.web.shell.tables import web_sessions as sessions
from app.web.staff import brake, second_factor
from app.web.staff.accounts import (
    NameTaken,
    StaffUser,
    add_staff,
    find_staff,
    plain_name,
    set_second_factor,
)
from app.web.staff.passwords import hash_password, is_password
from billing import reading, seal, unseal, write_audit_event, writing

STAFF = "staff"
"""Name of the owner whose password is a setting."""

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """A session that began: its id and the id of the device, both for the browser alone."""

    session_id: str
    device: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Too many failures: nothing was looked at; try again after so many seconds."""

    seconds: int


@dataclass(frozen=True, slots=True)
class Wrong:
    """The name, the password or the code is wrong; which of them is not told."""


@dataclass(frozen=True, slots=True)
class StaffDesk:
    """Lets the staff of one merchant in."""

    shell: Shell
    password_of_setting: str = field(repr=False)

    def log_in(
        self, *, name: str, password: str, source: str, device: str, session_before: str
    ) -> LoggedIn | Wait | Wrong:
        """Check name and password; a session begins with a fresh id (no fixation)."""
        account = plain_name(name)[:64]
        user = self._user(account)
        known = self._knows(user, device)
        counted = brake.counted_for(
            account=account, source=source, device=device if known else None
        )
        if seconds := self.count(counted):
            return Wait(seconds)
        kept = (user.password_hash or self._hash_of_setting(user)) if user else None
        if not is_password(password, kept=kept) or user is None or user.state != "active":
            return Wrong()
        device = device if known else secrets.token_urlsafe(32)

        def begin(connection: Connection) -> str:
            brake.forgive(connection, merchant_id=self._merchant_id, counted=counted)
            self.shell.sessions.end_with(connection, session_before)
            level = "full" if user.sealed_totp is None else "password"
            if level == "full":
                self._remember(connection, user.id, device)
            return self.shell.sessions.begin_staff(connection, staff_id=user.id, level=level)

        return LoggedIn(self._writing(begin), device)

    def give_code(
        self, member: StaffMember, *, code: str, source: str, device: str, session_id: str
    ) -> LoggedIn | Wait | Wrong:
        """Check the second factor, or a recovery code; the session goes on under a fresh id."""
        return self.let_in(
            member,
            lambda connection: self.uses_up(connection, member, code),
            device=device,
            session_id=session_id,
        )

    def let_in(
        self,
        member: StaffMember,
        proves: Callable[[Connection], bool],
        *,
        device: str,
        session_id: str,
    ) -> LoggedIn | Wait | Wrong:
        """Let somebody in whose password was right, when `proves` holds; a try like any other."""
        counted = self.counted_code(member, device=device)
        if seconds := self.count(counted):
            return Wait(seconds)
        device = device or secrets.token_urlsafe(32)

        def check(connection: Connection) -> str | None:
            if not proves(connection):
                return None
            self.forgive(connection, counted)
            user = self._locked(connection, member)
            self.shell.sessions.end_with(connection, session_id)
            self._remember(connection, user.id, device)
            return self.shell.sessions.begin_staff(connection, staff_id=user.id, level="full")

        begun = self._writing(check)
        return Wrong() if begun is None else LoggedIn(begun, device)

    def counted_code(self, member: StaffMember, *, device: str) -> list[brake.Counted]:
        """What a try with a code counts for.

        A device of that person is counted for itself: whoever has stolen the password alone can
        guess few codes, and cannot make the owner wait.
        """
        if device and self._knows_id(member.id, device):
            return [brake.Counted("code", f"{member.id}\x00{hashed(device)}")]
        return [brake.Counted("code", str(member.id))]

    def takes(
        self, connection: Connection, member: StaffMember, code: str, counted: list[brake.Counted]
    ) -> bool:
        """Use up a code as `uses_up` does; what was counted for a right one is forgiven."""
        is_right = self.uses_up(connection, member, code)
        if is_right:
            self.forgive(connection, counted)
        return is_right

    def uses_up(self, connection: Connection, member: StaffMember, code: str) -> bool:
        """Use up a code of the second factor, or a recovery code; false for neither."""
        user = self._locked(connection, member)
        return self._takes_code(connection, user, code) or self._takes_recovery(
            connection, user, code
        )

    def forgive(self, connection: Connection, counted: list[brake.Counted]) -> None:
        """The try was right: what was counted for it starts anew."""
        brake.forgive(connection, merchant_id=self._merchant_id, counted=counted)

    def key_to_confirm(self, member: StaffMember) -> str:
        """The key that this session is about to confirm; made at the first look, and then kept."""

        def work(connection: Connection) -> str:
            mine = sessions.c.id_hash == member.session
            sealed = connection.execute(select(sessions.c.pending_totp).where(mine)).scalar_one()
            if sealed is not None:
                return self._unseal(sealed)
            key = second_factor.new_key()
            connection.execute(update(sessions).where(mine).values(pending_totp=self._seal(key)))
            return key

        return self._writing(work)

    def confirm_key(
        self, member: StaffMember, *, code: str, current: str, session_id: str
    ) -> tuple[LoggedIn, list[str]] | Wait | Wrong:
        """Turn the second factor on when the code is right; returns the recovery codes, once.

        Whoever has one already proves it with a `current` code of that one: an open browser alone
        is not enough to take an account over.
        """
        counted = [brake.Counted("code", str(member.id))]
        if seconds := self.count(counted):
            return Wait(seconds)
        key = self.key_to_confirm(member)
        step = second_factor.matching_step(key, code, at=self._now, used_step=0)
        if step is None:
            return Wrong()
        fresh = second_factor.new_recovery_codes()

        def work(connection: Connection) -> str | None:
            user = self._locked(connection, member)
            if user.sealed_totp is not None and not self.takes(
                connection, member, current, counted
            ):
                return None
            brake.forgive(connection, merchant_id=self._merchant_id, counted=counted)
            set_second_factor(
                connection,
                merchant_id=self._merchant_id,
                user=user,
                sealed=self._seal(key),
                step=step,
                code_hashes=[second_factor.recovery_hash(each) for each in fresh],
                at=self._now,
            )
            self.shell.sessions.end_with(connection, session_id)
            return self.shell.sessions.begin_staff(connection, staff_id=user.id, level="full")

        begun = self._writing(work)
        return Wrong() if begun is None else (LoggedIn(begun, ""), fresh)

    def has_factor(self, member: StaffMember) -> bool:
        """Whether the member has a second factor already."""
        user = self._user(member.name)
        return user is not None and user.sealed_totp is not None

    def seconds_to_wait(self, *, source: str) -> int:
        """How long this source has to wait before it may try again."""
        counted = [brake.Counted("source", brake.network_of(source))]
        with reading(self.shell.database) as connection:
            return brake.wait_seconds(
                connection, merchant_id=self._merchant_id, counted=counted, at=self._now
            )

    @property
    def _merchant_id(self) -> str:
        return self.shell.merchant.id

    @property
    def _now(self) -> datetime:
        return self.shell.wall.now()

    def _writing(self, work: Callable[[Connection], Result]) -> Result:
        return writing(self.shell.database, work)

    def count(self, counted: list[brake.Counted]) -> int:
        """Count a try, unless it comes too early: then the seconds to wait."""

        def work(connection: Connection) -> int:
            merchant_id, at = self._merchant_id, self._now
            wait = brake.wait_seconds(connection, merchant_id=merchant_id, counted=counted, at=at)
            if wait == 0:
                brake.count_try(connection, merchant_id=merchant_id, counted=counted, at=at)
            return wait

        return self._writing(work)

    def _user(self, account: str) -> StaffUser | None:
        """The member of that name; the owner of the setting is made at its first log-in."""
        if not account:
            return None
        with reading(self.shell.database) as connection:
            user = find_staff(connection, merchant_id=self._merchant_id, name=account)
        if user is not None or account != STAFF:
            return user
        with suppress(NameTaken):  # another process was faster
            self._writing(
                lambda connection: add_staff(
                    connection,
                    merchant_id=self._merchant_id,
                    name=STAFF,
                    role=Role.OWNER,
                    password=None,
                    by="setting AUTOPAY_STAFF_PASSWORD",
                    at=self._now,
                )
            )
        with reading(self.shell.database) as connection:
            return find_staff(connection, merchant_id=self._merchant_id, name=STAFF)

    def _hash_of_setting(self, user: StaffUser) -> str | None:
        return _hash_once(self.password_of_setting) if user.name == STAFF else None

    def _knows(self, user: StaffUser | None, device: str) -> bool:
        return user is not None and bool(device) and self._knows_id(user.id, device)

    def _knows_id(self, staff_id: int, device: str) -> bool:
        statement = select(devices.c.seen_at).where(
            devices.c.staff_id == staff_id, devices.c.device_hash == hashed(device)
        )
        with reading(self.shell.database) as connection:
            return connection.execute(statement).first() is not None

    def _remember(self, connection: Connection, staff_id: int, device: str) -> None:
        mine = (devices.c.staff_id == staff_id) & (devices.c.device_hash == hashed(device))
        values = {"staff_id": staff_id, "device_hash": hashed(device), "seen_at": self._now}
        if connection.execute(update(devices).where(mine).values(seen_at=self._now)).rowcount == 0:
            connection.execute(devices.insert().values(values))

    def _locked(self, connection: Connection, member: StaffMember) -> StaffUser:
        connection.execute(select(users.c.id).where(users.c.id == member.id).with_for_update())
        found = find_staff(connection, merchant_id=self._merchant_id, name=member.name)
        assert found is not None, "members are never deleted"  # noqa: S101 - a promise of accounts
        return found

    def _takes_code(self, connection: Connection, user: StaffUser, code: str) -> bool:
        if user.sealed_totp is None:
            return False
        step = second_factor.matching_step(
            self._unseal(user.sealed_totp), code, at=self._now, used_step=user.totp_step
        )
        if step is None:
            return False
        # Not through `accounts`: a code that is used must not end the other sessions.
        connection.execute(update(users).where(users.c.id == user.id).values(totp_step=step))
        return True

    def _takes_recovery(self, connection: Connection, user: StaffUser, code: str) -> bool:
        used = connection.execute(
            update(codes)
            .where(
                codes.c.staff_id == user.id,
                codes.c.code_hash == second_factor.recovery_hash(code),
                codes.c.used_at.is_(None),
            )
            .values(used_at=self._now)
        ).rowcount
        if used:
            write_audit_event(
                connection,
                kind="staff_recovery_code",
                actor=user.name,
                reason=f"{user.name}: a recovery code was used",
                at=self._now,
                merchant_id=self._merchant_id,
            )
        return bool(used)

    def _seal(self, key: str) -> bytes:
        return seal(
            key.encode(),
            master_key=self._master_key,
            merchant_id=self._merchant_id,
            public_key_id=second_factor.SEALED_AS,
        )

    def _unseal(self, sealed: bytes) -> str:
        return unseal(
            sealed,
            master_key=self._master_key,
            merchant_id=self._merchant_id,
            public_key_id=second_factor.SEALED_AS,
        ).decode()

    @property
    def _master_key(self) -> bytes:
        if self.shell.master_key is None:
            raise RuntimeError("the pages were started without the master key")
        return self.shell.master_key


@cache
def _hash_once(password: str) -> str:
    """The password of the setting is compared like all others, in the same time."""
    return hash_password(password)
