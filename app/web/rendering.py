"""Draws pages: templates, the reader's language, and what every page shows."""

import hashlib
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from app.web import formats
from app.web.forms import TOKEN_FIELD, form_binding
from app.web.sessions import FormTokens
from app.web.words import DEFAULT_LANGUAGE, LANGUAGES, Words
from billing import Merchant
from scheduler import Clock

LANGUAGE_COOKIE = "autopay_lang"
LANGUAGE_SECONDS = 365 * 24 * 60 * 60
HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Pages:
    """Everything a page needs that is not its own content."""

    merchant: Merchant
    tokens: FormTokens
    clock: Clock

    def page(
        self, request: Request, template: str, *, status: int = 200, **values: Any
    ) -> HTMLResponse:
        """Draw a template in the reader's language."""
        words = words_of(request)
        timezone = self.merchant.timezone
        now = self.clock.now()
        text = (
            _environment()
            .get_template(template)
            .render(
                t=words,
                merchant=self.merchant,
                logged_in=is_logged_in(request),
                form_field=TOKEN_FIELD,
                form_token=self._token(request),
                switch_language=_language_links(request, words.language),
                local=partial(formats.local_time, timezone=timezone),
                zone=formats.zone_name(now, timezone=timezone),
                now=now,
                language_names={name: Words(name)("language.name") for name in LANGUAGES},
                style_version=_style_version(),
                **values,
            )
        )
        response = HTMLResponse(text, status_code=status)
        if request.query_params.get("lang") in LANGUAGES:
            response.set_cookie(
                LANGUAGE_COOKIE, words.language, max_age=LANGUAGE_SECONDS, samesite="lax"
            )
        return response

    def error(self, request: Request, *, status: int, number: str = "") -> HTMLResponse:
        """The page for an error status; `number` is what a reader can quote to support."""
        return self.page(request, "error.html", status=status, code=status, number=number)

    def _token(self, request: Request) -> str:
        return self.tokens.token(form_binding(request)) if is_logged_in(request) else ""


def is_logged_in(request: Request) -> bool:
    """What the gate found; False where a fault came before the gate."""
    return bool(getattr(request.state, "logged_in", False))


def words_of(request: Request) -> Words:
    """The words in the language asked for now, else the remembered one, else Japanese."""
    wishes = (request.query_params.get("lang"), request.cookies.get(LANGUAGE_COOKIE))
    known = (wish for wish in wishes if wish in LANGUAGES)
    return Words(next(known, None) or DEFAULT_LANGUAGE)


def _language_links(request: Request, current: str) -> list[tuple[str, str]]:
    """(language, link to this very page in it) for the languages that are not shown now."""
    kept = [(name, value) for name, value in request.query_params.multi_items() if name != "lang"]
    others = (language for language in LANGUAGES if language != current)
    return [(language, "?" + urlencode([*kept, ("lang", language)])) for language in others]


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("app.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["yen"] = formats.yen
    environment.filters["count"] = formats.count
    return environment


@cache
def style_sheet() -> str:
    """The one style sheet of all pages."""
    return (HERE / "style.css").read_text(encoding="utf-8")


@cache
def icon() -> str:
    """The icon of the browser's tab."""
    return (HERE / "icon.svg").read_text(encoding="utf-8")


@cache
def _style_version() -> str:
    return hashlib.sha256(style_sheet().encode()).hexdigest()[:8]
