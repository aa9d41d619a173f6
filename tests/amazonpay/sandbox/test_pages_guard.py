"""The pages hold against hostile queries, forms and redirects; every answer carries its headers."""

from collections.abc import Iterator
from typing import Any

import pytest
from button_payloads import recurring_payload
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from page_browser import Page, PageBrowser
from wire_client import WireClient

SHOP = "http://localhost:3000"
FORM = {"content-type": "application/x-www-form-urlencoded"}
POSTS = (
    *("/checkout/pay", "/checkout/cancel", "/checkout/address", "/checkout/processing"),
    *("/checkout/change", "/checkout/agree", "/signin/consent", "/signin/cancel"),
    *("/signin/log-in", "/jr/sign-out", "/jr/your-account/wallet/delete"),
    *("/jr/your-account/ba/C03-1/end", "/jr/your-account/ba/C03-1/payment-method"),
)


@pytest.fixture
def web(amazon: WireClient) -> Iterator[PageBrowser]:
    browser = PageBrowser(amazon.base_url)
    yield browser
    browser.close()


def checkout(web: PageBrowser, ready: dict[str, Any]) -> Page:
    return web.log_in(web.click(ready, recurring_payload(ready, SHOP)))


# Forms of others


@pytest.mark.parametrize("path", POSTS)
def test_a_form_without_a_token_is_refused(web: PageBrowser, path: str) -> None:
    web.get("/jr/your-account")
    assert web.post(path, {"consent": "yes"}).status == 403


@pytest.mark.parametrize("token", ["", "0" * 64, "\u3042"], ids=["empty", "wrong", "not-ascii"])
def test_a_form_with_a_wrong_token_changes_nothing(
    web: PageBrowser, ready: dict[str, Any], token: str
) -> None:
    page = checkout(web, ready)
    assert web.submit(page, "/checkout/pay", consent="yes", form_token=token).status == 403
    assert web.submit(page, "/checkout/pay", consent="yes").status == 303


def test_a_token_of_another_browser_is_worthless(web: PageBrowser, ready: dict[str, Any]) -> None:
    other = PageBrowser(web.base_url)
    token = other.get("/jr/your-account").form("/signin/log-in").fields["form_token"]
    other.close()
    page = checkout(web, ready)
    assert web.submit(page, "/checkout/pay", consent="yes", form_token=token).status == 403


def test_a_log_in_makes_older_forms_worthless(web: PageBrowser, ready: dict[str, Any]) -> None:
    before = web.click(ready, recurring_payload(ready, SHOP))
    web.log_in(before)
    assert web.submit(before, "/checkout/cancel").status == 403


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"origin": "https://evil.example"}, id="origin"),
        pytest.param({"origin": "null"}, id="null-origin"),
        pytest.param({"sec-fetch-site": "cross-site"}, id="cross-site"),
        pytest.param({"sec-fetch-site": "same-site"}, id="another-port"),
    ],
)
def test_a_form_sent_by_another_site_is_refused(
    web: PageBrowser, ready: dict[str, Any], headers: dict[str, str]
) -> None:
    page = checkout(web, ready)
    fields = page.form("/checkout/pay").fields | {"consent": "yes"}
    assert web.post(page.url, fields, headers=headers).status == 403


# Cookies


def test_the_cookie_is_kept_from_scripts_and_other_sites(web: PageBrowser) -> None:
    cookie = web.get("/jr/your-account").headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie


def test_a_forged_cookie_is_nobodys(web: PageBrowser, ready: dict[str, Any]) -> None:
    checkout(web, ready)
    kept = web.client.cookies["local_amazon_pay"]
    web.client.cookies.clear()
    web.client.cookies.set("local_amazon_pay", kept[:-1] + ("0" if kept[-1] != "0" else "1"))
    assert web.get("/jr/your-account").form("/signin/log-in")


# Redirects


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example/",
        "/jr//evil.example",
        "/jr/../\\evil",
        "/v2/charges",
        "/jr/x\r\nset-cookie: a=b",
        "javascript:alert(1)",
        "",
    ],
)
def test_a_log_in_never_leads_elsewhere(web: PageBrowser, target: str) -> None:
    page = web.get("/jr/your-account")
    done = web.submit(page, "/signin/log-in", email="hanako.yamada@example.jp", next=target)
    assert done.url == web.base_url + "/jr/your-account"


# Hostile requests


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        pytest.param("GET", "/checkout/pay", 404, id="no-session"),
        pytest.param("GET", "/checkout/pay?amazonCheckoutSessionId=%00", 404, id="nul"),
        pytest.param("GET", "/checkout/pay?amazonCheckoutSessionId=%FF%FE", 404, id="not-utf-8"),
        pytest.param("GET", "/checkout/pay?amazonCheckoutSessionId=" + "a" * 9000, 404, id="long"),
        pytest.param(
            "GET", "/checkout/pay?amazonCheckoutSessionId=<script>alert(1)</script>", 404, id="xss"
        ),
        pytest.param("GET", "/checkout/change?changeAction=x", 404, id="change"),
        pytest.param("GET", "/checkout/agree?request=e30.00", 400, id="forged-ticket"),
        pytest.param("GET", "/signin/consent?request=" + "a" * 20_000, 400, id="long-ticket"),
        pytest.param("GET", "/checkout/initiate", 405, id="get-of-the-button"),
        pytest.param("PUT", "/checkout/pay", 405, id="put"),
        pytest.param("GET", "/checkout/nowhere", 404, id="nowhere"),
        pytest.param("GET", "/jr/your-account/ba/%2e%2e%2fetc", 404, id="path"),
        pytest.param("GET", "/jr/your-account/ba/' OR 1=1 --", 404, id="sql"),
        pytest.param("GET", "/jr/your-account/orders/S03-%ff", 404, id="order"),
        pytest.param("GET", "/static/%2e%2e/cli.py", 404, id="static-path"),
    ],
)
def test_a_hostile_request_gets_a_readable_page(
    web: PageBrowser, method: str, path: str, status: int
) -> None:
    answer = web.client.request(method, web.base_url + path)
    assert answer.status_code == status
    assert "<script>alert" not in answer.text
    assert "text/html" in answer.headers["content-type"]
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        pytest.param(b"{}", {"content-type": "application/json"}, 415, id="json"),
        pytest.param(b"a=1", {}, 415, id="no-type"),
        pytest.param(b"a=%FF", FORM, 400, id="not-utf-8"),
        pytest.param(b"\xff\xfe", FORM, 400, id="binary"),
        pytest.param(b"&".join(b"a=1" for _ in range(100)), FORM, 400, id="many-fields"),
        pytest.param(b"a=" + b"x" * 300_000, FORM, 413, id="large"),
        pytest.param(b"", FORM, 400, id="empty"),
    ],
)
@pytest.mark.parametrize("path", ["/checkout/initiate", "/signin/initiate", "/checkout/upgrade"])
def test_a_hostile_form_gets_a_readable_page(
    web: PageBrowser, path: str, body: bytes, headers: dict[str, str], status: int
) -> None:
    answer = web.client.post(web.base_url + path, content=body, headers=headers)
    assert answer.status_code == status
    assert "<h1>" in answer.text


NAMES = ("amazonCheckoutSessionId", "changeAction", "request", "before", "told", "lang", "back")
PATHS = ("/checkout/pay", "/checkout/change", "/checkout/agree", "/signin/consent", "/jr/x")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    path=st.sampled_from((*PATHS, "/jr/your-account", "/jr/your-account/wallet")),
    query=st.dictionaries(st.sampled_from(NAMES), st.text(max_size=40), max_size=3),
    language=st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=20),
)
def test_no_query_ends_in_a_fault(
    web: PageBrowser, path: str, query: dict[str, str], language: str
) -> None:
    pairs = {name: value.encode("utf-8", "replace") for name, value in query.items()}
    answer = web.client.get(
        web.base_url + path, params=pairs, headers={"accept-language": language or "-"}
    )
    assert answer.status_code in (200, 303, 400, 404)


# Headers


@pytest.mark.parametrize("path", ["/jr/your-account", "/checkout/pay", "/checkout/nowhere"])
def test_every_page_carries_the_security_headers(web: PageBrowser, path: str) -> None:
    headers = web.get(path).headers
    policy = headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert headers["referrer-policy"] == "same-origin"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"


def test_forms_may_lead_on_to_the_shop_and_nowhere_else(
    web: PageBrowser, ready: dict[str, Any]
) -> None:
    policy = checkout(web, ready).headers["content-security-policy"]
    assert f"form-action 'self' {SHOP};" in policy


def test_pages_load_nothing_from_elsewhere_and_hold_no_inline_code(
    web: PageBrowser, ready: dict[str, Any]
) -> None:
    html = checkout(web, ready).html
    assert " style=" not in html
    assert " onclick" not in html
    assert html.count("<script") == 1
    assert 'src="/static/pages.js"' in html


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/checkout.js", "text/javascript"),
        ("/static/pages.js", "text/javascript"),
        ("/static/pages.css", "text/css"),
        ("/favicon.ico", "image/svg+xml"),
    ],
)
def test_files_are_served(web: PageBrowser, path: str, kind: str) -> None:
    answer = web.get(path)
    assert answer.status == 200
    assert answer.headers["content-type"].startswith(kind)


# Languages


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        pytest.param("en-GB,en;q=0.9", "en", id="english"),
        pytest.param("fr-FR,en;q=0.4,ja;q=0.8", "ja", id="better-japanese"),
        pytest.param("fr-FR", "ja", id="neither"),
        pytest.param("", "ja", id="no-wish"),
        pytest.param("en;q=x,;;;,ja;q=", "ja", id="nonsense"),
    ],
)
def test_the_browsers_language_counts_until_another_is_chosen(
    web: PageBrowser, header: str, expected: str
) -> None:
    headers = {"accept-language": header}
    assert web.get("/jr/your-account", headers=headers).language == expected
    for choice in ("en", "ja"):
        web.get(f"/jr/your-account?lang={choice}", headers=headers)
        assert web.get("/jr/your-account", headers=headers).language == choice


@pytest.mark.parametrize(
    ("code", "expected"), [("ja_JP", "ja"), ("en_GB", "en"), ("de_DE", "en"), ("", "ja")]
)
def test_the_shops_language_wins_over_the_browsers(
    web: PageBrowser, ready: dict[str, Any], code: str, expected: str
) -> None:
    page = web.click(ready, recurring_payload(ready, SHOP), checkoutLanguage=code)
    assert page.language == expected
