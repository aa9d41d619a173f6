"""What every page shares: who is looking, in which language, and how a page is drawn and left."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, partial
from importlib.resources import files
from typing import Any, Final
from urllib.parse import quote, urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from amazonpay.sandbox.checkout import shelf
from amazonpay.sandbox.checkout.rows import Buyer
from amazonpay.sandbox.desk import Desk
from amazonpay.sandbox.pages import wording
from amazonpay.sandbox.pages.forms import TOKEN_FIELD, comes_from_elsewhere, read_form
from amazonpay.sandbox.pages.headers import page_headers
from amazonpay.sandbox.pages.refusal import PageRefused
from amazonpay.sandbox.pages.seals import Seals
from amazonpay.sandbox.pages.urls import is_return_url, origin
from amazonpay.sandbox.pages.words import LANGUAGE_COOKIE, LANGUAGES, Words, words_for

_COOKIE: Final = "local_amazon_pay"
_YEAR_SECONDS: Final = 365 * 24 * 60 * 60
STATIC: Final = files("amazonpay.sandbox.pages") / "static"


@dataclass(frozen=True, slots=True)
class Visitor:
    """One browser: its random id, which form tokens are bound to, and the buyer logged in."""

    id: str
    buyer: Buyer | None
    is_new: bool


class Frame:
    """Draws pages for a desk."""

    def __init__(self, desk: Desk, seals: Seals) -> None:
        self.desk = desk
        self.seals = seals

    # Who is looking
    def visitor(self, request: Request) -> Visitor:
        """The browser of a request; the same one however often it is asked for."""
        known: Visitor | None = getattr(request.state, "visitor", None)
        if known is None:
            known = self._read_cookie(request)
            request.state.visitor = known
        return known

    def _read_cookie(self, request: Request) -> Visitor:
        kept = self.seals.unseal(request.cookies.get(_COOKIE, ""), purpose="visitor")
        if kept is None:
            return Visitor(secrets.token_urlsafe(24), None, is_new=True)
        buyer_id = kept["buyer"]
        # A buyer who is gone since, e.g. by a reset, is logged out.
        buyer = None if buyer_id is None else shelf.find_buyer(self.desk.world, buyer_id)
        return Visitor(kept["id"], buyer, is_new=False)

    def log_in(self, request: Request, response: Response, buyer: Buyer | None) -> Response:
        """Gives the browser a new id and a buyer, or none: forms of before are void."""
        self._set_cookie(request, response, Visitor(secrets.token_urlsafe(24), buyer, is_new=False))
        return response

    def _set_cookie(self, request: Request, response: Response, visitor: Visitor) -> None:
        buyer_id = None if visitor.buyer is None else visitor.buyer.buyer_id
        response.set_cookie(
            _COOKIE,
            self.seals.seal({"id": visitor.id, "buyer": buyer_id}, purpose="visitor"),
            httponly=True,
            samesite="lax",
            secure=request.url.scheme == "https",
        )

    # Forms
    async def form(self, request: Request) -> dict[str, str]:
        """The fields of a form that came from one of our own pages in this very browser."""
        form = await read_form(request)
        token = form.pop(TOKEN_FIELD, "")
        visitor = self.visitor(request)
        is_ours = self.seals.is_good(token, visitor.id, purpose="form")
        if visitor.is_new or not is_ours or comes_from_elsewhere(request):
            raise PageRefused(403, "error.foreign_form")
        return form

    # Pages
    def draw(
        self,
        request: Request,
        template: str,
        *,
        status: int = 200,
        leads_to: Iterable[str | None] = (),
        **values: Any,
    ) -> Response:
        """A page in the reader's language; its forms may end at the addresses of `leads_to`."""
        words = words_for(request)
        visitor = self.visitor(request)
        text = (
            _templates()
            .get_template(template)
            .render(
                t=words,
                buyer=visitor.buyer,
                form_field=TOKEN_FIELD,
                form_token=self.seals.token(visitor.id, purpose="form"),
                switch=_switch(request, words.language),
                **_formats(words),
                **values,
            )
        )
        # JSON may carry half a surrogate pair, which has no UTF-8 form.
        response = Response(
            text.encode("utf-8", "replace"),
            status_code=status,
            media_type="text/html",
            headers=page_headers(origin(url) for url in leads_to if url and is_return_url(url)),
        )
        if visitor.is_new:
            self._set_cookie(request, response, visitor)
        if request.query_params.get("lang") in LANGUAGES:
            remember_language(response, words.language)
        return response

    def refuse(self, request: Request, refused: PageRefused) -> Response:
        """The page of a refusal."""
        words = words_for(request)
        return self.draw(
            request,
            "error.html",
            status=refused.status,
            sentence=refused.sentence(words),
            facts=refused.facts,
        )


def remember_language(response: Response, language: str) -> None:
    """Keeps a choice of language in the browser."""
    response.set_cookie(LANGUAGE_COOKIE, language, max_age=_YEAR_SECONDS, samesite="lax")


def go(path: str) -> Response:
    """On to another of these pages, by GET."""
    return RedirectResponse(path, status_code=303)


def leave(url: str | None) -> Response:
    """Back to the shop, by GET; refused unless the address is one a browser may be sent to."""
    if not is_return_url(url):
        raise PageRefused(400, "error.return_url", value=str(url)[:200])
    return RedirectResponse(str(url), status_code=303)


def _formats(words: Words) -> dict[str, Any]:
    names = ("yen", "price", "day", "moment", "every", "plan")
    return {name: partial(getattr(wording, name), words=words) for name in names}


def here(request: Request) -> str:
    """The path and query of a request, encoded anew; a choice of language is left out."""
    query = [(name, value) for name, value in request.query_params.multi_items() if name != "lang"]
    path = quote(request.url.path)
    return f"{path}?{urlencode(query, quote_via=quote)}" if query else path


def _switch(request: Request, current: str) -> str | None:
    """The link to this very page in the other language; None where only a form leads here."""
    if request.method != "GET":
        return None
    kept = [(name, value) for name, value in request.query_params.multi_items() if name != "lang"]
    other = next(language for language in LANGUAGES if language != current)
    return "?" + urlencode([*kept, ("lang", other)])


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("amazonpay.sandbox.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
