"""`autopay staff`: accounts of the back office."""

import secrets
import sys
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Connection

from app.context import Books, opened_books
from app.output import say, write_json, write_table
from app.settings import load_settings
from app.web.shell.people import Role
from app.web.staff import (
    StaffUser,
    add_staff,
    change_role,
    change_state,
    forget_second_factor,
    list_staff,
    set_password,
)
from billing import reading, writing
from scheduler import SystemClock


def add(*, name: str, role: str, password_file: str | None, by: str, as_json: bool) -> None:
    """Make an account; `Refused` for a name that is taken or a password that is weak."""
    password = _password(password_file)
    with opened_books(load_settings()) as books:
        at = SystemClock().now()

        def work(connection: Connection) -> None:
            add_staff(
                connection,
                merchant_id=books.merchant.id,
                name=name,
                role=Role(role),
                password=password,
                by=by,
                at=at,
            )

        _change(books, name, work, password if password_file is None else None, as_json=as_json)


def show(*, as_json: bool) -> None:
    """Every account."""
    with opened_books(load_settings()) as books, reading(books.database) as connection:
        rows = [_as_json(user) for user in list_staff(connection, merchant_id=books.merchant.id)]
    if as_json:
        for row in rows:
            write_json(row)
        return
    columns = ("Name", "Role", "State", "Second factor", "Password")
    write_table(columns, [tuple(row.values()) for row in rows], title="Staff")


def role(*, name: str, role: str, by: str, as_json: bool) -> None:
    """Give another role; `Refused` when no owner would be left."""
    with opened_books(load_settings()) as books:
        who = {"merchant_id": books.merchant.id, "name": name, "by": by}
        at = SystemClock().now()
        _change(
            books, name, lambda c: change_role(c, role=Role(role), at=at, **who), as_json=as_json
        )


def reset(
    *, name: str, password_file: str | None, keep_second_factor: bool, by: str, as_json: bool
) -> None:
    """Give a new password and, unless told otherwise, take the second factor away."""
    password = _password(password_file)
    with opened_books(load_settings()) as books:
        who = {"merchant_id": books.merchant.id, "name": name, "by": by}
        at = SystemClock().now()

        def work(connection: Connection) -> None:
            set_password(connection, password=password, at=at, **who)
            if not keep_second_factor:
                forget_second_factor(connection, at=at, **who)

        _change(books, name, work, password if password_file is None else None, as_json=as_json)


def state(*, name: str, state: str, by: str, as_json: bool) -> None:
    """Disable or enable an account; `Refused` when no owner would be left."""
    with opened_books(load_settings()) as books:
        who = {"merchant_id": books.merchant.id, "name": name, "by": by}
        at = SystemClock().now()
        _change(books, name, lambda c: change_state(c, state=state, at=at, **who), as_json=as_json)


def _change(
    books: Books,
    name: str,
    work: Callable[[Connection], None],
    made_password: str | None = None,
    *,
    as_json: bool,
) -> None:
    """Do it, and say how the account is now; a password that was made is said this once."""
    writing(books.database, work)
    with reading(books.database) as connection:
        users = list_staff(connection, merchant_id=books.merchant.id)
    user = next(user for user in users if user.name == name.strip().lower())
    if as_json:
        write_json(_as_json(user) | ({"password": made_password} if made_password else {}))
        return
    say(f"{user.name}: {user.role}, {user.state}")
    if made_password:
        say(f"First password, shown only now: {made_password}")


def _as_json(user: StaffUser) -> dict[str, str]:
    return {
        "name": user.name,
        "role": user.role.value,
        "state": user.state,
        "second_factor": "set up" if user.sealed_totp else "none",
        "password_from": "account" if user.password_hash else "setting",
    }


def _password(file: str | None) -> str:
    """The password of a file, or a fresh one of 96 random bits."""
    if file is None:
        return secrets.token_urlsafe(12)
    text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    return text.rstrip("\r\n")
