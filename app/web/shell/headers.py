"""Security headers on every response, also on the answer to a fault of our own.

This is the outermost layer, so that nothing can leave without the headers. Figures are those of
OWASP ASVS 5.0, 3.4 and 14.3.2.
"""

import logging
import secrets
from collections.abc import Mapping

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.web.shell.rendering import Pages

log = logging.getLogger(__name__)

POLICY: Mapping[str, str] = {
    "default-src": "'none'",
    "style-src": "'self'",
    "script-src": "'self'",
    "img-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
}
HEADERS = {
    "x-content-type-options": "nosniff",
    # Not `no-referrer`: browsers would then send `Origin: null` with our own forms.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "cache-control": "no-store",
}
HSTS = "max-age=31536000; includeSubDomains"


def allow_origins(request: Request, **directives: str) -> None:
    """Let this one page also use other origins, as Amazon's button needs.

    Directives are written with `_`: `allow_origins(request, script_src="https://a.example")`. A
    page that opens a window of another origin passes `opener="same-origin-allow-popups"`.
    """
    request.state.allowed_origins = directives


def content_policy(directives: Mapping[str, str]) -> str:
    """Our content security policy with further origins."""
    policy = dict(POLICY)
    for name, origins in directives.items():
        directive = name.replace("_", "-")
        before = policy.get(directive, "")
        policy[directive] = f"{before} {origins}".strip()
    return "; ".join(f"{name} {value}" for name, value in policy.items())


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
                _add_headers(MutableHeaders(scope=message), Request(scope))
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


def _add_headers(headers: MutableHeaders, request: Request) -> None:
    allowed = dict(getattr(request.state, "allowed_origins", {}))
    opener = allowed.pop("opener", None)
    headers["content-security-policy"] = content_policy(allowed)
    for name, value in HEADERS.items():
        headers[name] = value
    if opener:
        headers["cross-origin-opener-policy"] = opener
    if kept := getattr(request.state, "cache_control", None):
        headers["cache-control"] = kept
    if request.scope["scheme"] == "https":
        headers["strict-transport-security"] = HSTS
