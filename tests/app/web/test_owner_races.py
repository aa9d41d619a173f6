"""A merchant keeps an owner, also when its owners take the role from each other at one moment."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, Engine
from support.schema import at_head
from web_books import add_merchant

from app.problems import Refused
from app.web.shell import Role
from app.web.staff import add_staff, change_role, change_state
from app.web.staff.accounts import list_staff
from billing import open_engine, reading, writing

AT = datetime(2026, 12, 1, 9, tzinfo=UTC)
OWNERS = ("hanako", "ichiro")


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    opened = open_engine(database_url)
    at_head(opened)
    add_merchant(opened, "shop")
    for name in OWNERS:
        new: dict[str, Any] = {"name": name, "role": Role.OWNER, "password": None}
        writing(opened, lambda c, n=new: add_staff(c, merchant_id="shop", by="setup", at=AT, **n))
    yield opened
    opened.dispose()


def demoted(connection: Connection, name: str) -> None:
    change_role(connection, merchant_id="shop", name=name, role=Role.VIEWER, by="another", at=AT)


def disabled(connection: Connection, name: str) -> None:
    change_state(connection, merchant_id="shop", name=name, state="disabled", by="another", at=AT)


def owners(engine: Engine) -> list[str]:
    with reading(engine) as connection:
        everybody = list_staff(connection, merchant_id="shop")
    return [each.name for each in everybody if (each.role, each.state) == (Role.OWNER, "active")]


@pytest.mark.parametrize(("first", "second"), [(demoted, demoted), (disabled, demoted)])
def test_two_owners_cannot_both_lose_the_role(
    engine: Engine,
    first: Callable[[Connection, str], None],
    second: Callable[[Connection, str], None],
) -> None:
    came: list[str] = []

    def other() -> None:
        try:
            writing(engine, lambda c: second(c, "ichiro"))
            came.append("done")
        except Refused as refused:
            came.append(str(refused))

    beside = threading.Thread(target=other)
    with engine.begin() as connection:
        first(connection, "hanako")
        beside.start()
        beside.join(0.5)
        assert came == []  # it waits for what the first one does
    beside.join(30)
    assert came == ["'ichiro' is the only owner; make somebody else an owner first"]
    assert owners(engine) == ["ichiro"]


def test_owners_who_lose_the_role_in_any_order(engine: Engine) -> None:
    """Nobody waits for ever, and one is left."""
    start = threading.Barrier(4)
    came: list[object] = []

    def one(name: str) -> None:
        start.wait(10)
        try:
            came.append(writing(engine, lambda c: demoted(c, name)))
        except Exception as error:
            came.append(type(error))

    people = [threading.Thread(target=one, args=(name,)) for name in OWNERS * 2]
    for each in people:
        each.start()
    for each in people:
        each.join(60)
    # Taking it from somebody who has lost it changes nothing.
    assert sorted(map(str, came)) == sorted(map(str, [None, None, Refused, Refused]))
    assert len(owners(engine)) == 1


def test_whoever_is_no_owner_may_always_go(engine: Engine) -> None:
    writing(engine, lambda c: demoted(c, "hanako"))
    writing(engine, lambda c: disabled(c, "hanako"))
    with pytest.raises(Refused, match="the only owner"):
        writing(engine, lambda c: disabled(c, "ichiro"))
