"""Who is signed in, in the database: any process may serve the next page.

A session id has 256 random bits and is kept only as its hash. It ends 30 minutes after it was
last used and 12 hours after it began (OWASP ASVS 5.0, chapter 7), for staff also with every
change of password, role, second factor or state.
"""

import hashlib
import logging
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Engine, Executable, delete, exists, select, update
from sqlalchemy.engine import RowMapping
from sqlalchemy.exc import OperationalError

from app.web.shell.people import Role, SignedInCustomer, StaffMember
from app.web.shell.tables import passkeys
from app.web.shell.tables import staff_users as users
from app.web.shell.tables import web_sessions as sessions
from billing import reading, writing
from scheduler import Clock

IDLE = timedelta(minutes=30)
LONGEST = timedelta(hours=12)
# Writing down every use would be a transaction for every page.
NOTED_EVERY = timedelta(minutes=1)
KEPT = timedelta(days=30)
# How long a note of a use waits for its lock, and how long everything else in SQLite does.
SHORTLY_MS, BUSY_MS = 100, 30_000

log = logging.getLogger(__name__)


class NoLongerAllowed(Exception):
    """The session ended, or the role was taken away, while the request was under way."""


@dataclass(frozen=True, slots=True)
class Sessions:
    """The sessions of one merchant's pages; `wall` is the clock on the wall, never a virtual one.

    `needs_second_factor` is true where nobody may work without one.
    """

    database: Engine
    merchant_id: str
    wall: Clock
    needs_second_factor: bool

    def begin_staff(self, connection: Connection, *, staff_id: int, level: str) -> str:
        """Open a session of the staff; returns its id, which only the browser keeps."""
        statement = select(users.c.epoch).where(users.c.id == staff_id)
        epoch = connection.execute(statement).scalar_one()
        return self._begin(connection, staff_id=staff_id, epoch=epoch, level=level)

    def begin_customer(self, connection: Connection, *, customer_id: int) -> str:
        """Open a session of a customer; returns its id, which only the browser keeps."""
        return self._begin(connection, customer_id=customer_id)

    def _begin(self, connection: Connection, **values: Any) -> str:
        session_id = secrets.token_urlsafe(32)
        at = self.wall.now()
        connection.execute(
            delete(sessions).where(
                sessions.c.merchant_id == self.merchant_id, sessions.c.used_at < at - KEPT
            )
        )
        row = {
            "id_hash": hashed(session_id),
            "merchant_id": self.merchant_id,
            "epoch": 1,
            "level": "full",
            "began_at": at,
            "used_at": at,
            "proved_at": at,
        }
        connection.execute(sessions.insert().values(row | values))
        return session_id

    def staff(self, session_id: str) -> StaffMember | None:
        """Whose session that is, with the role of this very moment; None when it has ended."""
        if not session_id:
            return None
        with reading(self.database) as connection:
            row = connection.execute(self._staff_row(hashed(session_id))).mappings().one_or_none()
        if row is None or not self._is_open(row):
            return None
        self._note_use(row)
        return self._member(row)

    def customer(self, session_id: str) -> SignedInCustomer | None:
        """Whose session that is; None when it has ended."""
        if not session_id:
            return None
        statement = select(sessions).where(
            sessions.c.id_hash == hashed(session_id),
            sessions.c.merchant_id == self.merchant_id,
            sessions.c.customer_id.is_not(None),
        )
        with reading(self.database) as connection:
            row = connection.execute(statement).mappings().one_or_none()
        if row is None or not self._is_open(row):
            return None
        self._note_use(row)
        return SignedInCustomer(customer_id=row["customer_id"], session=row["id_hash"])

    def whose(self, session_id: str) -> str:
        """Whose session that is or was, `staff:3` or `customer:5`; an empty text for no session."""
        statement = select(sessions.c.staff_id, sessions.c.customer_id).where(
            sessions.c.id_hash == hashed(session_id), sessions.c.merchant_id == self.merchant_id
        )
        with reading(self.database) as connection:
            row = connection.execute(statement).first()
        if row is None:
            return ""
        return f"staff:{row.staff_id}" if row.staff_id else f"customer:{row.customer_id}"

    def recheck_staff(self, connection: Connection, member: StaffMember) -> None:
        """Make sure, inside a writing transaction, that nothing was taken away since the gate.

        Until the transaction ends, nobody can take it away. Raises `NoLongerAllowed`.
        """
        statement = self._staff_row(member.session).with_for_update(read=True, of=users)
        row = connection.execute(statement).mappings().one_or_none()
        if row is None or not self._is_open(row) or self._member(row) != member:
            raise NoLongerAllowed

    def recheck_customer(self, connection: Connection, customer: SignedInCustomer) -> None:
        """The same for a customer's session."""
        statement = select(sessions).where(sessions.c.id_hash == customer.session)
        row = connection.execute(statement.with_for_update(read=True)).mappings().one_or_none()
        if row is None or not self._is_open(row):
            raise NoLongerAllowed

    def end(self, session_id: str) -> None:
        """Close a session; one that is not open is ignored."""
        if session_id:
            writing(self.database, lambda connection: self.end_with(connection, session_id))

    def end_with(self, connection: Connection, session_id: str) -> None:
        """Close a session as part of a transaction."""
        connection.execute(
            update(sessions)
            .where(sessions.c.id_hash == hashed(session_id), sessions.c.ended_at.is_(None))
            .values(ended_at=self.wall.now())
        )

    def end_all_of_customer(self, connection: Connection, customer_id: int) -> None:
        """Close every session of a customer, as when the account is no longer hers."""
        connection.execute(
            update(sessions)
            .where(sessions.c.customer_id == customer_id, sessions.c.ended_at.is_(None))
            .values(ended_at=self.wall.now())
        )

    def _staff_row(self, id_hash: str) -> Any:
        return (
            select(
                sessions,
                users.c.name,
                users.c.role,
                users.c.epoch.label("epoch_now"),
                users.c.sealed_totp.is_not(None).label("has_totp"),
                exists().where(passkeys.c.staff_id == users.c.id).label("has_passkey"),
            )
            .join(users, users.c.id == sessions.c.staff_id)
            .where(
                sessions.c.id_hash == id_hash,
                sessions.c.merchant_id == self.merchant_id,
                users.c.state == "active",
            )
        )

    def _member(self, row: RowMapping) -> StaffMember:
        missing: Any = None
        if row["has_totp"] and row["level"] == "password":
            missing = "code"
        elif not row["has_totp"] and self.needs_second_factor:
            missing = "enrolment"
        return StaffMember(
            id=row["staff_id"],
            name=row["name"],
            role=Role(row["role"]),
            epoch=row["epoch"],
            session=row["id_hash"],
            missing=missing,
            has_passkey=row["has_passkey"],
        )

    def _is_open(self, row: RowMapping) -> bool:
        at = self.wall.now()
        if row["ended_at"] is not None or row.get("epoch_now", row["epoch"]) != row["epoch"]:
            return False
        return bool(at - row["used_at"] <= IDLE and at - row["began_at"] <= LONGEST)

    def _note_use(self, row: RowMapping) -> None:
        at = self.wall.now()
        if at - row["used_at"] < NOTED_EVERY:
            return
        statement = (
            update(sessions)
            .where(sessions.c.id_hash == row["id_hash"], sessions.c.used_at < at)
            .values(used_at=at)
        )
        now_or_never(self.database, statement)


def now_or_never(database: Engine, *statements: Executable, patience_ms: int = SHORTLY_MS) -> None:
    """Write something down that may be left out: nobody waits for a page because of it.

    While somebody else holds the lock, as a large import does, it is not written.
    """
    is_sqlite = database.dialect.name == "sqlite"
    patience = "PRAGMA busy_timeout = {}" if is_sqlite else "SET LOCAL lock_timeout = {}"
    # A transaction that begins as a reader's asks for the lock with its first write.
    with database.connect().execution_options(autopay_reading=True) as connection:
        connection.exec_driver_sql(patience.format(patience_ms))
        try:
            for statement in statements:
                connection.execute(statement)
            connection.commit()
        except OperationalError as error:
            log.info("not written down: %s", error.orig)
        finally:
            if is_sqlite:
                connection.exec_driver_sql(patience.format(BUSY_MS))


def hashed(secret: str) -> str:
    """What is kept of a secret with 128 random bits or more."""
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()
