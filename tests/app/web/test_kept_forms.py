"""Bad input: no link of a page that a form drew leads nowhere, and what was typed is still there.

The router is enumerated: every form is filled in with nonsense, and the links of the answered page
are followed as they stand.
"""

import re
from collections.abc import Iterator

import httpx
import pytest
from conftest import app_of
from page_forms import read_page
from test_web_access import House
from web_books import Browser, open_books, sign_in_as_customer
from web_routes import examples_of

from app.web.shell.kept import SECRETS
from app.web.shell.rendering import environment

NONSENSE = "まちがい <b>&7\nとても長い文章"
ASKED = {
    "/settings/staff/member": "?name=staff",
    "/settings/words": "?kind=charged&language=ja",
}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    books = open_books(f"sqlite:///{tmp_path_factory.mktemp('kept') / 'autopay.sqlite3'}")
    books.add_charge()
    yield House(books, app_of(books), examples_of(books))
    books.database.dispose()


def who_sends(house: House, address: str, kind: str) -> Browser:
    if address.startswith("/my/") and kind == "customer":
        return sign_in_as_customer(house.app, 1)
    browser = Browser(house.app)
    if kind != "open":
        browser.log_in()
    return browser


def follow(browser: Browser, address: str) -> httpx.Response:
    """Where a link leads in the end."""
    for _ in range(5):
        answer = browser.get(address)
        if answer.status_code != 303:
            return answer
        address = str(answer.url.join(answer.headers["location"]))
        address = address.removeprefix(browser.base_url)
    raise AssertionError(f"{address} leads around in a circle")


def sent_nonsense(browser: Browser, address: str) -> httpx.Response:
    """The answer to the form of this address, filled in with nonsense."""
    path = address.split("?")[0]
    page = read_page(follow(browser, path + ASKED.get(path, "")).text)
    form = page.form(path)
    some = page.forms[0] if page.forms else None
    ours = {n: v for n, v in (some.fields if some else []) if n in ("form_token", "form_id")}
    return browser.send("POST", address, data=form.filled(NONSENSE) if form else ours)


def drawn_pages(house: House) -> Iterator[tuple[Browser, str, httpx.Response]]:
    """Every page that a form draws when it is filled in with nonsense."""
    for method, address, access in house.routes:
        if method == "POST":
            browser = who_sends(house, address, access.kind)
            answer = sent_nonsense(browser, address)
            if answer.status_code != 303 and answer.headers["content-type"].startswith("text/html"):
                yield browser, address, answer


def test_links_of_a_page_that_a_form_drew_show_it_again_as_it_was_filled_in(house: House) -> None:
    """Its address may know no GET, or a GET that begins anew: neither may be seen."""
    drawn, refused = [], []
    for browser, address, answer in drawn_pages(house):
        page, path = read_page(answer.text), address.split("?")[0]
        form = page.form(path)
        drawn.append(address)
        if page.faults:
            refused.append(address)
        assert set(page.wishes) == {"en", "light", "dark"}, address
        for wish, link in page.wishes.items():
            # A browser of the same person: what one link is remembered by is not seen by the next.
            reader = Browser(house.app, cookies=httpx.Cookies(browser.cookies))
            shown = follow(reader, str(answer.url.join(link)).removeprefix(browser.base_url))
            again = read_page(shown.text)
            assert shown.status_code == 200, (address, wish, shown.url)
            assert again.language == ("en" if wish == "en" else "ja"), (address, wish)
            assert wish == "en" or f'data-theme="{wish}"' in shown.text, (address, wish)
            assert again.faults == page.faults, (address, wish)
            if form is not None:
                found = again.form(path)
                assert found is not None, (address, wish)
                assert found.written() == form.written(), (address, wish)
    assert len(drawn) >= 30, drawn
    assert len(refused) >= 15, refused


def test_an_address_that_takes_only_forms_leads_to_the_page_of_its_form(house: House) -> None:
    """Whoever reloads it, pastes it, or comes back to it from the log-in."""
    read = {address for method, address, _ in house.routes if method == "GET"}
    led = {}
    for method, address, access in house.routes:
        if method == "POST" and address not in read:
            browser = who_sends(house, address, access.kind)
            answer = browser.get(f"{address}?lang=en")
            assert answer.status_code == 303, address
            page = follow(browser, f"{address}?lang=en")
            assert page.status_code == 200, address
            assert read_page(page.text).language == "en", address
            led[address] = str(page.url.path)
    assert len(led) >= 15
    assert led["/today/brake"] == "/today"
    assert led["/my/account/amazon/unlink"] == "/my/account"
    assert led["/my/sign-out"] == "/my/"
    assert led["/logout"] == "/today"


def test_passwords_of_all_pages_are_never_kept() -> None:
    """A field that holds one is named in `SECRETS`."""
    named = re.compile(r'ui\.text\(\w+, "(\w+)"[^}]*type="password"')
    loader = environment().loader
    assert loader is not None
    found = {
        name
        for template in loader.list_templates()
        for name in named.findall(loader.get_source(environment(), template)[0])
    }
    assert found >= {"password", "wanted"}
    assert found <= SECRETS
