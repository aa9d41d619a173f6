"""Reads what a form sent, and refuses a form that did not come from our own pages.

`checked_form` is a dependency of every route of the application, so a new unsafe route is
covered without anybody remembering it.
"""

from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request

from app.web.sessions import SESSION, VISITOR, FormTokens, read_cookie

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
FORM = "application/x-www-form-urlencoded"
MOST_BYTES = 16_384
MOST_FIELDS = 50
TOKEN_FIELD = "form_token"  # noqa: S105 - the name of a field, not a secret


class ForeignForm(HTTPException):
    """An unsafe request that does not come from a page of ours, or from one grown too old."""

    def __init__(self) -> None:
        super().__init__(status_code=403, detail="form")


def form_check(tokens: FormTokens) -> Callable[[Request], Coroutine[Any, Any, None]]:
    """The dependency that guards unsafe routes; it leaves the fields in `request.state.form`.

    Raises `ForeignForm`, or `HTTPException` 413 or 415 for what is no form of ours.
    """

    async def checked_form(request: Request) -> None:
        if request.method in SAFE_METHODS:
            return
        if not _comes_from_us(request):
            raise ForeignForm
        form = await _read_form(request)
        token = form.pop(TOKEN_FIELD, "")
        if not tokens.is_good(token, bound_to=form_binding(request)):
            raise ForeignForm
        request.state.form = form

    return checked_form


def form_binding(request: Request) -> str:
    """The cookie that tokens of this browser are bound to."""
    return read_cookie(request, SESSION if request.state.logged_in else VISITOR)


def _comes_from_us(request: Request) -> bool:
    if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
        return False
    origin = request.headers.get("origin")
    return origin is None or origin.partition("://")[2] == request.headers.get("host")


async def _read_form(request: Request) -> dict[str, str]:
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != FORM:
        raise HTTPException(415)
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MOST_BYTES:
            raise HTTPException(413)
    try:
        text = body.decode("ascii")
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS))
    except ValueError as error:
        raise HTTPException(400) from error
