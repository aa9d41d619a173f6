"""Accounts of the staff in the database; every change ends the sessions of before.

Callers hand in an open transaction, so that the change and its audit event are one.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, insert, select, update
from sqlalchemy.exc import IntegrityError

from app.problems import Refused
from app.web.shell.people import Role
from app.web.shell.tables import passkeys
from app.web.shell.tables import recovery_codes as codes
from app.web.shell.tables import staff_users as users
from app.web.staff.passwords import hash_password
from billing import write_audit_event

MINIMUM_PASSWORD = 12
MAXIMUM_PASSWORD = 200
# Long enough and yet on every list of guesses.
KNOWN_TO_ALL = ("password1234", "passw0rd1234", "123456789012", "1234567890123", "qwertyuiop12")


class WeakPassword(Refused):
    """The password is too short, too long, or one that everybody tries."""


class BadName(Refused):
    """Nobody can log in with this name."""


class NameTaken(Refused):
    """A member of the staff has this name already."""


@dataclass(frozen=True, slots=True)
class StaffUser:
    """A member of the staff as the database knows him."""

    id: int
    name: str
    role: Role
    state: str
    password_hash: str | None = field(repr=False)
    sealed_totp: bytes | None = field(repr=False)
    totp_step: int
    epoch: int


def add_staff(
    connection: Connection,
    *,
    merchant_id: str,
    name: str,
    role: Role,
    password: str | None,
    by: str,
    at: datetime,
) -> int:
    """Add a member; raises `Refused` for a name that is taken or empty, and `WeakPassword`.

    Only the one whose password is a setting has no password here.
    """
    known = _checked_name(name)
    if find_staff(connection, merchant_id=merchant_id, name=known) is not None:
        raise _taken(known)
    if password is not None:
        check_password(password, name=known)
    row = {
        "merchant_id": merchant_id,
        "name": known,
        "role": role.value,
        "state": "active",
        "password_hash": None if password is None else hash_password(password),
        "totp_step": 0,
        "epoch": 1,
        "created_at": at,
        "changed_at": at,
    }
    try:
        with connection.begin_nested():
            made = connection.execute(insert(users).values(row).returning(users.c.id)).scalar_one()
    except IntegrityError:  # somebody else added it at the same moment
        raise _taken(known) from None
    _note(connection, "staff_added", merchant_id, known, f"role {role}", by=by, at=at)
    return int(made)


def _taken(name: str) -> NameTaken:
    return NameTaken(f"staff {name!r} is there already; use another name, or reset that one")


def list_staff(connection: Connection, *, merchant_id: str) -> list[StaffUser]:
    """Every member, by name."""
    statement = select(users).where(users.c.merchant_id == merchant_id).order_by(users.c.name)
    return [_user(row) for row in connection.execute(statement).mappings()]


def find_staff(connection: Connection, *, merchant_id: str, name: str) -> StaffUser | None:
    """The member of that name, whatever its letters' case; None when there is none."""
    row = connection.execute(_named(merchant_id, name)).mappings().one_or_none()
    return None if row is None else _user(row)


def change_role(
    connection: Connection, *, merchant_id: str, name: str, role: Role, by: str, at: datetime
) -> None:
    """Give another role; raises `Refused` when no owner would be left."""
    owners = [] if role is Role.OWNER else _locked_owners(connection, merchant_id)
    user = _locked(connection, merchant_id, name)
    if role is not Role.OWNER:
        _keep_an_owner(owners, user)
    _change(connection, user, at, role=role.value)
    what = f"role {user.role} to {role}"
    _note(connection, "staff_role", merchant_id, user.name, what, by=by, at=at)


def change_state(
    connection: Connection, *, merchant_id: str, name: str, state: str, by: str, at: datetime
) -> None:
    """Disable a member, or let it in again; raises `Refused` when no owner would be left."""
    owners = [] if state == "active" else _locked_owners(connection, merchant_id)
    user = _locked(connection, merchant_id, name)
    if state != "active":
        _keep_an_owner(owners, user)
    _change(connection, user, at, state=state)
    _note(connection, "staff_state", merchant_id, user.name, state, by=by, at=at)


def set_password(
    connection: Connection, *, merchant_id: str, name: str, password: str, by: str, at: datetime
) -> None:
    """Give another password; raises `WeakPassword`."""
    user = _locked(connection, merchant_id, name)
    check_password(password, name=user.name)
    _change(connection, user, at, password_hash=hash_password(password))
    _note(connection, "staff_password", merchant_id, user.name, "password set", by=by, at=at)


def end_sessions(connection: Connection, *, merchant_id: str, name: str, at: datetime) -> None:
    """End every session of a member, who asked for it."""
    user = _locked(connection, merchant_id, name)
    _change(connection, user, at)
    _note(connection, "staff_sessions", merchant_id, user.name, "ended", by=user.name, at=at)


def set_second_factor(
    connection: Connection,
    *,
    merchant_id: str,
    user: StaffUser,
    sealed: bytes,
    step: int,
    code_hashes: list[str],
    at: datetime,
) -> None:
    """Keep a confirmed second factor with its recovery codes; older codes are worth nothing."""
    _change(connection, user, at, sealed_totp=sealed, totp_step=step)
    connection.execute(codes.delete().where(codes.c.staff_id == user.id))
    rows = [{"staff_id": user.id, "code_hash": code_hash} for code_hash in code_hashes]
    connection.execute(insert(codes), rows)
    _note(connection, "staff_totp", merchant_id, user.name, "set up", by=user.name, at=at)


def forget_second_factor(
    connection: Connection, *, merchant_id: str, name: str, by: str, at: datetime
) -> None:
    """Take the second factor away, as after a lost telephone; it is set up anew at log-in.

    Passkeys go with it: they may be on that telephone, and none is left without a code beside it.
    """
    user = _locked(connection, merchant_id, name)
    connection.execute(codes.delete().where(codes.c.staff_id == user.id))
    connection.execute(passkeys.delete().where(passkeys.c.staff_id == user.id))
    _change(connection, user, at, sealed_totp=None)
    _note(connection, "staff_totp", merchant_id, user.name, "taken away", by=by, at=at)


def begin_anew(connection: Connection, *, staff_id: int, at: datetime) -> None:
    """End every session of a member, whose ways to sign in have changed."""
    raised = {"epoch": users.c.epoch + 1, "changed_at": at}
    connection.execute(update(users).where(users.c.id == staff_id).values(raised))


def check_password(password: str, *, name: str) -> None:
    """Raise `WeakPassword` for what is easily guessed; any letters are welcome."""
    if not MINIMUM_PASSWORD <= len(password) <= MAXIMUM_PASSWORD:
        raise WeakPassword(
            f"the password has {len(password)} characters; use {MINIMUM_PASSWORD} to "
            f"{MAXIMUM_PASSWORD}, a sentence is fine"
        )
    plain = password.lower()
    if len(set(plain)) < 5 or plain in KNOWN_TO_ALL or plain.startswith(name) or "autopay" in plain:
        raise WeakPassword("the password is easily guessed; use a sentence of your own")


def plain_name(name: str) -> str:
    """A name as it is kept: small letters, full-width ones as the narrow ones they mean."""
    return unicodedata.normalize("NFKC", name).strip().lower()


def _named(merchant_id: str, name: str) -> Select[Any]:
    """The member of a name; before names were made plain, wide letters were kept as they were."""
    as_typed = name.strip().lower()
    return (
        select(users)
        .where(users.c.merchant_id == merchant_id, users.c.name.in_((plain_name(name), as_typed)))
        .order_by((users.c.name == as_typed).desc())
        .limit(1)
    )


def _checked_name(name: str) -> str:
    # One person under two spellings could agree with himself.
    known = plain_name(name)
    if not 1 <= len(known) <= 64 or not known.isprintable() or any(c.isspace() for c in known):
        raise BadName(f"--name {name!r} is no name to log in with; use letters without spaces")
    return known


def _locked(connection: Connection, merchant_id: str, name: str) -> StaffUser:
    """The member, held until the transaction ends; whoever is at work with its role waits."""
    statement = _named(merchant_id, name).with_for_update()
    row = connection.execute(statement).mappings().one_or_none()
    if row is None:
        raise Refused(f"there is no staff {name!r}; see: autopay staff list")
    return _user(row)


def _locked_owners(connection: Connection, merchant_id: str) -> Sequence[int]:
    """Who owns the merchant, held until the transaction ends.

    Two owners who demote each other at the same moment change different rows: each would still
    count the other. Whoever comes second waits, and counts anew. All take the rows in one order.
    """
    statement = (
        select(users.c.id)
        .where(
            users.c.merchant_id == merchant_id,
            users.c.role == Role.OWNER.value,
            users.c.state == "active",
        )
        .order_by(users.c.id)
        .with_for_update()
    )
    return connection.execute(statement).scalars().all()


def _keep_an_owner(owners: Sequence[int], user: StaffUser) -> None:
    if list(owners) == [user.id]:
        raise Refused(f"{user.name!r} is the only owner; make somebody else an owner first")


def _change(connection: Connection, user: StaffUser, at: datetime, **values: Any) -> None:
    """Change a member; the higher epoch ends all its sessions."""
    if values:
        connection.execute(update(users).where(users.c.id == user.id).values(**values))
    begin_anew(connection, staff_id=user.id, at=at)


def _user(row: Mapping[Any, Any]) -> StaffUser:
    names = ("id", "name", "state", "password_hash", "sealed_totp", "totp_step", "epoch")
    return StaffUser(role=Role(row["role"]), **{name: row[name] for name in names})


def _note(
    connection: Connection,
    kind: str,
    merchant_id: str,
    name: str,
    what: str,
    *,
    by: str,
    at: datetime,
) -> None:
    write_audit_event(
        connection, kind=kind, actor=by, reason=f"{name}: {what}", at=at, merchant_id=merchant_id
    )
