"""Logging in: two factors, recovery codes, and a brake that no stranger can use as a lock."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pyotp
import pytest
from conftest import MASTER_KEY
from fastapi import FastAPI
from sqlalchemy import text
from web_books import NOW, PASSWORD, Browser, FixedClock, WebBooks

from app.problems import Refused
from app.web import create_app
from app.web.shell import Role
from app.web.staff import WeakPassword, add_staff, change_role, change_state, list_staff
from app.web.staff.desk import LoggedIn, StaffDesk, Wait
from app.web.staff.second_factor import matching_step
from billing import reading, writing

# RFC 6238, appendix B: the key of its SHA-1 vectors in base32, and their last six digits.
RFC_KEY = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


class WallClock:
    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> datetime:
        return self.at


@pytest.fixture
def wall() -> WallClock:
    return WallClock()


@pytest.fixture
def clocked(web_books: WebBooks, wall: WallClock) -> FastAPI:
    """Pages whose sessions and waits follow a clock that the test holds."""
    return create_app(
        database=web_books.database,
        merchant=web_books.merchant,
        staff_password=PASSWORD,
        clock=FixedClock(),
        master_key=MASTER_KEY,
        wall=wall,
    )


def make(books: WebBooks, name: str, role: Role = Role.VIEWER, password: str = PASSWORD) -> None:
    who = {"merchant_id": books.merchant_id, "by": "test", "at": NOW}
    writing(books.database, lambda c: add_staff(c, name=name, role=role, password=password, **who))


def set_up(browser: Browser, wall: WallClock) -> tuple[str, list[str]]:
    """Turn the second factor on; returns its key and the recovery codes."""
    key = re.search(r"<code>([A-Z2-7]{32})</code>", browser.get("/login/set-up").text)
    assert key, "no key to type by hand"
    code = pyotp.TOTP(key[1]).at(wall.at)
    page = browser.post_form("/login/set-up", "/login/set-up", code=code)
    assert page.status_code == 200
    return key[1], re.findall(r"<li>([a-z0-9]{5}-[a-z0-9]{5})</li>", page.text)


def test_the_second_factor_is_asked_for_and_opens_the_pages(
    clocked: FastAPI, wall: WallClock
) -> None:
    first = Browser(clocked)
    first.log_in()
    key, codes = set_up(first, wall)
    assert len(set(codes)) == 10
    assert first.get("/charges").status_code == 200, "the set-up goes on under a fresh session"
    wall.at += timedelta(minutes=1)
    second = Browser(clocked)
    assert second.log_in().headers["location"] == "/"
    assert second.get("/charges").headers["location"].startswith("/login/code")
    code = pyotp.TOTP(key).at(wall.at)
    assert second.post_form("/login/code", "/login/code", code="000000").status_code == 401
    assert second.post_form("/login/code", "/login/code", code=code).status_code == 303
    assert second.get("/charges").status_code == 200
    third = Browser(clocked)
    third.log_in()
    again = third.post_form("/login/code", "/login/code", code=code)
    assert again.status_code == 401, "a code counts once"


def test_a_recovery_code_opens_once(clocked: FastAPI, wall: WallClock) -> None:
    owner = Browser(clocked)
    owner.log_in()
    _, codes = set_up(owner, wall)
    statuses = []
    for _ in range(2):
        browser = Browser(clocked)
        browser.log_in()
        answer = browser.post_form("/login/code", "/login/code", code=f" {codes[3].upper()} ")
        statuses.append(answer.status_code)
    assert statuses == [303, 401]


def test_the_key_is_kept_sealed(clocked: FastAPI, wall: WallClock, web_books: WebBooks) -> None:
    owner = Browser(clocked)
    owner.log_in()
    key, codes = set_up(owner, wall)
    with reading(web_books.database) as connection:
        kept = repr(
            [
                connection.execute(text(f"SELECT * FROM {table}")).all()
                for table in ("staff_user", "web_session", "recovery_code")
            ]
        )
    assert key not in kept
    assert not any(code in kept for code in codes)


def test_nobody_works_live_without_a_second_factor(web_books: WebBooks) -> None:
    with web_books.database.begin() as connection:
        connection.execute(text("UPDATE merchant SET environment = 'live'"))
    wall = WallClock()
    app = create_app(
        database=web_books.database,
        merchant=web_books.merchant,
        staff_password=PASSWORD,
        clock=FixedClock(),
        master_key=MASTER_KEY,
        wall=wall,
    )
    browser = Browser(app)
    browser.log_in()
    assert browser.get("/charges").headers["location"].startswith("/login/set-up")
    set_up(browser, wall)
    assert browser.get("/charges").status_code == 200


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (1111111111, "050471"),
        (1111111109, "081804"),
        (1234567890, "005924"),
        (20000000000, "353130"),
    ],
)
def test_codes_are_those_of_the_standard(seconds: int, code: str) -> None:
    at = datetime.fromtimestamp(seconds, tz=NOW.tzinfo)
    assert matching_step(RFC_KEY, code, at=at, used_step=0) == seconds // 30
    assert matching_step(RFC_KEY, code, at=at + timedelta(seconds=30), used_step=0)
    assert matching_step(RFC_KEY, code, at=at + timedelta(seconds=60), used_step=0) is None
    assert matching_step(RFC_KEY, code, at=at - timedelta(seconds=30), used_step=0) is None
    assert matching_step(RFC_KEY, code, at=at, used_step=seconds // 30) is None


@pytest.fixture
def desk(clocked: FastAPI) -> StaffDesk:
    return StaffDesk(clocked.state.shell, PASSWORD)


def guess(desk: StaffDesk, **changes: str) -> Any:
    fields = {"name": "staff", "password": "a guess", "source": "192.0.2.9", "device": ""}
    return desk.log_in(**(fields | {"session_before": ""} | changes))  # type: ignore[arg-type] # all texts


def test_waits_double_for_one_source(desk: StaffDesk, wall: WallClock) -> None:
    waits = []
    for _ in range(6):
        made = guess(desk)
        while isinstance(made, Wait):
            wall.at += timedelta(seconds=made.seconds)
            made = guess(desk)
        after = guess(desk)
        waits.append(after.seconds if isinstance(after, Wait) else 0)
        if not isinstance(after, Wait):
            waits.append(0)
    # The third failure is the first that costs: 2^1, 2^2, 2^3 …
    assert [wait for wait in waits if wait][:4] == [2, 4, 8, 16]
    assert not isinstance(guess(desk, source="192.0.2.10"), Wait)


def test_an_hour_of_guesses_is_sixty_at_most(
    desk: StaffDesk, wall: WallClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From hundreds of addresses for an hour; a guess that comes too early is not looked at."""
    looked_at = []
    monkeypatch.setattr("app.web.staff.desk.is_password", lambda *a, **k: bool(looked_at.append(1)))
    for number in range(720):
        guess(desk, source=f"10.0.{number % 250}.{number % 199}")
        wall.at += timedelta(seconds=5)
    assert 20 <= len(looked_at) <= 60


def test_a_known_device_is_not_slowed_by_strangers(desk: StaffDesk) -> None:
    known = guess(desk, password=PASSWORD, source="192.0.2.1")
    assert isinstance(known, LoggedIn)
    for number in range(21):
        guess(desk, source=f"198.51.100.{number}")
    assert isinstance(guess(desk, password=PASSWORD, source="203.0.113.7"), Wait)
    again = guess(desk, password=PASSWORD, source="198.51.100.1", device=known.device)
    assert isinstance(again, LoggedIn)
    stolen = guess(desk, password=PASSWORD, source="203.0.113.7", device="made up")
    assert isinstance(stolen, Wait)


def test_a_network_of_ipv6_is_one_source(desk: StaffDesk) -> None:
    for number in range(3):
        guess(desk, source=f"2001:db8::{number}")
    assert isinstance(guess(desk, source="2001:db8::ffff"), Wait)


def test_an_unknown_name_takes_the_same_way(
    desk: StaffDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same work is done for a name that nobody has, so that time tells nothing."""
    asked: list[bool] = []
    monkeypatch.setattr(
        "app.web.staff.desk.is_password", lambda password, kept: bool(asked.append(bool(kept)))
    )
    known, unknown = guess(desk), guess(desk, name="nobody", source="192.0.2.77")
    assert type(known) is type(unknown)
    assert asked == [True, False]


def test_a_disabled_member_cannot_log_in(clocked: FastAPI, web_books: WebBooks) -> None:
    make(web_books, "hana", Role.OWNER)
    make(web_books, "ken")
    who = {"merchant_id": web_books.merchant_id, "by": "hana", "at": NOW}
    browser = Browser(clocked)
    assert browser.log_in(user="KEN").status_code == 303
    writing(web_books.database, lambda c: change_state(c, name="ken", state="disabled", **who))
    assert browser.get("/charges").status_code == 303
    assert Browser(clocked).log_in(user="ken").status_code == 401


CHANGES: dict[str, Callable[..., None]] = {
    "role": lambda c, **who: change_role(c, role=Role.FINANCE, **who),
    "state": lambda c, **who: change_state(c, state="disabled", **who),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
def test_the_last_owner_stays(web_books: WebBooks, change: Callable[..., None]) -> None:
    make(web_books, "hana", Role.OWNER)
    make(web_books, "ken", Role.SUPPORT)
    who = {"merchant_id": web_books.merchant_id, "name": "hana", "by": "ken", "at": NOW}
    with pytest.raises(Refused, match="'hana' is the only owner"):
        writing(web_books.database, lambda connection: change(connection, **who))


@pytest.mark.parametrize(
    "password", ["short", "x" * 201, "aaaaaaaaaaaaaa", "Password1234", "hana-hana-2026", "autopay"]
)
def test_weak_passwords_are_refused(web_books: WebBooks, password: str) -> None:
    with pytest.raises(WeakPassword):
        make(web_books, "hana", password=password)


@pytest.mark.parametrize("name", ["", "two words", "x" * 65, "a\nb"])
def test_bad_names_are_refused(web_books: WebBooks, name: str) -> None:
    with pytest.raises(Refused, match="is no name to log in with"):
        make(web_books, name)


def test_every_change_stands_in_the_audit_trail(web_books: WebBooks) -> None:
    make(web_books, "Hana", Role.OWNER)
    with reading(web_books.database) as connection:
        kept = connection.execute(text("SELECT kind, actor, reason FROM audit_event")).all()
        users = list_staff(connection, merchant_id=web_books.merchant_id)
    assert [tuple(row) for row in kept] == [("staff_added", "test", "hana: role owner")]
    assert [user.name for user in users] == ["hana"]
    assert PASSWORD not in repr(users)
