"""One's own account, and codes of this moment for what weighs much."""

import re
import sqlite3
import time
from collections.abc import Iterator
from datetime import timedelta

import pyotp
import pytest
from conftest import MASTER_KEY
from fastapi import FastAPI
from sqlalchemy import text
from test_web_log_in import WallClock, make, set_up
from web_books import PASSWORD, Browser, FixedClock, WebBooks, open_books

from app.web import create_app
from app.web.shell import Role
from billing import reading

NEW = "もう一つの password です"


class House:
    """Books, their pages, and a wall clock that the tests hold; the minute goes on by itself."""

    def __init__(self, books: WebBooks) -> None:
        self.books, self.wall = books, WallClock()
        self.app: FastAPI = create_app(
            database=books.database,
            merchant=books.merchant,
            staff_password=PASSWORD,
            clock=FixedClock(),
            master_key=MASTER_KEY,
            wall=self.wall,
        )

    def member(self, name: str, role: Role = Role.OWNER) -> Browser:
        make(self.books, name, role)
        return self.log_in(name)

    def log_in(self, name: str, password: str = PASSWORD) -> Browser:
        browser = Browser(self.app)
        browser.cookies.set("autopay_lang", "en", domain="autopay.test", path="/")
        assert browser.log_in(user=name, password=password).status_code == 303
        return browser

    def code(self, key: str) -> str:
        """The code of the next minute, which nobody has used."""
        self.wall.at += timedelta(minutes=1)
        return pyotp.TOTP(key).at(self.wall.at)

    def audit(self, name: str) -> list[tuple[str, str]]:
        sql = "SELECT kind, actor FROM audit_event WHERE reason LIKE :n ORDER BY id"
        with reading(self.books.database) as connection:
            return [tuple(row) for row in connection.execute(text(sql), {"n": f"{name}: %"})]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    books = open_books(f"sqlite:///{tmp_path_factory.mktemp('own') / 'a.sqlite3'}")
    yield House(books)
    books.database.dispose()


def works(browser: Browser) -> bool:
    return browser.get("/account").status_code == 200


def test_another_password_ends_all_other_sessions(house: House) -> None:
    first = house.member("hana", Role.VIEWER)
    other = house.log_in("hana")
    fields = {"current": PASSWORD, "wanted": NEW, "again": NEW}
    for change, words in (
        ({"current": "a guess of mine"}, "present password is wrong"),
        ({"again": NEW + "x"}, "differ"),
        ({"wanted": "short", "again": "short"}, "too short or easily guessed"),
    ):
        refused = first.post_form("/account", "/account/password", **(fields | change))
        assert refused.status_code == 422
        assert words in refused.text
        assert NEW not in refused.text, "a password is never shown again"
    assert works(other)
    changed = first.post_form("/account", "/account/password", **fields)
    assert changed.headers["location"] == "/account?changed=yes"
    assert works(first)
    assert not works(other)
    assert Browser(house.app).log_in(user="hana").status_code == 401
    assert works(house.log_in("hana", NEW))
    assert house.audit("hana")[-1] == ("staff_password", "hana")


def test_the_present_password_cannot_be_guessed_at_an_open_browser(house: House) -> None:
    browser = house.member("mio", Role.VIEWER)
    statuses = []
    for number in range(6):
        answer = browser.post_form(
            "/account", "/account/password", current=f"guess {number}", wanted=NEW, again=NEW
        )
        statuses.append("Too many failures" in answer.text)
    assert statuses == [False, False, False, True, True, True]


def test_signing_out_everywhere_ends_every_session(house: House) -> None:
    browsers = [house.member("ken", Role.SUPPORT), house.log_in("ken"), house.log_in("ken")]
    answer = browsers[1].post_form("/account", "/account/sign-out-everywhere")
    assert answer.headers["location"] == "/login"
    assert not any(works(each) for each in browsers)
    assert house.audit("ken")[-1] == ("staff_sessions", "ken")


def test_the_account_of_the_setting_says_where_its_password_is(house: House) -> None:
    browser = house.log_in("staff")
    page = browser.get("/account").text
    assert "AUTOPAY_STAFF_PASSWORD" in page
    assert 'name="wanted"' not in page
    make(house.books, "spare", Role.OWNER)
    form = house.log_in("spare").form_of("/account", "/account/password")
    mine = browser.form_of("/account", "/account/sign-out-everywhere")
    fields = form | mine | {"current": PASSWORD, "wanted": NEW, "again": NEW}
    refused = browser.send("POST", "/account/password", data=fields)
    assert refused.status_code == 422


def test_another_authenticator_needs_a_code_of_the_present_one(house: House) -> None:
    browser = house.member("aya")
    key, codes = set_up(browser, house.wall)
    page = browser.get("/login/set-up").text
    fresh = re.search(r"<code>([A-Z2-7]{32})</code>", page)
    assert fresh
    assert fresh[1] != key

    def replace(**fields: str) -> int:
        code = house.code(fresh[1])
        sent = {"code": code} | fields
        return int(browser.post_form("/login/set-up", "/login/set-up", **sent).status_code)

    assert replace() == 401, "an open browser alone takes no account over"
    assert replace(current="000000") == 401
    house.wall.at += timedelta(minutes=10)  # three failures wait
    assert replace(current=codes[0]) == 200
    assert not works(house.log_in("aya")), "the second factor is asked for"


def test_whoever_stole_the_password_cannot_make_the_owner_wait(house: House) -> None:
    """Guesses at the code from elsewhere; the browser that the owner knows goes on at once."""
    browser = house.member("sora")
    key, _ = set_up(browser, house.wall)
    again = house.log_in("sora")
    assert again.post_form("/login/code", "/login/code", code=house.code(key)).status_code == 303
    browser.post_form("/account", "/account/sign-out-everywhere")
    thief = house.log_in("sora")
    answers = [
        thief.post_form("/login/code", "/login/code", code="123456").status_code for _ in range(6)
    ]
    assert answers == [401, 401, 401, 429, 429, 429]
    assert again.log_in(user="sora").status_code == 303
    assert again.post_form("/login/code", "/login/code", code=house.code(key)).status_code == 303


def test_owners_acts_need_a_code_of_this_moment(house: House) -> None:
    owner = house.member("rin")
    key, _ = set_up(owner, house.wall)
    wanted = {"name": "newcomer", "role": "finance"}
    form, page = "/settings/staff/new", "/settings/staff/new"
    used = house.code(key)
    refused = owner.post_form(page, form, **wanted)
    assert refused.status_code == 422
    assert 'value="newcomer"' in refused.text
    assert owner.post_form(page, form, **wanted, code=used).status_code == 303
    again = owner.post_form(page, form, name="another", role="finance", code=used)
    assert again.status_code == 422, "a code counts once"
    assert "used already" in again.text
    member = "/settings/staff/member?name=newcomer"
    act = {"act": "role", "role": "owner"}
    path = "/settings/staff/member"
    assert owner.post_form(member, path, **act).status_code == 422
    assert house.audit("newcomer") == [("staff_added", "rin")]
    assert owner.post_form(member, path, **act, code=house.code(key)).status_code == 303
    # In an emergency nobody looks for a telephone first.
    assert owner.post_form(member, path, act="disable").status_code == 303
    ids = {"seller_id": "A1", "store_id": "s", "public_key_id": ""}
    kept = owner.post_form("/settings", "/settings", **ids)
    assert kept.status_code == 422


@pytest.mark.parametrize("typed", ["ＨＡＮＡＫＯ", " hanako ", "Hanako"])
def test_one_name_is_one_account_however_it_is_typed(house: House, typed: str) -> None:
    owner = house.log_in("staff")
    if typed == "ＨＡＮＡＫＯ":
        make(house.books, "hanako", Role.FINANCE)
    answer = owner.post_form(
        "/settings/staff/new", "/settings/staff/new", name=typed, role="finance"
    )
    assert answer.status_code == 422
    assert works(house.log_in(typed))


def test_a_page_does_not_wait_for_somebody_elses_lock(house: House) -> None:
    """A large import holds the lock of SQLite for long; whoever only looks is not kept."""
    browser = house.member("yui", Role.VIEWER)
    assert works(browser)
    house.wall.at += timedelta(minutes=2)
    holder = sqlite3.connect(str(house.books.database.url.database), isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    began = time.monotonic()
    try:
        assert works(browser), "the use of the session is due to be noted"
    finally:
        holder.execute("ROLLBACK")
        holder.close()
    assert time.monotonic() - began < 10
    with reading(house.books.database) as connection:
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one() == 30_000
