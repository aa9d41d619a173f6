"""Our cookies: secrets that scripts never see, and the two wishes about how pages look."""

from starlette.requests import Request
from starlette.responses import Response

from app.web.shell.people import Face

SESSIONS: dict[Face, str] = {"staff": "autopay_session", "customer": "autopay_my"}
VISITOR = "autopay_visitor"
DEVICE = "autopay_device"
SAID = "autopay_said"
LANGUAGE = "autopay_lang"
THEME = "autopay_theme"

YEAR_SECONDS = 365 * 24 * 60 * 60


def read_cookie(request: Request, name: str) -> str:
    """The value of one of our secret cookies, or an empty text."""
    return request.cookies.get(_cookie_name(request, name), "")


def set_cookie(
    request: Request, response: Response, name: str, value: str, *, seconds: int | None = None
) -> None:
    """Hand a secret to the browser; scripts and other sites' forms never get it."""
    response.set_cookie(
        _cookie_name(request, name),
        value,
        max_age=seconds,
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


def remember_wish(response: Response, name: str, value: str) -> None:
    """Keep how the reader wants pages to look; no secret."""
    response.set_cookie(name, value, max_age=YEAR_SECONDS, samesite="lax", httponly=True)


def _cookie_name(request: Request, name: str) -> str:
    # Browsers accept the prefix only from this very host over https: no neighbour can plant it.
    return f"__Host-{name}" if _is_https(request) else name


def _is_https(request: Request) -> bool:
    return request.url.scheme == "https"
