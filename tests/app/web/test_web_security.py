"""The gate, the forms and the headers; the router is enumerated, so new routes are covered."""

import re
from pathlib import Path

import pytest
from fastapi import FastAPI, Request, Response
from web_books import PASSWORD, Browser, FixedClock, WebBooks
from web_routes import examples_of, filled_routes

from app.web import create_app
from app.web.shell import OPEN, Shell, allow_origins, safe_next
from billing import open_engine

EXPECTED_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
}


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


def test_a_token_of_another_browser_is_worthless(staff: Browser, web_app: FastAPI) -> None:
    other = Browser(web_app)
    other.log_in()
    answer = staff.send("POST", "/logout", data={"form_token": other.token("/charges")})
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("content", "content_type", "status"),
    [
        pytest.param(b"a" * 300_000, "application/x-www-form-urlencoded", 413, id="too large"),
        pytest.param(b"{}", "application/json", 415, id="not a form"),
        pytest.param(b"a=1&" * 600, "application/x-www-form-urlencoded", 400, id="many fields"),
        pytest.param(b"\xff=1", "application/x-www-form-urlencoded", 400, id="not ASCII"),
    ],
)
def test_what_is_no_form_is_refused_in_words(
    staff: Browser, content: bytes, content_type: str, status: int
) -> None:
    answer = staff.send("POST", "/logout", content=content, headers={"content-type": content_type})
    assert answer.status_code == status
    assert "<h1>" in answer.text


def test_headers_are_on_every_answer(
    web_app: FastAPI, web_books: WebBooks, staff: Browser, stranger: Browser
) -> None:
    routes = filled_routes(web_app, examples_of(web_books))
    answers = [staff.send(method, path) for method, path, _ in routes]
    answers += [stranger.send(method, path) for method, path, _ in routes]
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


def test_a_page_may_allow_another_origin_for_itself(web_app: FastAPI, staff: Browser) -> None:
    shell: Shell = web_app.state.shell

    def button(request: Request) -> Response:
        allow_origins(request, script_src="https://a.example", frame_src="https://a.example")
        return shell.pages.error(request, status=404)

    web_app.state.declared["GET", "/button"] = OPEN
    web_app.add_api_route("/button", button, methods=["GET"])
    policy = staff.get("/button").headers["content-security-policy"]
    assert "script-src 'self' https://a.example;" in policy
    assert "frame-src https://a.example" in policy
    assert "a.example" not in staff.get("/charges").headers["content-security-policy"]


def test_files_are_kept_for_a_year_under_their_version_only(stranger: Browser) -> None:
    address = re.search(r'href="(/assets/style.css[^"]+)"', stranger.get("/login").text)
    assert address
    assert "immutable" in stranger.get(address[1]).headers["cache-control"]
    assert stranger.get("/assets/style.css?v=old").headers["cache-control"] == "no-store"
    assert stranger.get("/assets/../pages.py").status_code != 200


def test_a_fault_of_our_own_is_a_page_without_secrets(
    web_app: FastAPI, staff: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    def fault() -> None:
        raise RuntimeError("the secret")

    web_app.state.declared["GET", "/fault"] = OPEN
    web_app.add_api_route("/fault", fault, methods=["GET"])

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
        pytest.param("https://evil.example/", "/", id="another site"),
        pytest.param("//evil.example", "/", id="scheme-relative"),
        pytest.param("/\\evil.example", "/", id="backslash"),
        pytest.param("/charges\r\nx: y", "/", id="header injection"),
        pytest.param("javascript:alert(1)", "/", id="script"),
        pytest.param("//[", "/", id="broken address"),
    ],
)
def test_a_log_in_never_leads_elsewhere(wanted: str, goes_to: str) -> None:
    assert safe_next(wanted) == goes_to
