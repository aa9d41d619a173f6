"""A secret of the browser, beside any session: whose checkout it is, who asked to sign in.

What leaves for Amazon carries a mark made of it. A mark that comes back to another browser is
worthless there, so that nobody can be signed in as somebody else by a link (login CSRF).
"""

import hashlib
import hmac
import secrets

from starlette.requests import Request
from starlette.responses import Response

from app.web.shell.cookies import drop_cookie, read_cookie, set_cookie

COOKIE = "autopay_join"
SECONDS = 24 * 60 * 60
MARK_LETTERS = 32


def browser_secret(request: Request) -> str:
    """This browser's secret; a new one where it has none, kept by `keep_secret`."""
    known: str | None = getattr(request.state, "browser_secret", None)
    if known is None:
        known = read_cookie(request, COOKIE) or secrets.token_urlsafe(32)
        request.state.browser_secret = known
    return known


def has_secret(request: Request) -> bool:
    """Whether the browser came with one."""
    return bool(read_cookie(request, COOKIE))


def keep_secret(request: Request, response: Response) -> Response:
    """Let the browser keep its secret for a day."""
    set_cookie(request, response, COOKIE, browser_secret(request), seconds=SECONDS)
    return response


def forget_secret(request: Request, response: Response) -> Response:
    """Take the secret back: what was begun in this browser is nobody's from now on."""
    drop_cookie(request, response, COOKIE)
    return response


def browser_hash(request: Request) -> str:
    """What is stored of the secret."""
    return hashlib.sha256(f"checkout\0{browser_secret(request)}".encode()).hexdigest()


def mark(request: Request, purpose: str) -> str:
    """A mark for an address that leaves for Amazon and comes back."""
    made = hmac.new(browser_secret(request).encode(), purpose.encode(), hashlib.sha256)
    return made.hexdigest()[:MARK_LETTERS]


def is_own_mark(request: Request, purpose: str, given: str) -> bool:
    """Whether this very browser made the mark, for this purpose."""
    return has_secret(request) and hmac.compare_digest(
        mark(request, purpose).encode(), given.encode(errors="replace")
    )
