"""One connection: what a hostile or slow client may cost, and no more.

uvicorn parses HTTP; here are the limits that it lacks, Amazon's JSON for whatever is no HTTP, and
room for newcomers while others only hold connections. Times are real seconds, never virtual ones.
"""

import json
import uuid
from http import HTTPStatus
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from amazonpay.sandbox.wire import TRANSPORT_KEY

MOST_CONNECTIONS: Final = 2_000
"""At once. Beyond it those that wait longest for their client are cut; when all of them are being
answered, the newcomer gets 503 `ServiceUnavailable`."""
LARGEST_HEAD: Final = 65_536
"""Bytes of request line and headers: eight times what other servers grant, and still little."""
LARGEST_REQUEST: Final = 64 << 20
"""Bytes of one whole request on any path; API bodies end at `wire.LARGEST_BODY` already."""
IDLE_SECONDS: Final = 75
"""Longer than any client keeps a connection, so that the server never closes one in use."""
HEAD_SECONDS: Final = 20
"""From the first byte of a request to the blank line after its headers."""
BODY_SECONDS: Final = 60
"""From that blank line to the last byte of the body."""
UNREAD_SECONDS: Final = 30
"""That a client may leave an answer unread while there is more to send."""
HALF_CLOSED_SECONDS: Final = 10
"""That a client which will send no more may wait for its answer; most such clients are gone."""
LINGER_SECONDS: Final = 2
"""Between the last word and the end, so that no reset overtakes the last word."""

# Of the connections that wait, so many are cut at once: finding the oldest costs a look at all.
_CUT_AT_ONCE: Final = 64
_BETWEEN, _HEAD, _BODY = "between", "head", "body"
_PATIENCE: Final = {_HEAD: HEAD_SECONDS, _BODY: BODY_SECONDS}


class _TooLarge(Exception):
    """The head of a request exceeds its limit."""


class Connection(HttpToolsProtocol):
    """A connection that knows what it waits for and since when; see the limits above."""

    most_connections = MOST_CONNECTIONS

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        # Where the parser is in the client's bytes, and since when; answering does not count.
        self._phase = _BETWEEN
        self._since = self.loop.time()
        self._size = 0
        self._unread_since: float | None = None
        self._half_closed_since: float | None = None
        self._why = ""
        self._last_word = b""
        self._deaf = False

    # What the event loop tells

    def connection_made(self, transport: Any) -> None:
        """Comes in, at the cost of connections that only wait where there are too many."""
        super().connection_made(transport)
        if len(self.connections) > self.most_connections and not self._make_room():
            self.refuse(HTTPStatus.SERVICE_UNAVAILABLE, "ServiceUnavailable", "Too many requests.")

    def data_received(self, data: bytes) -> None:
        """Reads on; what comes after the last word is not listened to."""
        if self._deaf:
            return
        self._size += len(data)
        super().data_received(data)
        if self._phase == _HEAD and self._size > LARGEST_HEAD:
            self._why = f"The headers exceed {LARGEST_HEAD} bytes."
            self.send_400_response(self._why)
        elif self._size > LARGEST_REQUEST:
            self.send_400_response(f"The request exceeds {LARGEST_REQUEST} bytes.")

    def eof_received(self) -> bool | None:  # type: ignore[override]  # True keeps the way back open
        """A client that will send no more still gets the answer to what it sent."""
        if self._deaf:
            return None
        if self._phase != _BETWEEN:
            self.send_400_response("The connection was closed before the request was complete.")
            return None
        if not self._is_answering() or self.scheme != "http":
            return None
        self._half_closed_since = self.loop.time()
        self.cycle.keep_alive = False
        return True

    def pause_writing(self) -> None:
        """The client does not read."""
        self._unread_since = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        """The client reads again."""
        self._unread_since = None
        super().resume_writing()

    # What the parser tells

    def on_message_begin(self) -> None:
        """Hands the transport to the application, which must be able to cut the connection."""
        super().on_message_begin()
        self.scope[TRANSPORT_KEY] = self.transport  # type: ignore[typeddict-unknown-key]  # ours
        self._enter(_HEAD)

    def on_headers_complete(self) -> None:
        """Lets a request in unless its head is too large."""
        if len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > (
            LARGEST_HEAD
        ):
            self._why = f"The headers exceed {LARGEST_HEAD} bytes."
            raise _TooLarge
        super().on_headers_complete()
        self._enter(_BODY)
        if self.parser.should_upgrade():
            # The parser reads nothing after an Upgrade that is not followed: say so to the client.
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        """The request is complete."""
        self._enter(_BETWEEN)
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """The next request's turn, or the last word's."""
        was_last = not self.pipeline
        super().on_response_complete()
        if self._phase == _BETWEEN:
            self._since = self.loop.time()
        if was_last and self._last_word:
            self._part()

    # Refusals

    def send_400_response(self, msg: str) -> None:
        """Amazon's 400 for what is no HTTP; uvicorn calls this where its parser gives up."""
        self.refuse(HTTPStatus.BAD_REQUEST, "InvalidRequest", self._why or msg)

    def refuse(self, status: HTTPStatus, reason_code: str, message: str) -> None:
        """The last word on this connection, after the answers to complete requests before it."""
        if self._deaf or self.transport.is_closing():
            return
        self._deaf = True
        self._last_word = _last_word(status, reason_code, message)
        if self._phase == _BODY and not self._is_answering():
            # Answered before its end came, as a body that is too large is: no second answer.
            self.transport.close()
        elif not self._is_answering():
            self._part()
        elif self.cycle.more_body:
            self._refuse_unfinished()

    def _refuse_unfinished(self) -> None:
        """The bad bytes belong to the newest request: it is queued, or waits for them."""
        if self.pipeline:
            self.pipeline.popleft()
        elif self.cycle.response_started:
            self.transport.close()
        else:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            self._part()

    def _part(self) -> None:
        word, self._last_word = self._last_word, b""
        self.transport.write(word)
        if self.transport.can_write_eof():
            self.transport.write_eof()
            self.loop.call_later(LINGER_SECONDS, self.transport.abort)
        else:
            self.transport.close()

    # Patience

    def expire(self, now: float) -> None:
        """Ends the connection when its client has taken too long; `now` is the loop's time."""
        if _is_over(self._unread_since, UNREAD_SECONDS, now) or _is_over(
            self._half_closed_since, HALF_CLOSED_SECONDS, now
        ):
            self.transport.abort()
        elif self._deaf or self.flow.read_paused:
            return
        elif self._phase in _PATIENCE:
            if now - self._since > _PATIENCE[self._phase]:
                self.refuse(
                    HTTPStatus.REQUEST_TIMEOUT, "RequestTimeout", "The request did not arrive."
                )
        elif not self._is_answering() and now - self._since > IDLE_SECONDS:
            self.transport.close()

    def _make_room(self) -> bool:
        """Cuts those that wait longest for their client; False when there are none."""
        others = (other for other in self.connections if isinstance(other, Connection))
        waiting = [other for other in others if other is not self and other._waits()]
        waiting.sort(key=lambda other: other._since)
        for other in waiting[:_CUT_AT_ONCE]:
            self.connections.discard(other)
            other.transport.abort()
        return bool(waiting)

    def _waits(self) -> bool:
        return not self._is_answering() or self.cycle.more_body or self._unread_since is not None

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _enter(self, phase: str) -> None:
        self._phase = phase
        self._since = self.loop.time()
        if phase == _HEAD:
            self._size = 0


def _is_over(since: float | None, seconds: int, now: float) -> bool:
    return since is not None and now - since > seconds


def _last_word(status: HTTPStatus, reason_code: str, message: str) -> bytes:
    body = json.dumps({"reasonCode": reason_code, "message": message}).encode()
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\nx-amz-pay-request-id: {uuid.uuid4()}\r\n"
        "connection: close\r\n\r\n"
    )
    return head.encode() + body
