"""What was sent with a form that was not done: kept for half an hour, and shown again by a GET.

A page that a form draws (it was refused, or asks once more) has an address that may know no GET.
Its links therefore name the form, `?kept=FORM_ID`; the page that the form stands on is then drawn
anew, in any language, with what was typed and what is wrong with it. Nothing is acted upon.

The words are sealed with the form's id, which only the browser has, for the browser or the person
they came from. Passwords, codes and files are not kept.
"""

import hashlib
import json
import logging
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from unicodedata import normalize
from urllib.parse import parse_qsl

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Engine, delete, func, insert, select
from sqlalchemy.exc import DBAPIError
from starlette.requests import Request

from app.web.shell.fields import FormReader, Problem
from app.web.shell.forms import SAFE_METHODS, SentForm, form_binding
from app.web.shell.gate import LOG_IN
from app.web.shell.people import known_customer, known_staff
from app.web.shell.sessions import SHORTLY_MS, now_or_never
from app.web.shell.tables import form_uses as uses
from app.web.shell.words import Said, Words
from billing import reading
from scheduler import Clock

log = logging.getLogger(__name__)

KEPT = "kept"
FORM_ID = re.compile(r"[\w-]{16,64}", re.ASCII)
LASTS = timedelta(minutes=30)
MOST_LETTERS = 100_000
# Strangers' forms are kept too: a flood of them must not fill the database.
MOST_ROWS = 5_000
PATIENCE_MS = 5_000
SECRETS = frozenset({"password", "current", "wanted", "again", "passkey", "token", "proof"})
"""Fields that are never kept; a test holds every password of the pages against them."""
CONSENTS = frozenset({"agree", "agreed", "sets_aside", "beside"})
"""Boxes that say yes to the words beside them: they are ticked anew on every page."""
# `code` is a plan's code in some forms and a second factor's in others, told apart by its looks.
FRESH_CODE = re.compile(r"[\d\s-]{6,9}|[a-z2-9]{5}[\s-]?[a-z2-9]{5}", re.IGNORECASE)
OURS = frozenset({KEPT, "lang", "theme"})
SAYS = ("problem", "seconds", "meanwhile", "failed")
"""What pages are told beside their form, where it says why nothing was done."""
# A row of ours never looks like a hash: it stands after all that begins with a hexadecimal digit,
# by whatever rules the database sorts.
BEGINS, AFTER_HASHES = "kept-", "g"


@dataclass(frozen=True, slots=True)
class Unfinished:
    """What was sent, what is wrong with it, and whether the session had `ended` before it came.

    Where the page that the form drew showed none of it, it is not `refilled` later either.
    """

    form_id: str
    fields: tuple[tuple[str, str], ...]
    problems: Mapping[str, Problem] = field(default_factory=dict)
    says: Mapping[str, Any] = field(default_factory=dict)
    ended: bool = False
    refilled: bool = True

    def fill_in(self, values: dict[str, Any], words: Words) -> None:
        """Put it into what a page is drawn with, the faults in the words of its reader."""
        form = values.get("form")
        if isinstance(form, FormReader) and self.refilled:
            faults = {
                name: Problem(name, each.key, _worded(each.figures, words))
                for name, each in self.problems.items()
            }
            form.restore(self.fields, faults)
        for name, said in self.says.items():
            if name in values and said:
                values[name] = _worded(said, words)

    @property
    def says_why(self) -> bool:
        """Whether it has words of its own about why nothing was done."""
        return bool(self.problems or any(self.says.values()))


@dataclass(frozen=True, slots=True)
class KeptForms:
    """Forms of one merchant's pages that were not done; `wall` is the clock on the wall."""

    database: Engine
    merchant_id: str
    wall: Clock

    def save(self, request: Request, *, found: Unfinished | None = None, person: str = "") -> None:
        """Keep what a page was drawn of, for its browser, or `found` for a person.

        What cannot be written at once is not kept, as it stands on the page that was drawn; the
        words for a person stand nowhere else.
        """
        made = found or getattr(request.state, "unfinished", None)
        if made is None:
            return
        request.state.unfinished = None
        owner = person or form_binding(request)
        problems, says = _plain(made.problems), _plain(made.says)
        said = [made.fields, problems, says, made.ended, made.refilled]
        text = json.dumps(said, default=str, ensure_ascii=False)
        if len(text) > MOST_LETTERS or not owner:
            return
        at = self.wall.now()
        row = {
            "form_hash": _name(owner, made.form_id),
            "merchant_id": self.merchant_id,
            "path": request.url.path,
            "state": "done",
            "leads_to": request.url.path,
            "shown": _sealed(text, owner, made.form_id),
            "used_at": at,
        }
        mine = uses.c.form_hash > AFTER_HASHES
        try:
            with reading(self.database) as connection:
                counted = select(func.count()).where(mine, uses.c.used_at >= at - LASTS)
                if connection.execute(counted).scalar_one() >= MOST_ROWS:
                    return
            now_or_never(
                self.database,
                delete(uses).where(mine, uses.c.used_at < at - LASTS),
                delete(uses).where(uses.c.form_hash == row["form_hash"]),
                insert(uses).values(row),
                patience_ms=PATIENCE_MS if person else SHORTLY_MS,
            )
        except DBAPIError as error:
            log.info("what was typed is not kept: %s", error.orig)

    def open(self, request: Request) -> Unfinished | None:
        """What the address asks to be shown again; None for what is over, or somebody else's."""
        form_id = request.query_params.get(KEPT, "")
        if not FORM_ID.fullmatch(form_id):
            return None
        for owner in filter(None, (form_binding(request), person_of(request))):
            statement = select(uses.c.shown).where(
                uses.c.form_hash == _name(owner, form_id),
                uses.c.merchant_id == self.merchant_id,
                uses.c.used_at >= self.wall.now() - LASTS,
            )
            try:
                with reading(self.database) as connection:
                    shown = connection.execute(statement).scalar_one_or_none()
            except DBAPIError:
                return None
            if shown:
                return _read(form_id, _opened(shown, owner, form_id))
        return None


def note_drawn(request: Request, values: Mapping[str, Any]) -> None:
    """A page is drawn by a form: leave in the request what it takes to draw it again."""
    sent: SentForm | None = getattr(request.state, "form", None)
    if request.method in SAFE_METHODS or sent is None or not FORM_ID.fullmatch(sent.form_id):
        return
    form = values.get("form")
    reader = form if isinstance(form, FormReader) and form.was_sent else None
    fields = without_secrets(sent.fields)
    if request.url.path.startswith(LOG_IN):
        fields = tuple(pair for pair in fields if pair[0] != "code")
    if reader is not None:
        again = reader.typed.keys() - reader.consents
        fields = tuple(pair for pair in fields if pair[0] in again)
    problems = dict(reader.problems) if reader else {}
    says = {name: values[name] for name in SAYS if values.get(name)}
    refilled = reader is not None or not isinstance(form, FormReader)
    request.state.unfinished = Unfinished(sent.form_id, fields, problems, says, refilled=refilled)


def without_secrets(fields: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """The fields that may be kept."""
    return tuple(
        (name, value)
        for name, value in fields
        if name not in SECRETS | OURS | CONSENTS
        and not (name == "code" and FRESH_CODE.fullmatch(normalize("NFKC", value).strip()))
    )


def kept_of(request: Request) -> Unfinished | None:
    """What the page of this request shows again."""
    found: Unfinished | None = getattr(request.state, "kept", None)
    return found


def asked_query(request: Request) -> list[tuple[str, str]]:
    """What stands in the address; a page that a form drew has the form's id there as well."""
    typed = getattr(request.state, "asked_query", request.url.query)
    pairs = parse_qsl(typed, keep_blank_values=True)
    sent: SentForm | None = getattr(request.state, "form", None)
    if request.method in SAFE_METHODS or sent is None or not FORM_ID.fullmatch(sent.form_id):
        return pairs
    return [*(pair for pair in pairs if pair[0] != KEPT), (KEPT, sent.form_id)]


def lost_texts(found: Unfinished, drawn: str, *, least: int = 20) -> list[str]:
    """What was typed at length and does not stand on the page that should show it again.

    `drawn` is the page's text, without its escapes.
    """
    texts = (value.replace("\r\n", "\n").strip() for _, value in found.fields)
    page = drawn.replace("\r\n", "\n")
    return [text for text in texts if len(text) >= least and text not in page]


def person_of(request: Request) -> str:
    """Who is signed in, by a name that outlasts the session; as `Sessions.whose` says it."""
    if member := known_staff(request):
        return f"staff:{member.id}"
    customer = known_customer(request)
    return f"customer:{customer.customer_id}" if customer else ""


def _name(owner: str, form_id: str) -> str:
    return BEGINS + hashlib.sha256(f"kept.{owner}.{form_id}".encode()).hexdigest()[:59]


def _cipher(owner: str, form_id: str) -> AESGCM:
    return AESGCM(hashlib.sha256(f"seal.{owner}.{form_id}".encode()).digest())


def _sealed(text: str, owner: str, form_id: str) -> str:
    # The nonce comes from the words: one key seals one form, and the same words look the same.
    nonce = hashlib.sha256(text.encode()).digest()[:12]
    return b64encode(nonce + _cipher(owner, form_id).encrypt(nonce, text.encode(), None)).decode()


def _opened(shown: str, owner: str, form_id: str) -> str:
    content = b64decode(shown)
    return _cipher(owner, form_id).decrypt(content[:12], content[12:], None).decode()


def _read(form_id: str, text: str) -> Unfinished:
    fields, problems, says, *flags = json.loads(text)
    faults = {name: Problem(name, key, figures) for name, (key, figures) in problems.items()}
    return Unfinished(form_id, tuple((n, v) for n, v in fields), faults, says, *flags)


def _plain(value: Any) -> Any:
    """The value for JSON; words that we have said stand there by their key."""
    match value:
        case Said():
            return {"said": value.key, "figures": _plain(value.figures)}
        case Problem():
            return [value.key, _plain(value.figures)]
        case Mapping():
            return {str(name): _plain(each) for name, each in value.items()}
        case tuple() | list():
            return [_plain(each) for each in value]
        case None | bool() | int() | str():
            return value
    return str(value)


def _worded(value: Any, words: Words) -> Any:
    """The value with what was said in the reader's own words."""
    match value:
        case {"said": str(key), "figures": dict(figures)} if len(value) == 2:
            return words(key, **_worded(figures, words))
        case dict():
            return {name: _worded(each, words) for name, each in value.items()}
        case list():
            return [_worded(each, words) for each in value]
    return value
