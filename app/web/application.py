"""Puts the web face together: gate, headers, pages, and a page for every error."""

import logging

from fastapi import Depends, FastAPI, Request
from sqlalchemy import Engine, text
from sqlalchemy.exc import InterfaceError, OperationalError
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, Response

from amazonpay.notifications import AsyncCertificateFetcher
from app.web.charges import ChargePages
from app.web.forms import ForeignForm, form_check
from app.web.gate import Gate
from app.web.headers import SecurityHeaders
from app.web.login import LoginPages
from app.web.login_guard import LoginGuard
from app.web.metrics import add_metrics
from app.web.notifications import NotificationDoor
from app.web.rendering import Pages, icon, is_logged_in, style_sheet
from app.web.sessions import FormTokens, Sessions
from billing import Merchant, reading
from scheduler import Clock

log = logging.getLogger(__name__)


def create_app(
    *,
    database: Engine,
    merchant: Merchant,
    staff_password: str,
    clock: Clock,
    metrics_token: str | None = None,
    certificates: AsyncCertificateFetcher | None = None,
) -> FastAPI:
    """The web face of one merchant's books; the user is `staff` with the given password.

    `metrics_token` lets a monitoring system read `/metrics`; without one nobody can. Sessions and
    the count of failed log-ins live in this process: run one per address. `certificates` fetches
    those of notifications from a local Amazon Pay; without it they come from Amazon.
    """
    sessions, tokens = Sessions(), FormTokens()
    pages = Pages(merchant=merchant, tokens=tokens, clock=clock)
    login = LoginPages(pages, LoginGuard(staff_password), sessions, tokens)
    app = FastAPI(
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        dependencies=[Depends(form_check(tokens))],
    )
    app.include_router(login.routes)
    app.include_router(ChargePages(database, pages).routes)
    _add_open_routes(app, database)
    add_metrics(app, database=database, clock=clock, token=metrics_token)
    _add_error_pages(app, pages, login)
    # The last one added is the outermost: headers around the gate around the pages.
    app.add_middleware(Gate, sessions=sessions)
    app.add_middleware(
        NotificationDoor,
        database=database,
        merchant_id=merchant.id,
        clock=clock,
        certificates=certificates,
    )
    app.add_middleware(SecurityHeaders, pages=pages)
    return app


def _add_open_routes(app: FastAPI, database: Engine) -> None:
    @app.get("/health")
    def health() -> Response:
        """200 when the database answers, 503 when not; for machines, without a log-in."""
        try:
            with reading(database) as connection:
                connection.execute(text("SELECT 1"))
        except Exception:
            log.exception("the database does not answer")
            return PlainTextResponse("the database does not answer", status_code=503)
        return PlainTextResponse("ok")

    @app.get("/style.css")
    async def style() -> Response:
        return Response(style_sheet(), media_type="text/css")

    @app.get("/icon.svg")
    async def tab_icon() -> Response:
        return Response(icon(), media_type="image/svg+xml")


def _add_error_pages(app: FastAPI, pages: Pages, login: LoginPages) -> None:
    @app.exception_handler(ForeignForm)
    async def foreign_form(request: Request, error: ForeignForm) -> Response:
        if request.url.path == "/login" and not is_logged_in(request):
            return login.form(request, status=403, problem="login.stale")
        return pages.error(request, status=403)

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        page = pages.error(request, status=error.status_code)
        page.headers.update(error.headers or {})
        return page

    async def no_database(request: Request, error: Exception) -> Response:
        log.error("the database does not answer: %s", error)
        return pages.error(request, status=503)

    for away in (OperationalError, InterfaceError):
        app.add_exception_handler(away, no_database)
