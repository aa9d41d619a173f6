"""The ASGI application of the hosted pages and of the button script."""

from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from amazonpay.sandbox.desk import Desk
from amazonpay.sandbox.pages.account_pages import AccountPages
from amazonpay.sandbox.pages.change_pages import ChangePages
from amazonpay.sandbox.pages.checkout_pages import CheckoutPages
from amazonpay.sandbox.pages.frame import STATIC, Frame
from amazonpay.sandbox.pages.headers import SCRIPT_HEADERS, STATIC_HEADERS
from amazonpay.sandbox.pages.login import Login
from amazonpay.sandbox.pages.refusal import PageRefused
from amazonpay.sandbox.pages.seals import load_seals
from amazonpay.sandbox.pages.sign_in_pages import SignInPages
from amazonpay.sandbox.pages.upgrade_pages import UpgradePages
from amazonpay.sandbox.refusals import Refused

PREFIXES = ("/checkout.js", "/checkout", "/signin", "/jr", "/static", "/favicon.ico")
"""The first parts of paths that belong to the pages; everything else is the API's."""

_FILES: Final = {
    "/checkout.js": ("checkout.js", "text/javascript; charset=utf-8", SCRIPT_HEADERS),
    "/static/pages.js": ("pages.js", "text/javascript; charset=utf-8", STATIC_HEADERS),
    "/static/pages.css": ("pages.css", "text/css; charset=utf-8", STATIC_HEADERS),
    "/static/icon.svg": ("icon.svg", "image/svg+xml", STATIC_HEADERS),
    "/favicon.ico": ("icon.svg", "image/svg+xml", STATIC_HEADERS),
}


def application(desk: Desk) -> Starlette:
    """The pages of this local Amazon Pay."""
    frame = Frame(desk, load_seals(desk.world.store))
    login = Login(frame)
    refusals = _Refusals(frame)
    return Starlette(
        routes=[*_routes(frame, login), *_files()],
        exception_handlers={
            PageRefused: refusals.page,
            Refused: refusals.of_amazon,
            HTTPException: refusals.of_http,
            Exception: refusals.of_fault,
        },
    )


def _routes(frame: Frame, login: Login) -> list[BaseRoute]:
    return [
        *CheckoutPages(frame, login).routes(),
        *ChangePages(frame, login).routes(),
        *UpgradePages(frame, login).routes(),
        *SignInPages(frame, login).routes(),
        *AccountPages(frame, login).routes(),
        *login.routes(),
        Route("/jr", _to_account, methods=["GET"]),
    ]


async def _to_account(_: Request) -> Response:
    return RedirectResponse("/jr/your-account", status_code=303)


def _files() -> list[BaseRoute]:
    return [_file(path, *described) for path, described in _FILES.items()]


def _file(path: str, name: str, media_type: str, headers: dict[str, str]) -> Route:
    content = (STATIC / name).read_bytes()

    async def serve(_: Request) -> Response:
        return Response(content, media_type=media_type, headers=headers)

    return Route(path, serve, methods=["GET"])


class _Refusals:
    """Turns whatever went wrong into a page that can be read."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    async def page(self, request: Request, error: Exception) -> Response:
        """A refusal of these pages."""
        if not isinstance(error, PageRefused):
            raise error
        return self._frame.refuse(request, error)

    async def of_amazon(self, request: Request, error: Exception) -> Response:
        """A refusal that the API would have answered in JSON."""
        if not isinstance(error, Refused):
            raise error
        refused = PageRefused(
            error.status, "error.refused", code=error.reason_code, message=error.message
        )
        return self._frame.refuse(request, refused)

    async def of_http(self, request: Request, error: Exception) -> Response:
        """No such page, or not with this method."""
        if not isinstance(error, HTTPException):
            raise error
        key = "error.method" if error.status_code == 405 else "error.not_found"
        refused = PageRefused(
            error.status_code, key, path=request.url.path[:200], method=request.method
        )
        return self._frame.refuse(request, refused)

    async def of_fault(self, request: Request, error: Exception) -> Response:
        """A fault of our own; the server logs it when it has left the application."""
        return self._frame.refuse(request, PageRefused(500, "error.internal"))
