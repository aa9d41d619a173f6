"""Books and their pages at http://localhost, with people who have an authenticator and passkeys."""

import contextlib
import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import httpx
import pyotp
import pytest
from argon2 import PasswordHasher
from conftest import MASTER_KEY
from fastapi import FastAPI
from sqlalchemy import text
from support.authenticator import Authenticator
from test_web_log_in import WallClock, make, set_up
from web_books import PASSWORD, Browser, FixedClock, WebBooks

from app.web import create_app
from app.web.shell import Role
from app.web.staff import passwords
from billing import reading

ORIGIN = "http://localhost"
CODE, ACCOUNT = "/login/code", "/account"
BEGIN, MAKE = "/account/passkeys", "/account/passkeys/new"


class House:
    """The pages, and a wall clock that the tests hold."""

    def __init__(self, books: WebBooks, **changes: str) -> None:
        self.books, self.wall = books, WallClock()
        self.app: FastAPI = create_app(
            database=books.database,
            merchant=books.merchant,
            staff_password=PASSWORD,
            clock=FixedClock(),
            master_key=MASTER_KEY,
            wall=self.wall,
            **changes,  # type: ignore[arg-type] # settings of the pages
        )

    def member(self, name: str, role: Role = Role.VIEWER) -> "Person":
        """Somebody with an authenticator, logged in."""
        make(self.books, name, role)
        browser = self.log_in(name)
        key, _ = set_up(browser, self.wall)
        return Person(self, name, browser, key)

    def log_in(self, name: str) -> Browser:
        """A browser in which the password was right."""
        browser = Browser(self.app, base_url=ORIGIN)
        # httpx keeps cookies of hosts without a dot under another name.
        browser.cookies.set("autopay_lang", "en", domain="localhost.local", path="/")
        assert browser.log_in(user=name).status_code == 303
        return browser

    def audit(self, name: str) -> list[tuple[str, str]]:
        """(kind, what) of every event about a person's passkeys."""
        sql = "SELECT kind, reason FROM audit_event WHERE reason LIKE :n AND kind LIKE :k"
        with reading(self.books.database) as connection:
            given = {"n": f"{name}: %", "k": "staff_passkey%"}
            found = connection.execute(text(f"{sql} ORDER BY id"), given)
            return [(row.kind, row.reason.removeprefix(f"{name}: ")) for row in found]

    def told(self, name: str) -> list[str]:
        """What the staff are told by mail about a person's passkeys."""
        sql = "SELECT kind FROM notice WHERE reason LIKE :n ORDER BY id"
        with reading(self.books.database) as connection:
            found = connection.execute(text(sql), {"n": f"{name}: %"})
            return [row.kind for row in found]


@dataclass
class Person:
    """A member of the staff, with the browser in which the authenticator was set up."""

    house: House
    name: str
    browser: Browser
    key: str

    def code(self) -> str:
        """The code of the next minute, which nobody has used."""
        self.house.wall.at += timedelta(minutes=1)
        return pyotp.TOTP(self.key).at(self.house.wall.at)

    def log_in(self) -> Browser:
        """Another browser, after the password."""
        return self.house.log_in(self.name)

    def asked_to_make(self) -> str:
        """The question to the authenticator, once a code has opened the five minutes."""
        answer = self.browser.post_form(BEGIN, BEGIN, code=self.code())
        assert answer.headers["location"] == MAKE
        return question_of(self.browser)

    def sends(self, made: str, name: str = "Key") -> httpx.Response:
        """Send what an authenticator made."""
        return self.browser.post_form(MAKE, MAKE, name=name, passkey=made)

    def with_passkey(self, name: str = "Key", **changes: bool) -> Authenticator:
        """Register a passkey."""
        authenticator = Authenticator(**changes)
        answer = self.sends(authenticator.make(self.asked_to_make()), name)
        assert answer.headers.get("location") == "/account?passkey=added", answer.text
        return authenticator


@contextlib.contextmanager
def quick_passwords() -> Iterator[None]:
    """Passwords hashed in a moment: these tests log in often, and are not about passwords."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
        )
        yield


def question_of(browser: Browser) -> str:
    """What the page asks an authenticator to make."""
    found = re.search(r'data-asked="([^"]+)"', browser.get(MAKE).text)
    assert found, "nothing is asked"
    return html.unescape(found[1])


def asked(browser: Browser, page: str = CODE) -> str:
    """What a passkey is asked to prove; `null` when there is none to ask."""
    token = browser.token(page)
    answer = browser.send("POST", "/login/passkey", data={"form_token": token})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    return answer.text


def gives(browser: Browser, proof: str) -> httpx.Response:
    """Send a proof at the log-in."""
    return browser.post_form(CODE, CODE, passkey=proof)


def works(browser: Browser) -> bool:
    """Whether the pages are open."""
    return browser.get(ACCOUNT).status_code == 200
