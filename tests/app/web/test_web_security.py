"""The gate, the forms and the headers; the router is enumerated, so new routes are covered."""

import re
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from web_books import PASSWORD, Browser, FixedClock, WebBooks

from app.web import create_app
from app.web.gate import OPEN_PATHS, safe_next
from billing import open_engine

EXPECTED_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
}


def routes(app: FastAPI) -> list[tuple[str, str]]:
    """(method, path) of every route, with a real-looking id in the place of a parameter."""
    found = [
        (method, re.sub(r"\{\w+\}", "1", route.path))
        for route in iter_route_contexts(app.routes)
        for method in route.methods or ()
    ]
    assert len(found) >= 10, "the router was not enumerated"
    return found


def unsafe(app: FastAPI) -> list[str]:
    return [path for method, path in routes(app) if method not in ("GET", "HEAD")]


def test_every_page_needs_a_log_in(web_app: FastAPI, stranger: Browser) -> None:
    for method, path in routes(web_app):
        if path not in OPEN_PATHS:
            answer = stranger.send(method, path)
            assert answer.status_code == 303, path
            assert answer.headers["location"].startswith("/login"), path


def test_what_does_not_exist_tells_strangers_nothing(stranger: Browser) -> None:
    assert stranger.get("/charges/nothing/here").headers["location"].startswith("/login")


def test_a_made_up_session_is_none(stranger: Browser) -> None:
    stranger.cookies.set("autopay_session", "x" * 43)
    assert stranger.get("/charges").status_code == 303


@pytest.mark.parametrize(
    ("field", "value", "status"),
    [
        pytest.param("password", "wrong", 401, id="wrong password"),
        pytest.param("password", "", 401, id="no password"),
        pytest.param("user", "root", 401, id="wrong user"),
        pytest.param("form_token", "0" * 64, 403, id="made-up token"),
        pytest.param("form_token", "é", 403, id="token that is no ASCII"),
    ],
)
def test_a_wrong_log_in_opens_nothing(
    stranger: Browser, field: str, value: str, status: int
) -> None:
    answer = stranger.log_in(**{field: value})
    assert answer.status_code == status
    assert 'role="alert"' in answer.text
    assert PASSWORD not in answer.text
    assert stranger.get("/charges").status_code == 303


def test_a_log_in_begins_a_fresh_session_and_goes_on(stranger: Browser) -> None:
    stranger.cookies.set("autopay_session", "planted")
    answer = stranger.log_in(next="/charges?state=declined")
    assert answer.headers["location"] == "/charges?state=declined"
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie
    assert stranger.cookies.get("autopay_session", domain="autopay.test") not in (None, "planted")
    assert stranger.get("/charges").status_code == 200


def test_over_https_cookies_are_secure(web_app: FastAPI) -> None:
    browser = Browser(web_app, base_url="https://autopay.test")
    answer = browser.log_in()
    assert "__Host-autopay_session=" in answer.headers["set-cookie"]
    assert "Secure" in answer.headers["set-cookie"]
    assert "max-age" in answer.headers["strict-transport-security"]
    assert browser.get("/charges").status_code == 200


def test_guessing_is_slowed_down_even_for_the_right_password(stranger: Browser) -> None:
    for _ in range(3):
        assert stranger.log_in(password="guess").status_code == 401
    answer = stranger.log_in()
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["retry-after"]) <= 2


def test_log_out_ends_the_session_on_the_server(staff: Browser) -> None:
    stolen = staff.cookies
    answer = staff.send("POST", "/logout", data={"form_token": staff.token("/charges")})
    assert answer.headers["location"] == "/login"
    assert Browser(staff.app, cookies=stolen).get("/charges").status_code == 303


@pytest.mark.parametrize(
    ("headers", "good_token"),
    [
        pytest.param({}, False, id="no token"),
        pytest.param({"origin": "http://evil.example"}, True, id="foreign origin"),
        pytest.param({"origin": "null"}, True, id="opaque origin"),
        pytest.param({"sec-fetch-site": "cross-site"}, True, id="cross-site"),
        pytest.param({"sec-fetch-site": "same-site"}, True, id="neighbour"),
    ],
)
def test_foreign_forms_are_refused_on_every_unsafe_route(
    web_app: FastAPI, staff: Browser, headers: dict[str, str], good_token: bool
) -> None:
    token = staff.token("/charges") if good_token else ""
    for path in unsafe(web_app):
        answer = staff.send("POST", path, data={"form_token": token}, headers=headers)
        assert answer.status_code == 403, path
    assert staff.get("/charges").status_code == 200


def test_a_token_of_another_browser_is_worthless(staff: Browser, web_app: FastAPI) -> None:
    other = Browser(web_app)
    other.log_in()
    answer = staff.send("POST", "/logout", data={"form_token": other.token("/charges")})
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("content", "content_type", "status"),
    [
        pytest.param(b"a" * 20_000, "application/x-www-form-urlencoded", 413, id="too large"),
        pytest.param(b"{}", "application/json", 415, id="not a form"),
        pytest.param(b"a=1&" * 60, "application/x-www-form-urlencoded", 400, id="many fields"),
        pytest.param(b"\xff=1", "application/x-www-form-urlencoded", 400, id="not ASCII"),
    ],
)
def test_what_is_no_form_is_refused_in_words(
    staff: Browser, content: bytes, content_type: str, status: int
) -> None:
    answer = staff.send("POST", "/logout", content=content, headers={"content-type": content_type})
    assert answer.status_code == status
    assert "<h1>" in answer.text


def test_headers_are_on_every_answer(web_app: FastAPI, staff: Browser, stranger: Browser) -> None:
    answers = [staff.send(method, path) for method, path in routes(web_app)]
    answers += [stranger.send(method, path) for method, path in routes(web_app)]
    answers += [
        staff.get("/charges/999999"),
        staff.get("/nothing"),
        staff.get("/charges?from=x"),
        staff.send("DELETE", "/charges"),
        staff.send("POST", "/logout", data={"form_token": "made up"}),
    ]
    assert {answer.status_code for answer in answers} >= {200, 303, 400, 403, 404, 405}
    for answer in answers:
        assert EXPECTED_HEADERS.items() <= dict(answer.headers).items(), answer.url


def test_a_fault_of_our_own_is_a_page_without_secrets(
    web_app: FastAPI, staff: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    @web_app.get("/fault")
    def fault() -> None:
        raise RuntimeError("the secret")

    answer = staff.get("/fault")
    assert answer.status_code == 500
    assert EXPECTED_HEADERS.items() <= dict(answer.headers).items()
    assert "secret" not in answer.text
    number = re.search(r"番号 ([0-9a-f]{8})", answer.text)
    assert number, "nothing to quote to support"
    assert number[1] in caplog.text


def test_health_needs_no_log_in_and_tells_no_more_than_that(
    web_books: WebBooks, stranger: Browser, tmp_path: Path
) -> None:
    healthy = stranger.get("/health")
    assert (healthy.status_code, healthy.text) == (200, "ok")
    app = create_app(
        database=open_engine(f"sqlite:///{tmp_path}/missing/autopay.db"),
        merchant=web_books.merchant,
        staff_password=PASSWORD,
        clock=FixedClock(),
    )
    ill = Browser(app).get("/health")
    assert (ill.status_code, ill.text) == (503, "the database does not answer")


def test_without_the_database_the_page_says_so(web_books: WebBooks, staff: Browser) -> None:
    with web_books.database.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE attempt RENAME TO gone")
    assert staff.get("/charges").status_code == 503


@pytest.mark.parametrize(
    ("wanted", "goes_to"),
    [
        pytest.param("/charges?state=declined", "/charges?state=declined", id="own page"),
        pytest.param("https://evil.example/", "/charges", id="another site"),
        pytest.param("//evil.example", "/charges", id="scheme-relative"),
        pytest.param("/\\evil.example", "/charges", id="backslash"),
        pytest.param("/charges\r\nx: y", "/charges", id="header injection"),
        pytest.param("javascript:alert(1)", "/charges", id="script"),
        pytest.param("//[", "/charges", id="broken address"),
    ],
)
def test_a_log_in_never_leads_elsewhere(wanted: str, goes_to: str) -> None:
    assert safe_next(wanted) == goes_to
