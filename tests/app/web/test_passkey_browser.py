"""Passkeys in a real browser, with Chromium's own virtual authenticator."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from conftest import app_of
from passkey_house import quick_passwords
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import CDPSession, Page, Route, expect
from support.browser import axe, complaints, new_context, screenshot, serving
from test_web_log_in import WallClock, make, set_up
from web_books import PASSWORD, Browser, open_books

from app.web.shell import Role

INTERNAL = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@dataclass
class Served:
    address: str
    recovery_codes: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The pages at http://localhost:PORT, with an owner who has an authenticator."""
    books = open_books(f"sqlite:///{tmp_path_factory.mktemp('passkeys') / 'a.sqlite3'}")
    app, wall = app_of(books), WallClock()
    wall.at = datetime.now(UTC)
    with quick_passwords():
        make(books, "hana", Role.OWNER)
        first = Browser(app)
        first.log_in(user="hana")
        _, codes = set_up(first, wall)
        with serving(app) as address:
            yield Served(address.replace("127.0.0.1", "localhost"), codes)
    books.database.dispose()


def device(page: Page) -> tuple[CDPSession, dict[str, Any]]:
    """A virtual authenticator for the page."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    return session, session.send("WebAuthn.addVirtualAuthenticator", {"options": INTERNAL})


def give_password(page: Page) -> None:
    page.goto("/login")
    page.fill("#user", "hana")
    page.fill("#password", PASSWORD)
    page.click("main button.primary")
    page.wait_for_url("**/login/code*")


def test_a_passkey_is_made_and_lets_in(served: Served, browser: Chromium) -> None:
    context = new_context(browser, served.address)
    page = context.new_page()
    heard = complaints(page)
    device(page)
    give_password(page)
    expect(page.locator("[data-passkey]")).to_have_count(0)
    page.fill("#code", served.recovery_codes[0])
    page.click("main button.primary")
    page.goto("/account")
    page.click("text=パスキーを追加")
    page.fill("#code", served.recovery_codes[1])
    page.click("main button.primary")
    page.fill("#name", "花子のノートパソコン")
    screenshot(page, "passkeys/make")
    page.press("#name", "Enter")  # the keyboard is enough
    page.wait_for_url(lambda url: url.endswith("/account?passkey=added"))
    expect(page.locator("main")).to_contain_text("花子のノートパソコン")
    screenshot(page, "passkeys/account")
    page.click("header form button")
    give_password(page)
    expect(page.locator("#passkey")).to_be_visible()
    screenshot(page, "passkeys/log-in")
    page.press("#passkey", "Enter")
    page.wait_for_url(lambda url: "/login" not in url)
    page.goto("/account/passkeys")
    page.click("#passkey")  # what weighs much takes one too, and opens the making of another
    page.wait_for_url("**/account/passkeys/new")
    # From here on the virtual device is gone: it ends with the session that axe works in.
    faults = axe(page)
    page.click("header form button")
    give_password(page)
    faults += axe(page)
    context.close()
    assert faults + heard == []


def test_faults_stand_beside_the_button(served: Served, browser: Chromium) -> None:
    context = new_context(browser, served.address, language="en", phone=True)
    page = context.new_page()
    session, made = device(page)
    give_password(page)
    said = page.locator("#said-passkey")

    session.send(
        "WebAuthn.setAutomaticPresenceSimulation",
        {"authenticatorId": made["authenticatorId"], "enabled": False},
    )
    answering(page, {"timeout": 1_500})
    page.click("#passkey")
    expect(said).to_contain_text("took too long")
    assert page.eval_on_selector("#code", "code => code.required"), "a code will do"
    screenshot(page, "passkeys/fault")
    for change, words in (
        ({"rpId": "evil.example"}, "works at this address"),
        ({"challenge": None}, "could not be asked"),
    ):
        answering(page, change)
        page.click("#passkey")
        expect(said).to_contain_text(words)
    answering(page, {})
    refused = "Promise.reject(new DOMException('', 'NotAllowedError'))"
    page.evaluate(f"() => {{ navigator.credentials.get = () => {refused} }}")
    page.click("#passkey")
    expect(said).to_contain_text("Cancelled")
    assert axe(page) == []
    # Where the browser knows no passkeys, nothing speaks of them, and a code does the same.
    page.add_init_script("delete window.PublicKeyCredential")
    page.reload()
    expect(page.locator("[data-passkey]")).to_have_count(1)
    expect(page.locator("#passkey")).to_be_hidden()
    page.fill("#code", served.recovery_codes[2])
    page.click("main button.primary")
    page.wait_for_url(lambda url: "/login" not in url)
    context.close()


def answering(page: Page, change: dict[str, Any]) -> None:
    """Let the server's question arrive changed."""

    def change_it(route: Route) -> None:
        route.fulfill(json=route.fetch().json() | change)

    page.unroute("**/login/passkey")
    page.route("**/login/passkey", change_it)
