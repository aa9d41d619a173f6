"""A page for every error, in the reader's language, and the way in for strangers."""

import logging
from collections.abc import Callable

from fastapi import FastAPI, Request
from sqlalchemy.exc import InterfaceError, OperationalError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from app.web.shell.ended import keep_of_ended_session, keep_of_older_page
from app.web.shell.forms import ForeignForm
from app.web.shell.gate import LOG_IN, NotSignedIn, WrongRole, way_in
from app.web.shell.owners import OwningPages
from app.web.shell.people import is_signed_in
from app.web.shell.rendering import Pages
from app.web.shell.sessions import NoLongerAllowed

log = logging.getLogger(__name__)

# What strangers may not tell apart from a page that is there.
NO_GET = 405
HIDDEN = (404, NO_GET)


def add_error_pages(
    app: FastAPI,
    pages: Pages,
    *,
    owners: OwningPages,
    stale_log_in: Callable[[Request], Response],
) -> None:
    """Answer every exception with a page; see also `SecurityHeaders` for unforeseen ones.

    `owners` knows which page a form stands on; `stale_log_in` is the log-in page for who sent one
    that had grown too old.
    """

    @app.exception_handler(NotSignedIn)
    async def not_signed_in(request: Request, error: NotSignedIn) -> Response:
        shown_again = await keep_of_ended_session(request, pages.once, owners)
        return RedirectResponse(way_in(request, wanted=shown_again), status_code=303)

    @app.exception_handler(NoLongerAllowed)
    async def no_longer(request: Request, error: NoLongerAllowed) -> Response:
        return await _page(pages, request, status=403, key="error.role")

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        if error.status_code == NO_GET and request.method == "GET":
            page_of_form = owners.leads_to(request)
            if page_of_form and (is_signed_in(request) or owners.is_open(request.url.path)):
                return RedirectResponse(page_of_form, status_code=303)
        if error.status_code in HIDDEN and not is_signed_in(request):
            return RedirectResponse(way_in(request), status_code=303)
        if isinstance(error, WrongRole):
            return await _page(pages, request, status=403, key="error.role")
        if isinstance(error, ForeignForm) and request.url.path == LOG_IN:
            return await run_in_threadpool(stale_log_in, request)
        if shown_again := await keep_of_older_page(request, error, pages.once, owners):
            return RedirectResponse(shown_again, status_code=303)
        page = await _page(pages, request, status=error.status_code)
        page.headers.update(error.headers or {})
        return page

    async def no_database(request: Request, error: Exception) -> Response:
        log.error("the database does not answer: %s", error)
        return await _page(pages, request, status=503)

    for away in (OperationalError, InterfaceError):
        app.add_exception_handler(away, no_database)


async def _page(pages: Pages, request: Request, *, status: int, key: str = "") -> Response:
    made: Response = await run_in_threadpool(pages.error, request, status=status, key=key)
    return made
