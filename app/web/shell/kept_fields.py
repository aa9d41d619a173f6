"""Around the pages: keeps what a form's page was made of, and hands it to the page that shows it.

Works for every route, whatever its handler does; see `app.web.shell.kept`.
"""

from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.web.shell.forms import SAFE_METHODS
from app.web.shell.kept import KEPT, OURS, KeptForms

SEE_OTHER = 303


class KeptFields:
    """Keeps what a page drawn by a form was made of, and gives it to the page that shows it again.

    That page is asked with the fields as if they stood in its address, so that one about a member
    or a kind of notice is about the same one again; the server's logs do not see them.
    """

    def __init__(self, app: ASGIApp, *, kept: KeptForms) -> None:
        self._app = app
        self._kept = kept

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        if request.method in SAFE_METHODS:
            wishes = [pair for pair in request.query_params.multi_items() if pair[0] in OURS]
            if KEPT in request.query_params:
                scope = await run_in_threadpool(self._with_fields, request)

            async def send_on(message: Message) -> None:
                if message["type"] == "http.response.start" and wishes:
                    _lead_on(message, wishes)
                await send(message)

            await self._app(scope, receive, send_on)
            return

        async def send_when_kept(message: Message) -> None:
            if message["type"] == "http.response.start":
                await run_in_threadpool(self._kept.save, request)
            await send(message)

        await self._app(scope, receive, send_when_kept)

    def _with_fields(self, request: Request) -> Scope:
        found = self._kept.open(request)
        if found is None:
            return request.scope
        request.state.kept = found
        asked = request.scope["query_string"]
        request.state.asked_query = asked.decode("latin-1")
        names = {name for name, _ in parse_qsl(request.state.asked_query, keep_blank_values=True)}
        more = [(name, value) for name, value in found.fields if name not in names]
        return {**request.scope, "query_string": asked + b"&" + urlencode(more).encode("ascii")}


def _lead_on(message: Message, wishes: list[tuple[str, str]]) -> None:
    """A page that leads on to another one of ours hands on how, and what, it was to show."""
    headers = MutableHeaders(scope=message)
    goes_to = headers.get("location", "")
    if message["status"] != SEE_OTHER or not goes_to.startswith("/"):
        return
    address, mark, part = goes_to.partition("#")
    has = {name for name, _ in parse_qsl(urlsplit(address).query, keep_blank_values=True)}
    if more := urlencode([(name, value) for name, value in wishes if name not in has]):
        headers["location"] = f"{address}{'&' if '?' in address else '?'}{more}{mark}{part}"
