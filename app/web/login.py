"""Log-in and log-out of the staff."""

import secrets
from dataclasses import dataclass

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from app.web.gate import HOME, safe_next
from app.web.login_guard import LoginGuard
from app.web.rendering import Pages, is_logged_in
from app.web.sessions import (
    SESSION,
    VISITOR,
    FormTokens,
    Sessions,
    drop_cookie,
    read_cookie,
    set_cookie,
)


@dataclass(frozen=True, slots=True)
class LoginPages:
    """The log-in page and what its form and the log-out button do."""

    pages: Pages
    guard: LoginGuard
    sessions: Sessions
    tokens: FormTokens

    @property
    def routes(self) -> APIRouter:
        """The routes, to be included in the application."""
        router = APIRouter()
        router.add_api_route("/login", self.show, methods=["GET"])
        router.add_api_route("/login", self.log_in, methods=["POST"])
        router.add_api_route("/logout", self.log_out, methods=["POST"])
        return router

    async def show(self, request: Request) -> Response:
        """The log-in page; who is logged in already goes on."""
        wanted = safe_next(request.query_params.get("next", HOME))
        if is_logged_in(request):
            return RedirectResponse(wanted, status_code=303)
        return self.form(request, wanted=wanted)

    async def log_in(self, request: Request) -> Response:
        """Check the password; a session begins with a fresh id (no fixation)."""
        form: dict[str, str] = request.state.form
        wanted = safe_next(form.get("next", HOME))
        address = request.client.host if request.client else ""
        if seconds := self.guard.wait_seconds(address):
            page = self.form(request, wanted=wanted, status=429, problem="login.wait", form=form)
            page.headers["retry-after"] = str(seconds)
            return page
        user, password = form.get("user", ""), form.get("password", "")
        if not self.guard.admits(user=user, password=password, address=address):
            return self.form(request, wanted=wanted, status=401, problem="login.wrong", form=form)
        self.sessions.end(read_cookie(request, SESSION))
        response = RedirectResponse(wanted, status_code=303)
        set_cookie(request, response, SESSION, self.sessions.begin())
        drop_cookie(request, response, VISITOR)
        return response

    async def log_out(self, request: Request) -> Response:
        """End the session on the server and in the browser."""
        self.sessions.end(read_cookie(request, SESSION))
        response = RedirectResponse("/login", status_code=303)
        drop_cookie(request, response, SESSION)
        return response

    def form(
        self,
        request: Request,
        *,
        wanted: str = HOME,
        status: int = 200,
        problem: str | None = None,
        form: dict[str, str] | None = None,
    ) -> Response:
        """Draw the form; what was typed is kept, but for the password."""
        visitor = read_cookie(request, VISITOR) or secrets.token_urlsafe(32)
        address = request.client.host if request.client else ""
        page = self.pages.page(
            request,
            "login.html",
            status=status,
            wanted=wanted,
            problem=problem,
            seconds=self.guard.wait_seconds(address),
            user=(form or {}).get("user", ""),
            login_token=self.tokens.token(visitor),
        )
        set_cookie(request, page, VISITOR, visitor)
        return page
