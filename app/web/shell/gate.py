"""The gate: finds out who is there, and lets nobody use a route that is not declared for them.

Deny by default: a route that no room has declared is refused to everybody.
"""

from collections.abc import Mapping
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from app.web.shell.cookies import SESSIONS, read_cookie
from app.web.shell.people import (
    MY,
    Access,
    face_of,
    half_signed_in,
    known_customer,
    known_staff,
)
from app.web.shell.sessions import Sessions

HOME = "/"
LOG_IN = "/login"
SECOND_FACTOR = "/login/code"
ENROLMENT = "/login/set-up"
SIGN_IN = f"{MY}/sign-in"

Declared = Mapping[tuple[str, str], Access]
"""(method, path of the route) → who may use it."""


class NotSignedIn(Exception):
    """A page for people who are known was asked for by somebody who is not."""


class WrongRole(HTTPException):
    """Somebody who is known may not use this route."""

    def __init__(self) -> None:
        super().__init__(status_code=403, detail="role")


class Gate:
    """Sets `request.state.staff` or `request.state.customer` from the cookie of the session."""

    def __init__(self, app: ASGIApp, *, sessions: Sessions) -> None:
        self._app = app
        self._sessions = sessions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] == "http":
            request = Request(scope, receive)
            face = face_of(request)
            session_id = read_cookie(request, SESSIONS[face])
            request.state.staff = request.state.customer = None
            if session_id:
                look_up = self._sessions.staff if face == "staff" else self._sessions.customer
                setattr(request.state, face, await run_in_threadpool(look_up, session_id))
        await self._app(scope, receive, send)


def check_access(request: Request, declared: Declared) -> None:
    """Raise `NotSignedIn` or `WrongRole` unless the route is declared for who asks."""
    path = getattr(request.scope.get("route"), "path", "")
    method = "GET" if request.method == "HEAD" else request.method
    access = declared.get((method, path))
    if access is None:
        raise WrongRole
    if access.kind == "open":
        return
    if access.kind == "signing_in":
        if half_signed_in(request) is None and known_staff(request) is None:
            raise NotSignedIn
        return
    if access.kind == "customer":
        if known_customer(request) is None:
            raise NotSignedIn
        return
    member = known_staff(request)
    if member is None:
        raise NotSignedIn
    if not access.admits(member.role):
        raise WrongRole


def way_in(request: Request, *, wanted: str = "") -> str:
    """Where a stranger signs in; afterwards the way goes on to what was asked for, or `wanted`."""
    half = half_signed_in(request)
    if half is not None:
        entry = SECOND_FACTOR if half.missing == "code" else ENROLMENT
    else:
        entry = SIGN_IN if face_of(request) == "customer" else LOG_IN
    if not wanted and request.method == "GET":
        wanted = request.url.path
        if request.url.query:
            wanted += f"?{request.url.query}"
    if wanted in ("", HOME, MY, f"{MY}/"):
        return entry
    return f"{entry}?{urlencode({'next': wanted})}"


def safe_next(wanted: str, *, home: str = HOME) -> str:
    """Where to go after signing in: a path of our own, never another site."""
    # Browsers read a second slash, or a backslash, as the start of another site's name.
    is_path = wanted.startswith("/") and wanted[1:2] != "/" and "\\" not in wanted
    return wanted if is_path and wanted.isprintable() else home
