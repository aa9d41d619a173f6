"""Every page of the router in a real browser, in both languages: axe, the policy, the weight."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from conftest import app_of
from fastapi import FastAPI
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page
from support.browser import axe, complaints, log_in, new_context, screenshot, serving
from web_books import PASSWORD, WebBooks, open_books, sign_in_as_customer
from web_routes import examples_of, filled_routes

from app.web.shell.assets import FOLDER, HTMX_SHA256

MOST_BYTES = 100_000
MOST_CSS_BYTES = 30_000


@dataclass
class Served:
    books: WebBooks
    app: FastAPI
    address: str
    examples: dict[str, str]

    def pages(self, *kinds: str) -> list[str]:
        """Addresses of the pages that a person of that kind reads; files are no pages."""
        return [
            address
            for method, address, access in filled_routes(self.app, self.examples)
            if method == "GET"
            and access.kind in kinds
            and not re.search(r"\.(csv|css|svg|pdf|json)$", address)
            and not address.endswith("/progress")  # a part that htmx puts into its page
            and address not in ("/health", "/metrics")
        ]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    books = open_books(f"sqlite:///{tmp_path_factory.mktemp('browser') / 'autopay.sqlite3'}")
    for number in range(6):
        books.add_charge(
            amount_yen=1_980 * (number + 1),
            state="declined" if number == 3 else "captured",
            reason_code="SoftDeclined" if number == 3 else None,
        )
    examples = examples_of(books)
    app = app_of(books)
    with serving(app) as address:
        yield Served(books, app, address, examples)
    books.database.dispose()


def look_at(page: Page, address: str, heard: list[str], name: str) -> list[str]:
    """What is wrong with one page."""
    answer = page.goto(address)
    assert answer is not None
    wrong = [] if answer.status == 200 else [f"status {answer.status}"]
    if (weight := len(answer.body())) > MOST_BYTES:
        wrong.append(f"{weight:,} bytes")
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        wrong.append("scrolls sideways")
    wrong += axe(page) + heard
    heard.clear()
    screenshot(page, f"{name}/{re.sub(r'[^a-z0-9]+', '-', address.strip('/')) or 'first'}")
    return wrong


KINDS: dict[str, dict[str, Any]] = {
    "japanese": {"language": "ja"},
    "english on a dark phone": {"language": "en", "phone": True, "dark": True},
}


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_every_page_is_fit_for_everybody(
    served: Served, browser: Chromium, kind: dict[str, Any]
) -> None:
    """WCAG 2.2 AA as far as a machine sees it; nothing refused by the policy; light."""
    context = new_context(browser, served.address, **kind)
    page = context.new_page()
    heard = complaints(page)
    name = f"{kind['language']}{'-phone' if kind.get('phone') else ''}"
    faults = {address: look_at(page, address, heard, name) for address in served.pages("open")}
    log_in(page, password=PASSWORD)
    for address in served.pages("staff", "signing_in"):
        faults[address] = look_at(page, address, heard, name)
    customer = sign_in_as_customer(served.app, 1).cookies["autopay_my"]
    context.add_cookies([{"name": "autopay_my", "value": customer, "url": served.address}])
    for address in served.pages("customer"):
        faults[address] = look_at(page, address, heard, name)
    context.close()
    assert not any(faults.values()), "\n".join(f"{a}: {w}" for a, w in faults.items() if w)
    assert len(faults) >= 6


def test_axe_sees_a_planted_fault(served: Served, browser: Chromium) -> None:
    context = new_context(browser, served.address)
    page = context.new_page()
    page.goto("/login")
    page.evaluate("document.querySelector('label').remove()")
    assert any(fault.startswith("label ") for fault in axe(page))
    context.close()


def test_a_double_click_sends_one_form_and_the_keyboard_is_enough(
    served: Served, browser: Chromium
) -> None:
    context = new_context(browser, served.address)
    page = context.new_page()
    page.goto("/login")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.fill("#password", PASSWORD)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))
    page.press("#password", "Enter")
    page.wait_for_url("**/today")
    assert sent.count("POST") == 1
    page.click("text=English")
    assert page.get_attribute("html", "lang") == "en"
    page.click(".theme-dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(18, 23, 26)"
    context.close()


def test_the_pages_work_without_javascript(served: Served, browser: Chromium) -> None:
    context = browser.new_context(base_url=served.address, java_script_enabled=False)
    page = context.new_page()
    log_in(page, password=PASSWORD)
    page.goto("/charges")
    page.fill("#search", "山田")
    page.click("form.filter button")
    assert "search=" in page.url
    page.click("table.charges a >> nth=0")
    assert "/charges/" in page.url
    context.close()


def test_htmx_runs_under_our_policy(served: Served, browser: Chromium) -> None:
    """No eval and no inline style: what the page asks for is fetched and put in its place."""
    context = new_context(browser, served.address)
    page = context.new_page()
    heard = complaints(page)
    page.goto("/login")
    page.evaluate(
        """address => {
          const part = document.createElement("button");
          part.id = "part"; part.type = "button"; part.textContent = "x";
          for (const [k, v] of [["get", "/login"], ["select", "h1"], ["target", "#place"]])
            part.setAttribute("hx-" + k, v);
          const place = document.createElement("div"); place.id = "place";
          document.querySelector("main").append(part, place);
          const script = document.createElement("script"); script.src = address;
          document.head.append(script);
        }""",
        "/assets/htmx.min.js",
    )
    page.wait_for_function("window.htmx")
    page.evaluate("htmx.process(document.body)")
    page.click("#part")
    page.wait_for_selector("#place h1")
    assert heard == []
    context.close()


def test_what_is_vendored_is_what_was_published() -> None:
    found = hashlib.sha256((FOLDER / "htmx.min.js").read_bytes()).hexdigest()
    assert found == HTMX_SHA256
    assert "Zero-Clause BSD" in (FOLDER / "htmx.LICENSE").read_text()


def test_the_style_is_small() -> None:
    sizes = {file.name: file.stat().st_size for file in FOLDER.glob("*.css")}
    assert sizes["style.css"] < MOST_CSS_BYTES
