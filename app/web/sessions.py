"""Who is logged in, and whose form this is. Kept in memory: a restart logs everybody out.

A session id has 256 random bits and is kept only as its hash; it ends 30 minutes after it was
last used and 12 hours after the log-in (OWASP ASVS 5.0, chapter 7).
"""

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

IDLE_SECONDS = 30 * 60
LONGEST_SECONDS = 12 * 60 * 60

SESSION = "autopay_session"
VISITOR = "autopay_visitor"


@dataclass(slots=True)
class _Session:
    began: float
    used: float


class Sessions:
    """The open sessions; `ticks` is a stop-watch in seconds that never goes backwards."""

    def __init__(self, *, ticks: Callable[[], float] = time.monotonic) -> None:
        self._ticks = ticks
        self._open: dict[bytes, _Session] = {}

    def begin(self) -> str:
        """Open a session; returns its id, which is told to the browser and not kept here."""
        self._forget_ended()
        session_id = secrets.token_urlsafe(32)
        at = self._ticks()
        self._open[_hashed(session_id)] = _Session(began=at, used=at)
        return session_id

    def is_open(self, session_id: str) -> bool:
        """True for an open session, whose idle time begins anew."""
        session = self._open.get(_hashed(session_id))
        if session is None or self._has_ended(session):
            return False
        session.used = self._ticks()
        return True

    def end(self, session_id: str) -> None:
        """Close a session; one that is not open is ignored."""
        self._open.pop(_hashed(session_id), None)

    def _forget_ended(self) -> None:
        self._open = {key: one for key, one in self._open.items() if not self._has_ended(one)}

    def _has_ended(self, session: _Session) -> bool:
        at = self._ticks()
        return at - session.used > IDLE_SECONDS or at - session.began > LONGEST_SECONDS


class FormTokens:
    """Hidden tokens that only our own pages can put into a form.

    A token is bound to a cookie of the browser (the session, or a visitor's before the log-in),
    so a token of one browser is worthless in another. The key lives as long as the process.
    """

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def token(self, bound_to: str) -> str:
        """The token for forms of the browser that holds this cookie."""
        return hmac.new(self._key, bound_to.encode(), hashlib.sha256).hexdigest()

    def is_good(self, token: str, *, bound_to: str) -> bool:
        """True when the token was made for this cookie; compared in constant time."""
        return bool(bound_to) and hmac.compare_digest(
            token.encode(errors="replace"), self.token(bound_to).encode()
        )


def read_cookie(request: Request, name: str) -> str:
    """The value of one of our cookies, or an empty text."""
    return request.cookies.get(_cookie_name(request, name), "")


def set_cookie(request: Request, response: Response, name: str, value: str) -> None:
    """Hand a secret to the browser; scripts and other sites' forms never get it."""
    response.set_cookie(
        _cookie_name(request, name),
        value,
        path="/",
        httponly=True,
        samesite="lax",
        secure=_is_https(request),
    )


def drop_cookie(request: Request, response: Response, name: str) -> None:
    """Take a secret back from the browser."""
    response.delete_cookie(
        _cookie_name(request, name),
        path="/",
        httponly=True,
        samesite="lax",
        secure=_is_https(request),
    )


def _cookie_name(request: Request, name: str) -> str:
    # Browsers accept the prefix only from this very host over https: no neighbour can plant it.
    return f"__Host-{name}" if _is_https(request) else name


def _is_https(request: Request) -> bool:
    return request.url.scheme == "https"


def _hashed(session_id: str) -> bytes:
    return hashlib.sha256(session_id.encode()).digest()
