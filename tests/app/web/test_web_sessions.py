"""Sessions in the database: how long they last, what ends them, and whose they are."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from web_books import NOW, PASSWORD, WebBooks

from app.web.shell import Role, Sessions
from app.web.shell.forms import form_token, is_good_token
from app.web.shell.sessions import IDLE, LONGEST, NoLongerAllowed
from app.web.staff import add_staff, change_role, change_state, forget_second_factor, set_password
from billing import reading, writing

NEW_PASSWORD = "a sentence that is long enough"


class WallClock:
    """Shows the time it was set to."""

    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> datetime:
        return self.at


@pytest.fixture
def wall() -> WallClock:
    return WallClock()


@pytest.fixture
def sessions(web_books: WebBooks, wall: WallClock) -> Sessions:
    return Sessions(web_books.database, web_books.merchant_id, wall, needs_second_factor=False)


@pytest.fixture
def session(web_books: WebBooks, sessions: Sessions) -> str:
    """The session of one owner, `hana`; there is a second one."""

    def work(connection: object) -> str:
        ids = [
            add_staff(
                connection,  # type: ignore[arg-type] # a connection
                merchant_id=web_books.merchant_id,
                name=name,
                role=Role.OWNER,
                password=PASSWORD,
                by="test",
                at=NOW,
            )
            for name in ("hana", "ken")
        ]
        return sessions.begin_staff(connection, staff_id=ids[0], level="full")  # type: ignore[arg-type] # the same

    return writing(web_books.database, work)


def test_a_session_ends_when_idle_for_30_minutes(
    sessions: Sessions, session: str, wall: WallClock
) -> None:
    wall.at += IDLE
    assert sessions.staff(session)
    wall.at += IDLE + timedelta(seconds=1)
    assert sessions.staff(session) is None


def test_a_session_in_use_ends_after_12_hours(
    sessions: Sessions, session: str, wall: WallClock
) -> None:
    until = NOW + LONGEST
    while wall.at + timedelta(minutes=10) <= until:
        wall.at += timedelta(minutes=10)
        assert sessions.staff(session)
    wall.at += timedelta(minutes=10)
    assert sessions.staff(session) is None


ENDINGS: dict[str, Callable[..., None]] = {
    "password": lambda c, **who: set_password(c, password=NEW_PASSWORD, **who),
    "role": lambda c, **who: change_role(c, role=Role.VIEWER, **who),
    "disabled": lambda c, **who: change_state(c, state="disabled", **who),
    "second factor": lambda c, **who: forget_second_factor(c, **who),
}


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=list(ENDINGS))
def test_every_change_of_the_account_ends_its_sessions(
    web_books: WebBooks, sessions: Sessions, session: str, ending: Callable[..., None]
) -> None:
    member = sessions.staff(session)
    assert member
    who = {"merchant_id": web_books.merchant_id, "name": "hana", "by": "ken", "at": NOW}
    writing(web_books.database, lambda connection: ending(connection, **who))
    assert sessions.staff(session) is None
    with reading(web_books.database) as connection, pytest.raises(NoLongerAllowed):
        sessions.recheck_staff(connection, member)


def test_another_merchants_pages_do_not_know_it(
    web_books: WebBooks, session: str, wall: WallClock
) -> None:
    others = Sessions(web_books.database, "other", wall, needs_second_factor=False)
    assert others.staff(session) is None


def test_a_session_of_a_customer_is_none_of_the_staff(
    web_books: WebBooks, sessions: Sessions
) -> None:
    web_books.add_charge()
    begun = writing(web_books.database, lambda c: sessions.begin_customer(c, customer_id=1))
    found = sessions.customer(begun)
    assert found
    assert found.customer_id == 1
    assert sessions.staff(begun) is None
    writing(web_books.database, lambda c: sessions.end_all_of_customer(c, 1))
    assert sessions.customer(begun) is None


def test_no_session_id_is_kept(web_books: WebBooks, session: str) -> None:
    with reading(web_books.database) as connection:
        kept = connection.exec_driver_sql("SELECT * FROM web_session").all()
    assert len(kept) == 1
    assert session not in repr(kept)


def test_a_live_merchant_asks_for_a_second_factor(
    web_books: WebBooks, session: str, wall: WallClock
) -> None:
    live = Sessions(web_books.database, web_books.merchant_id, wall, needs_second_factor=True)
    member = live.staff(session)
    assert member
    assert member.missing == "enrolment"


def test_a_token_belongs_to_one_cookie() -> None:
    token = form_token("cookie")
    assert is_good_token(token, bound_to="cookie")
    assert not is_good_token(token, bound_to="other")
    assert not is_good_token(form_token(""), bound_to="")
