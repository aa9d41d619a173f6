"""The gate: whoever is not logged in gets the log-in page, whatever was asked for.

Deny by default: only the paths listed here are open, so a new route is closed without being
listed anywhere.
"""

from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from app.web.sessions import SESSION, Sessions, read_cookie

OPEN_PATHS = frozenset({"/login", "/health", "/metrics", "/style.css", "/icon.svg"})
HOME = "/charges"


class Gate:
    """Sets `request.state.logged_in` and sends strangers to the log-in page."""

    def __init__(self, app: ASGIApp, *, sessions: Sessions) -> None:
        self._app = app
        self._sessions = sessions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        request.state.logged_in = self._sessions.is_open(read_cookie(request, SESSION))
        if request.state.logged_in or request.url.path in OPEN_PATHS:
            await self._app(scope, receive, send)
            return
        await RedirectResponse(_login_address(request), status_code=303)(scope, receive, send)


def _login_address(request: Request) -> str:
    wanted = request.url.path
    if request.url.query:
        wanted += f"?{request.url.query}"
    if request.method != "GET" or wanted in ("/", HOME):
        return "/login"
    return f"/login?{urlencode({'next': wanted})}"


def safe_next(wanted: str) -> str:
    """Where to go after the log-in: a path of our own, never another site."""
    # Browsers read a second slash, or a backslash, as the start of another site's name.
    is_path = wanted.startswith("/") and wanted[1:2] != "/" and "\\" not in wanted
    return wanted if is_path and wanted.isprintable() else HOME
