"""One HTTP exchange: reads the call, and answers it well or, when a fault asks for it, badly."""

import asyncio
import socket
import struct
import uuid
from dataclasses import dataclass, field
from typing import Final

from starlette.types import Receive, Scope, Send

from amazonpay.sandbox.instants import http_date
from amazonpay.sandbox.refusals import Refused
from amazonpay.sandbox.shapes import encode

LARGEST_BODY: Final = 1 << 20
_BODY_SECONDS: Final = 30.0
# Closing a socket with a zero linger time sends RST instead of FIN.
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)
_GARBAGE: Final = b"<html><body>\xff\xfe upstream connect error \x00</body></html>"
_NO_CONTENT: Final = 204
TRANSPORT_KEY: Final = "amazonpay.sandbox.transport"


class Disconnected(Exception):
    """The client went away before its body was complete."""


@dataclass(slots=True, kw_only=True)
class Answer:
    """What goes back. `body` is complete JSON; the last three are for the request log."""

    status: int
    body: bytes
    reason_code: str | None = None
    replayed: bool = False
    object_id: str | None = None
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))


def refusal(refused: Refused) -> Answer:
    """The two-key error body (errors-and-throttling.md §1)."""
    body = encode({"reasonCode": refused.reason_code, "message": refused.message})
    return Answer(status=refused.status, body=body, reason_code=refused.reason_code)


class Wire:
    """The connection of one call."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send

    async def body(self) -> bytes:
        """The whole body; too large or too slow a body is refused."""
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        first: bytes = message["body"]
        if not message["more_body"]:
            return first
        try:
            async with asyncio.timeout(_BODY_SECONDS):
                return await self._rest(first)
        except TimeoutError:
            raise Refused(408, "RequestTimeout", "The request body did not arrive.") from None

    async def _rest(self, first: bytes) -> bytes:
        chunks, size, more = [first], len(first), True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise Disconnected
            chunks.append(message["body"])
            size += len(message["body"])
            if size > LARGEST_BODY:
                raise Refused(400, "InvalidRequest", f"The body exceeds {LARGEST_BODY} bytes.")
            more = message["more_body"]
        return b"".join(chunks)

    async def answer(self, answer: Answer, now: int) -> None:
        """Sends the answer with the headers that every answer carries."""
        await self._start(answer, now)
        await self._send({"type": "http.response.body", "body": answer.body})

    async def garbage(self, answer: Answer, now: int) -> None:
        """Sends the status of the answer with a body that is not JSON; 200 where it has no body."""
        answer.body = _GARBAGE
        if answer.status == _NO_CONTENT:
            answer.status = 200
        await self.answer(answer, now)

    async def cut_body(self, answer: Answer, now: int) -> None:
        """Promises the whole body, sends half of it and closes."""
        await self._start(answer, now)
        half = answer.body[: len(answer.body) // 2]
        await self._send({"type": "http.response.body", "body": half, "more_body": True})
        # FIN, not RST: a reset could take the half that was sent with it.
        self._transport().abort()
        await self._gone()

    async def reset(self) -> None:
        """Resets the TCP connection without a byte of answer."""
        transport = self._transport()
        raw = transport.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        transport.abort()
        await self._gone()

    async def hang(self, seconds: float) -> None:
        """Says nothing until the time is over or the client gives up, then resets."""
        try:
            async with asyncio.timeout(seconds):
                await self._gone()
        except TimeoutError:
            await self.reset()

    async def _start(self, answer: Answer, now: int) -> None:
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(answer.body)),
            (b"date", http_date(now // 1000)),
            (b"x-amz-pay-request-id", answer.request_id.encode()),
        ]
        if answer.status == _NO_CONTENT:
            # RFC 9110 §8.6: without content there is no length to tell, nor a type.
            del headers[:2]
        await self._send(
            {"type": "http.response.start", "status": answer.status, "headers": headers}
        )

    def _transport(self) -> asyncio.Transport:
        transport: asyncio.Transport = self._scope[TRANSPORT_KEY]
        return transport

    async def _gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
