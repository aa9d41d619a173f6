"""Passkeys of the staff in the database, and the challenges that they answer.

Callers hand in an open transaction, so that a change and its audit event are one. Making one and
removing one ends all sessions of before, as every change of a second factor does.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from app.problems import Refused
from app.web.shell import StaffMember
from app.web.shell.tables import passkey_challenges as challenges
from app.web.shell.tables import passkeys
from app.web.shell.tables import staff_users as users
from app.web.staff.accounts import begin_anew
from app.web.staff.ceremonies import Credential, MadeCredential, RelyingParty
from billing import write_audit_event

CHALLENGE_BYTES = 32
GOOD_FOR = timedelta(minutes=5)
MOST_PASSKEYS = 20
MOST_LETTERS = 64

Ceremony = Literal["register", "prove"]


class KnownAlready(Refused):
    """This passkey is registered; one is never two people's."""


@dataclass(frozen=True, slots=True)
class Passkey:
    """A passkey as its owner sees it; `rp_id` is the host that it works at."""

    id: int
    name: str
    rp_id: str
    credential: Credential
    public_key: bytes
    sign_count: int
    created_at: datetime
    used_at: datetime | None


def make_challenge(
    connection: Connection, member: StaffMember, *, ceremony: Ceremony, at: datetime
) -> bytes:
    """A fresh challenge for this session, in the place of an earlier one of the same ceremony."""
    hold(connection, member)  # two tabs at once take turns
    connection.execute(delete(challenges).where(challenges.c.made_at <= at - GOOD_FOR))
    connection.execute(delete(challenges).where(*_of(member, ceremony)))
    made = secrets.token_bytes(CHALLENGE_BYTES)
    row = {"session_hash": member.session, "ceremony": ceremony, "challenge": made, "made_at": at}
    connection.execute(insert(challenges).values(row))
    return made


def open_challenge(
    connection: Connection, member: StaffMember, *, ceremony: Ceremony, at: datetime
) -> bytes | None:
    """The challenge that this session may still answer; it stays."""
    statement = select(challenges.c.challenge).where(
        *_of(member, ceremony), challenges.c.made_at > at - GOOD_FOR
    )
    return connection.execute(statement).scalar_one_or_none()


def take_challenge(
    connection: Connection, member: StaffMember, *, ceremony: Ceremony, at: datetime
) -> bytes | None:
    """The same, used up by this: whatever comes of the answer, there is no second one to it."""
    statement = delete(challenges).where(*_of(member, ceremony)).returning(challenges)
    row = connection.execute(statement).mappings().one_or_none()
    return None if row is None or row["made_at"] <= at - GOOD_FOR else row["challenge"]


def passkeys_of(connection: Connection, member: StaffMember) -> list[Passkey]:
    """The passkeys of a member, the oldest first."""
    statement = select(passkeys).where(passkeys.c.staff_id == member.id).order_by(passkeys.c.id)
    return [_passkey(row) for row in connection.execute(statement).mappings()]


def passkey_of(connection: Connection, member: StaffMember, passkey_id: int) -> Passkey | None:
    """One of the member's own; None for everything else."""
    return next((each for each in passkeys_of(connection, member) if each.id == passkey_id), None)


def add_passkey(
    connection: Connection,
    member: StaffMember,
    *,
    merchant_id: str,
    made: MadeCredential,
    party: RelyingParty,
    name: str,
    at: datetime,
) -> None:
    """Keep a passkey; raises `KnownAlready`, and `Refused` without a second factor or for too many.

    The second factor stays beside it: whoever loses the passkey gets in by a code.
    """
    hold(connection, member)
    _need_factor(connection, member)
    if len(passkeys_of(connection, member)) >= MOST_PASSKEYS:
        raise Refused(f"{member.name!r} has {MOST_PASSKEYS} passkeys; remove one first")
    row = {
        "merchant_id": merchant_id,
        "staff_id": member.id,
        "credential_id": made.credential.credential_id,
        "public_key": made.public_key,
        "sign_count": made.sign_count,
        "rp_id": party.id,
        "transports": ",".join(made.credential.transports),
        "name": name,
        "created_at": at,
    }
    try:
        with connection.begin_nested():
            connection.execute(insert(passkeys).values(row))
    except IntegrityError:
        raise KnownAlready("this passkey is registered already; use it, or make another") from None
    _changed(connection, member, merchant_id, f"passkey {name!r} added", at)


def rename_passkey(
    connection: Connection,
    member: StaffMember,
    *,
    merchant_id: str,
    passkey: Passkey,
    name: str,
    at: datetime,
) -> None:
    """Give a passkey another name; sessions go on."""
    connection.execute(update(passkeys).where(passkeys.c.id == passkey.id).values(name=name))
    _note(connection, member, merchant_id, f"passkey {passkey.name!r} is now {name!r}", at)


def remove_passkey(
    connection: Connection, member: StaffMember, *, merchant_id: str, passkey: Passkey, at: datetime
) -> None:
    """Forget a passkey; raises `Refused` when no second factor would be left."""
    hold(connection, member)
    _need_factor(connection, member)
    connection.execute(delete(passkeys).where(passkeys.c.id == passkey.id))
    _changed(connection, member, merchant_id, f"passkey {passkey.name!r} removed", at)


def note_use(
    connection: Connection,
    member: StaffMember,
    *,
    merchant_id: str,
    passkey: Passkey,
    count: int,
    at: datetime,
) -> bool:
    """Keep what a passkey has counted to; false, and reported, when it had counted as far before.

    Then two of the same key are about (WebAuthn 6.1.1). One that never counts stays at 0.
    """
    if (count or passkey.sign_count) and count <= passkey.sign_count:
        what = f"passkey {passkey.name!r} counted {count} after {passkey.sign_count}: it was copied"
        _note(connection, member, merchant_id, what, at, kind="staff_passkey_copied")
        return False
    values = {"sign_count": count, "used_at": at}
    connection.execute(update(passkeys).where(passkeys.c.id == passkey.id).values(values))
    return True


def hold(connection: Connection, member: StaffMember) -> None:
    """Let nobody else at this member's ways to sign in until the transaction ends."""
    connection.execute(select(users.c.id).where(users.c.id == member.id).with_for_update())


def _of(member: StaffMember, ceremony: Ceremony) -> tuple[Any, ...]:
    return challenges.c.session_hash == member.session, challenges.c.ceremony == ceremony


def _need_factor(connection: Connection, member: StaffMember) -> None:
    sealed = select(users.c.sealed_totp.is_not(None)).where(users.c.id == member.id)
    if not connection.execute(sealed).scalar_one():
        raise Refused(f"{member.name!r} has no authenticator; set one up at /login/set-up first")


def _changed(
    connection: Connection, member: StaffMember, merchant_id: str, what: str, at: datetime
) -> None:
    begin_anew(connection, staff_id=member.id, at=at)
    _note(connection, member, merchant_id, what, at)


def _note(
    connection: Connection,
    member: StaffMember,
    merchant_id: str,
    what: str,
    at: datetime,
    *,
    kind: str = "staff_passkey",
) -> None:
    reason = f"{member.name}: {what}"
    write_audit_event(
        connection, kind=kind, actor=member.name, reason=reason, at=at, merchant_id=merchant_id
    )


def _passkey(row: Mapping[Any, Any]) -> Passkey:
    names = ("id", "name", "rp_id", "public_key", "sign_count", "created_at", "used_at")
    transports = tuple(row["transports"].split(",")) if row["transports"] else ()
    return Passkey(
        credential=Credential(row["credential_id"], transports),
        **{name: row[name] for name in names},
    )
