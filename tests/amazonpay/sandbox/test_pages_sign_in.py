"""Amazon Sign-in without a browser: log in, share, return with a token; or cancel."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from button_payloads import sign_in_payload
from page_browser import SUZUKI, PageBrowser
from wire_client import WireClient

SHOP = "http://localhost:3000"


@pytest.fixture
def web(amazon: WireClient) -> Iterator[PageBrowser]:
    browser = PageBrowser(amazon.base_url)
    yield browser
    browser.close()


def test_the_buyer_returns_with_a_token_that_get_buyer_takes(
    amazon: WireClient, web: PageBrowser, ready: dict[str, Any]
) -> None:
    share = web.log_in(web.click(ready, sign_in_payload(ready, SHOP)), SUZUKI)
    assert "ichiro.suzuki@example.jp" in share.text
    assert "大阪府" not in share.text, "an address was not asked for"
    back = web.submit(share, "/signin/consent")
    assert back.location.startswith(f"{SHOP}/signed-in?from=header&buyerToken=")
    buyer = amazon.api("GET", f"/buyers/{back.query['buyerToken']}").json
    assert (buyer["name"], buyer["email"]) == ("鈴木 一郎", SUZUKI)
    assert buyer["shippingAddress"] is None


@pytest.mark.parametrize(
    ("return_url", "expected"),
    [
        pytest.param("/in", "/in?buyerToken=T", id="no-query"),
        pytest.param("/in?a=1", "/in?a=1&buyerToken=T", id="query"),
        pytest.param("/in#top", "/in?buyerToken=T#top", id="fragment"),
        pytest.param("/in?a=1#top", "/in?a=1&buyerToken=T#top", id="query-and-fragment"),
    ],
)
def test_the_token_is_added_where_a_query_ends(
    web: PageBrowser, ready: dict[str, Any], return_url: str, expected: str
) -> None:
    payload = sign_in_payload(ready, SHOP, signInReturnUrl=SHOP + return_url)
    back = web.submit(web.log_in(web.click(ready, payload)), "/signin/consent")
    assert back.location.replace(back.query["buyerToken"].split("#")[0], "T") == SHOP + expected


@pytest.mark.parametrize("logged_in", [True, False], ids=["after-log-in", "before-log-in"])
def test_a_cancelling_buyer_goes_to_the_cancel_page(
    web: PageBrowser, ready: dict[str, Any], logged_in: bool
) -> None:
    page = web.click(ready, sign_in_payload(ready, SHOP))
    page = web.log_in(page) if logged_in else page
    assert web.submit(page, "/signin/cancel").location == f"{SHOP}/cancelled"


def test_without_a_cancel_page_the_way_ends_here(web: PageBrowser, ready: dict[str, Any]) -> None:
    payload = sign_in_payload(ready, SHOP)
    del payload["signInCancelUrl"]
    page = web.submit(web.click(ready, payload), "/signin/cancel")
    assert (page.status, page.location) == (200, "")


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({"signInReturnUrl": "ftp://shop.example/"}, id="scheme"),
        pytest.param({"signInReturnUrl": "/signed-in"}, id="relative"),
        pytest.param({"signInReturnUrl": "https://shop.example\\@evil.example/"}, id="backslash"),
        pytest.param({"signInReturnUrl": "https://shop.example/\r\nset-cookie:a=b"}, id="breaks"),
        pytest.param({"signInReturnUrl": 7}, id="number"),
        pytest.param({"signInCancelUrl": "javascript:alert(1)"}, id="cancel-script"),
        pytest.param({"signInScopes": ["name", "password"]}, id="scope"),
        pytest.param({"signInScopes": "name"}, id="scopes-as-text"),
        pytest.param({"surprise": True}, id="unknown-field"),
    ],
)
def test_a_wrong_payload_is_refused(
    web: PageBrowser, ready: dict[str, Any], more: dict[str, Any]
) -> None:
    page = web.click(ready, sign_in_payload(ready, SHOP, **more))
    assert (page.status, page.location) == (400, "")


@pytest.mark.parametrize("spoil", [lambda t: t[:-1], lambda t: t + "x", lambda t: "", str.upper])
def test_what_the_shop_asked_for_cannot_be_changed_on_the_way(
    web: PageBrowser, ready: dict[str, Any], spoil: Any
) -> None:
    page = web.log_in(web.click(ready, sign_in_payload(ready, SHOP)))
    ticket = urlsplit(page.url).query.removeprefix("request=")
    assert web.get(f"/signin/consent?request={spoil(ticket)}").status == 400


def test_signing_out_by_the_script_needs_a_new_log_in(
    web: PageBrowser, ready: dict[str, Any]
) -> None:
    payload = sign_in_payload(ready, SHOP)
    web.log_in(web.click(ready, payload))
    assert "buyerId" not in web.click(ready, payload).text
    assert web.click(ready, payload).form("/signin/consent")
    assert web.post("/checkout/signout", {}).status == 204
    assert web.click(ready, payload).form("/signin/log-in")
