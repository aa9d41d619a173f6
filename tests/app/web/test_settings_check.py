"""The connection check: what each answer of Amazon, or its absence, is called."""

import socket
import ssl

import httpx
import pytest
from support.sandbox import Sandbox
from support.shop import opening, subscriber
from web_books import PASSWORD, Browser

from amazonpay import (
    AmazonPayError,
    DefiniteRefusal,
    ErrorCode,
    Misconfigured,
    Throttled,
    UnknownOutcome,
)
from app.web import create_app
from app.web.settings.checking import of_error


def refused(status: int, code: str, message: str = "") -> Misconfigured:
    return Misconfigured(status, ErrorCode(code), message, "r-1")


def broken(cause: Exception) -> UnknownOutcome:
    """As the client makes it: an error of the transport around the system's own."""
    try:
        try:
            raise cause
        except Exception as inner:
            raise httpx.ConnectError(str(inner)) from inner
    except httpx.ConnectError as outer:
        error = UnknownOutcome(str(outer))
        error.__cause__ = outer
        return error


@pytest.mark.parametrize(
    ("problem", "kind"),
    [
        pytest.param(refused(403, "InvalidRequestSignature"), "signature", id="signature"),
        pytest.param(refused(403, "InvalidAuthentication"), "key_id", id="key id"),
        pytest.param(refused(401, "UnauthorizedAccess"), "key_id", id="other account"),
        pytest.param(refused(403, "InvalidAccountStatus"), "account", id="account"),
        pytest.param(refused(426, "TLSVersionNotSupported"), "tls", id="old TLS"),
        pytest.param(
            refused(400, "InvalidHeaderValue", "Invalid X-Amz-Pay-Date"), "clock", id="clock"
        ),
        pytest.param(refused(400, "InvalidHeaderValue", "region"), "header", id="header"),
        pytest.param(
            DefiniteRefusal(404, ErrorCode("ResourceNotFound"), "no", "r"), "good", id="not found"
        ),
        pytest.param(Throttled(3), "throttled", id="throttled"),
        pytest.param(broken(socket.gaierror(-2, "unknown name")), "dns", id="DNS"),
        pytest.param(broken(ssl.SSLError("certificate")), "tls", id="TLS"),
        pytest.param(broken(ConnectionRefusedError()), "refused", id="refused"),
        pytest.param(broken(httpx.ConnectTimeout("slow")), "timeout", id="timeout"),
        pytest.param(broken(OSError("unreachable")), "network", id="network"),
        pytest.param(UnknownOutcome("status 500", 500), "strange", id="500"),
    ],
)
def test_each_answer_has_its_words(problem: AmazonPayError, kind: str) -> None:
    assert of_error(problem).kind == kind


@pytest.mark.parametrize("people", [0, 1], ids=["nobody yet", "a permission"])
def test_a_signed_look_at_amazon(sqlite_url: str, sandbox: Sandbox, people: int) -> None:
    with opening(sqlite_url, sandbox) as opened:
        shop = opened(subscribers=[subscriber(number + 1) for number in range(people)])
        app = create_app(
            database=shop.database,
            merchant=shop.engine.merchant,
            staff_password=PASSWORD,
            clock=shop.clock,
            master_key=shop.master_key,
            charging=lambda: shop.engine,
        )
        browser = Browser(app)
        browser.cookies.set("autopay_lang", "en", domain="autopay.test", path="/")
        assert browser.log_in().status_code == 303
        answer = browser.post_form("/settings", "/settings/check")
        assert answer.status_code == 200
        assert "Connected. Signature, key id, clock and TLS are right." in answer.text
