"""Security headers on every response, also on the answer to a fault of our own.

This is the outermost layer, so that nothing can leave without the headers. Figures are those of
OWASP ASVS 5.0, 3.4 and 14.3.2.
"""

import logging
import secrets

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.web.rendering import Pages

log = logging.getLogger(__name__)

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    ),
    "x-content-type-options": "nosniff",
    # Not `no-referrer`: browsers would then send `Origin: null` with our own forms.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "cache-control": "no-store",
}
HSTS = "max-age=31536000; includeSubDomains"


class SecurityHeaders:
    """Adds the headers; turns an unforeseen exception into a page that tells no secrets."""

    def __init__(self, app: ASGIApp, *, pages: Pages) -> None:
        self._app = app
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def send_with_headers(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                _add_headers(MutableHeaders(scope=message), https=scope["scheme"] == "https")
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        except Exception:
            number = secrets.token_hex(4)
            log.exception("fault %s at %s", number, scope["path"])
            if begun:
                raise
            page = self._pages.error(Request(scope, receive), status=500, number=number)
            await page(scope, receive, send_with_headers)


def _add_headers(headers: MutableHeaders, *, https: bool) -> None:
    for name, value in HEADERS.items():
        headers[name] = value
    if https:
        headers["strict-transport-security"] = HSTS
