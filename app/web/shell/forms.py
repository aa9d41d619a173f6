"""Reads what a form sent, and refuses a form that did not come from our own pages.

A form token is bound to a secret cookie of the browser (the session, or a visitor's before it),
so a token of one browser is worthless in another, and any process can check it. The form id next
to it makes a form act once; see `app.web.shell.once`.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request

from app.web.shell.bodies import Body, read_body
from app.web.shell.cookies import SESSIONS, VISITOR, read_cookie
from app.web.shell.people import face_of, is_signed_in

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
FORM = "application/x-www-form-urlencoded"
UPLOAD = "multipart/form-data"
MOST_BYTES = 262_144
MOST_FIELDS = 500
TOKEN_FIELD = "form_token"  # noqa: S105 - the name of a field, not a secret
ID_FIELD = "form_id"


class ForeignForm(HTTPException):
    """An unsafe request that does not come from a page of ours, or from one grown too old.

    `sent` is what a browser sent from some page at our address.
    """

    def __init__(self, sent: "SentForm | None" = None) -> None:
        super().__init__(status_code=403, detail="form")
        self.sent = sent


@dataclass(frozen=True, slots=True)
class SentFile:
    """A file that was sent with a form; `name` is the sender's word and no path.

    One that was too large for its form has its `size` in bytes and no content.
    """

    name: str
    content: bytes
    too_large: int = 0

    @property
    def size(self) -> int:
        """Its bytes, as they were sent."""
        return self.too_large or len(self.content)


@dataclass(frozen=True, slots=True)
class SentForm:
    """The fields of a form as they were sent, and its id."""

    form_id: str = ""
    fields: tuple[tuple[str, str], ...] = ()
    files: dict[str, SentFile] = field(default_factory=dict)

    def get(self, name: str, otherwise: str = "") -> str:
        """The last value of a field."""
        return next((value for key, value in reversed(self.fields) if key == name), otherwise)

    def all(self, name: str) -> list[str]:
        """Every value of a field, as of boxes that were ticked."""
        return [value for key, value in self.fields if key == name]


async def checked_form(request: Request, *, most_bytes: int = MOST_BYTES) -> None:
    """Leave the form of an unsafe request in `request.state.form`.

    A file that makes its form too large is there without its content. Raises `ForeignForm`, or
    `HTTPException` 400, 413 or 415 for what is no form of ours.
    """
    if request.method in SAFE_METHODS:
        return
    request.state.form = await read_checked(
        request, most_bytes=most_bytes, bound_to=form_binding(request)
    )


async def read_checked(request: Request, *, most_bytes: int, bound_to: str) -> SentForm:
    """The form of an unsafe request, if its page was made for who holds the cookie `bound_to`.

    Raises as `checked_form` does.
    """
    if not _comes_from_us(request):
        raise ForeignForm
    sent = await _read_form(request, most_bytes)
    ours = (TOKEN_FIELD, ID_FIELD)
    kept = tuple(pair for pair in sent.fields if pair[0] not in ours)
    found = SentForm(sent.get(ID_FIELD), kept, sent.files)
    tokens = sent.all(TOKEN_FIELD)
    if len(tokens) != 1 or not is_good_token(tokens[0], bound_to=bound_to):
        raise ForeignForm(found if _is_surely_ours(request) else None)
    return found


def form_of(request: Request) -> SentForm:
    """The form of an unsafe request, checked to be ours."""
    found: SentForm = request.state.form
    return found


def form_binding(request: Request) -> str:
    """The secret cookie that forms of this browser are bound to."""
    signed_in = is_signed_in(request) or getattr(request.state, "staff", None)
    return read_cookie(request, SESSIONS[face_of(request)] if signed_in else VISITOR)


def form_token(bound_to: str) -> str:
    """The token for forms of the browser that holds this cookie."""
    return hmac.new(bound_to.encode(), b"autopay form", hashlib.sha256).hexdigest()


def is_good_token(token: str, *, bound_to: str) -> bool:
    """True when the token was made for this cookie; compared in constant time."""
    return bool(bound_to) and hmac.compare_digest(
        token.encode(errors="replace"), form_token(bound_to).encode()
    )


def new_form_id() -> str:
    """An id for one form on one page that is drawn."""
    return secrets.token_urlsafe(16)


def _comes_from_us(request: Request) -> bool:
    if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
        return False
    origin = request.headers.get("origin")
    return origin is None or origin.partition("://")[2] == request.headers.get("host")


def _is_surely_ours(request: Request) -> bool:
    """True when the browser itself says so; no page of another site can make it say that."""
    return request.headers.get("sec-fetch-site") == "same-origin"


async def _read_form(request: Request, most_bytes: int) -> SentForm:
    content_type = request.headers.get("content-type", "")
    kind = content_type.split(";")[0].strip().lower()
    if kind not in (FORM, UPLOAD):
        raise HTTPException(415)
    body = await read_body(request, most_bytes=most_bytes, may_cut=kind == UPLOAD)
    try:
        if kind == UPLOAD:
            return _uncut(_parts(body.content, content_type), body)
        text = body.content.decode("ascii")
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except (ValueError, LookupError) as error:
        raise HTTPException(400) from error
    return SentForm(fields=tuple(pairs))


def _uncut(sent: SentForm, body: Body) -> SentForm:
    """The form; where its body was cut, the file that was cut is left without its content.

    Raises `HTTPException` 413 when something else than one file was cut.
    """
    if not body.mark:
        return sent
    cut = [name for name, file in sent.files.items() if body.mark in file.content]
    words = [word.encode(errors="replace") for pair in sent.fields for word in pair]
    if len(cut) != 1 or any(body.mark in word for word in words):
        raise HTTPException(413)
    found = sent.files[cut[0]]
    size = len(found.content) - len(body.mark) + body.left_out
    left = SentFile(found.name, b"", too_large=size)
    return replace(sent, files={**sent.files, cut[0]: left})


def _parts(body: bytes, content_type: str) -> SentForm:
    """A form with files; raises `ValueError` for what is none."""
    head = b"Content-Type: " + content_type.encode("ascii") + b"\r\n\r\n"
    message: Any = BytesParser(policy=HTTP).parsebytes(head + body)
    if not message.is_multipart():
        raise ValueError("no parts")
    fields: list[tuple[str, str]] = []
    files: dict[str, SentFile] = {}
    for name, file_name, content in _read_parts(message):
        if file_name is None:
            fields.append((name, content.decode()))
        elif file_name or content:
            files[name] = SentFile(file_name, content)
    if len(fields) + len(files) > MOST_FIELDS:
        raise ValueError("too many fields")
    return SentForm(fields=tuple(fields), files=files)


def _read_parts(message: Any) -> Iterator[tuple[str, str | None, bytes]]:
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        if not isinstance(name, str):
            raise ValueError("a part without a name")
        yield name, part.get_filename(), part.get_payload(decode=True) or b""
