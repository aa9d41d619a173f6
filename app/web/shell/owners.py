"""Which page an address belongs to that only takes forms: the next one above it that can be read.

It is worked out of the router, so a new form is covered without being listed.
"""

from collections.abc import Iterable, Iterator
from re import Pattern
from urllib.parse import urlencode, urlsplit

from starlette.requests import Request
from starlette.routing import compile_path

from app.web.shell.gate import Declared
from app.web.shell.kept import KEPT, asked_query
from app.web.shell.rooms import Room


class OwningPages:
    """The pages of the addresses that only take forms; a room may say that it is another one."""

    def __init__(self, declared: Declared, rooms: Iterable[Room]) -> None:
        self._pages = [_pattern(path) for method, path in declared if method == "GET"]
        self._open = [
            _pattern(path)
            for (method, path), access in declared.items()
            if method == "POST" and access.kind == "open"
        ]
        self._elsewhere = [
            (_pattern(path), page) for room in rooms for path, page in room.shown_on.items()
        ]

    def address_of(self, path: str) -> str:
        """The page that the form of this address stands on; an empty text where there is none."""
        for pattern, page in self._elsewhere:
            if pattern.match(path):
                return page
        return next((page for page in _above(path) if self.is_page(page)), "")

    def is_page(self, path: str) -> bool:
        """Whether the address can be read."""
        return any(pattern.match(path) for pattern in self._pages)

    def is_open(self, path: str) -> bool:
        """Whether everybody may send the form of this address."""
        return any(pattern.match(path) for pattern in self._open)

    def leads_to(self, request: Request) -> str:
        """That page with the language asked for and the words that are kept."""
        page = self.address_of(request.url.path)
        query = urlencode(asked_query(request))
        return f"{page}?{query}" if page and query else page

    def page_of_form(self, request: Request, *, form_id: str) -> str:
        """The page where a form was filled in, which is to be shown again, as the browser says."""
        path, query = request.url.path, ""
        came = urlsplit(request.headers.get("referer", ""))
        if came.netloc == request.headers.get("host") and self.is_page(came.path):
            path, query = came.path, came.query
        elif not self.is_page(path):
            path = self.address_of(path)
        kept = urlencode({KEPT: form_id})
        return f"{path}?{query}&{kept}" if query else f"{path}?{kept}"


def _above(path: str) -> Iterator[str]:
    while path := path.rpartition("/")[0]:
        yield path
        yield f"{path}/"
    yield "/"


def _pattern(path: str) -> Pattern[str]:
    return compile_path(path)[0]
