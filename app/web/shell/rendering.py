"""Draws pages: templates of all rooms, the reader's language, and what every page shows."""

import html
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, PrefixLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from app.web.shell import formats
from app.web.shell.assets import asset_address
from app.web.shell.cookies import LANGUAGE, THEME, VISITOR, read_cookie, remember_wish, set_cookie
from app.web.shell.forms import ID_FIELD, TOKEN_FIELD, form_binding, form_token, new_form_id
from app.web.shell.kept import asked_query, kept_of, lost_texts, note_drawn
from app.web.shell.menu import Menu, menu_of
from app.web.shell.once import OnceForms
from app.web.shell.people import Face, face_of, is_signed_in, known_customer, known_staff
from app.web.shell.remembered import oldest_shown
from app.web.shell.rooms import Entry
from app.web.shell.words import DEFAULT_LANGUAGE, LANGUAGES, Words
from billing import Merchant
from scheduler import Clock

WEB = Path(__file__).parent.parent
THEMES = ("light", "dark")


Extra = Callable[[Request], tuple[str, Mapping[str, Any]] | None]
"""Something that a room shows below the menu of every page: a template and its `extra`."""


@dataclass(frozen=True, slots=True)
class Pages:
    """Everything a page needs that is not its own content. `clock` is that of the books."""

    merchant: Merchant
    clock: Clock
    once: OnceForms
    entries: list[Entry] = field(default_factory=list)
    extras: list[Extra] = field(default_factory=list)

    def page(
        self, request: Request, template: str, *, status: int = 200, **values: Any
    ) -> HTMLResponse:
        """Draw `room/name.html` in the reader's language, with `values` for it."""
        words = words_of(request)
        notice = self.once.notice(request) if status < 400 and is_signed_in(request) else None
        theme = _theme(request)
        visitor = _visitor(request)
        note_drawn(request, values)
        kept = kept_of(request)
        if kept is not None:
            kept.fill_in(values, words)
        known = self._common(request, words, visitor) | {"notice": notice, "theme": theme} | values
        made = environment().get_template(template)
        text = made.render(known)
        if kept is not None and (lost := lost_texts(kept, html.unescape(text))):
            text = made.render(known | {"lost_texts": lost})
        response = HTMLResponse(text, status_code=status)
        if request.query_params.get("lang") in LANGUAGES:
            remember_wish(response, LANGUAGE, words.language)
        if request.query_params.get("theme") in THEMES:
            remember_wish(response, THEME, theme)
        if visitor:
            set_cookie(request, response, VISITOR, visitor)
        if notice:
            self.once.taken(request, response)
        return response

    def error(self, request: Request, *, status: int, number: str = "", key: str = "") -> Any:
        """The page for an error status; `number` is what a reader can quote to support."""
        known = Words(DEFAULT_LANGUAGE).knows(f"error.{status}")
        shown = key or f"error.{status if known else 'other'}"
        return self.page(
            request, "shell/error.html", status=status, code=status, key=shown, number=number
        )

    def _common(self, request: Request, words: Words, visitor: str) -> dict[str, Any]:
        timezone = self.merchant.timezone
        now = self.clock.now()
        face = face_of(request)
        return {
            "t": words,
            "request": request,
            "path": request.url.path,
            "merchant": self.merchant,
            "face": face,
            "staff": known_staff(request),
            "customer": known_customer(request),
            "signed_in": is_signed_in(request),
            "menu": self._menu(request, face),
            "extras": [found for extra in self.extras if (found := extra(request))],
            "form_field": TOKEN_FIELD,
            "form_id_field": ID_FIELD,
            "form_token": form_token(visitor or form_binding(request)),
            "new_form_id": new_form_id,
            "switch_language": _wish_links(request, "lang", words.language, LANGUAGES),
            "language_names": {name: Words(name)("language.name") for name in LANGUAGES},
            "theme_links": _wish_links(request, "theme", _theme(request), THEMES),
            "local": partial(formats.local_time, timezone=timezone),
            "iso_day": partial(formats.iso_day, timezone=timezone),
            "zone": formats.zone_name(now, timezone=timezone),
            "now": now,
            "figures_at": oldest_shown(),
            "shown_again": kept_of(request),
            "lost_texts": [],
        }

    def _menu(self, request: Request, face: Face) -> Menu:
        """What this person may open."""
        if not is_signed_in(request):
            return Menu()
        member = known_staff(request)
        seen = [
            entry
            for entry in self.entries
            if entry.face == face and (member is None or entry.access.admits(member.role))
        ]
        return menu_of(seen, path=request.url.path)


def words_of(request: Request) -> Words:
    """The words in the language asked for now, else remembered, else the browser's, else ours."""
    wishes = (request.query_params.get("lang"), request.cookies.get(LANGUAGE))
    known = next((wish for wish in wishes if wish in LANGUAGES), None)
    return Words(known or _of_browser(request.headers.get("accept-language", "")))


def _of_browser(accepted: str) -> str:
    """The first of the browser's languages that we speak; Japanese where it names none."""
    for part in accepted.split(",")[:10]:
        name = part.split(";")[0].strip().lower().split("-")[0]
        if name in LANGUAGES and "q=0" not in part.replace(" ", "").replace("q=0.", ""):
            return name
    return DEFAULT_LANGUAGE


def _theme(request: Request) -> str:
    wishes = (request.query_params.get("theme"), request.cookies.get(THEME))
    return next((wish for wish in wishes if wish in THEMES), "")


def _visitor(request: Request) -> str:
    """A fresh secret for a stranger's browser that has none; an empty text for all others."""
    unknown = getattr(request.state, "staff", None) is None and not is_signed_in(request)
    return new_form_id() if unknown and not read_cookie(request, VISITOR) else ""


def _wish_links(
    request: Request, name: str, current: str, values: Sequence[str]
) -> list[tuple[str, str]]:
    """(wish, link to this very page with it) for the wishes that are not fulfilled now."""
    kept = [pair for pair in asked_query(request) if pair[0] != name]
    others = (value for value in values if value != current)
    return [(value, "?" + urlencode([*kept, (name, value)])) for value in others]


@cache
def environment() -> Environment:
    """The templates of all rooms: `room/name.html` lies in `app/web/room/templates`."""
    rooms = {
        folder.parent.name: FileSystemLoader(folder) for folder in sorted(WEB.glob("*/templates"))
    }
    made = Environment(
        loader=PrefixLoader(rooms),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["yen"] = formats.yen
    made.filters["count"] = formats.count
    made.globals["asset"] = asset_address
    made.globals["percent"] = formats.percent
    return made
