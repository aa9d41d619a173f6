"""The two exchanges, one synchronous and one asynchronous: they move bytes and decide nothing.

What is sent, when it is tried again and what it all means is decided in `conversation`, once for
both. Neither follows redirects, reads the environment or keeps cookies.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from random import Random, SystemRandom
from typing import Final, TypeVar, cast

import httpx

from amazonpay.answers import MAX_BODY_BYTES, HttpAnswer
from amazonpay.calls import Call
from amazonpay.conversation import Conversation, Habits, Send, Wait
from amazonpay.errors import InvalidArgument
from amazonpay.keys import Environment
from amazonpay.pacing import Pacer, Pacing
from amazonpay.retries import STANDARD_RETRIES, Broken, Reply, RetryPolicy
from amazonpay.transport import checked_deadline, connect_timeouts, deadline, seconds_left
from amazonpay.wire import Credentials, Integrator, SignedRequest, Wire

T = TypeVar("T")

JAPAN: Final = "https://pay-api.amazon.jp"
_SECOND_NS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Where waits and chance come from; replaced by tests, so that they never sleep.

    `clock_ns` gives nanoseconds of a clock that never goes back. The sleeps take seconds.
    """

    clock_ns: Callable[[], int] = time.monotonic_ns
    sleep: Callable[[float], None] = time.sleep
    async_sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    random: Random = field(default_factory=SystemRandom)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What an exchange is told once; the arguments of both clients, described there."""

    credentials: Credentials | Sequence[Credentials]
    environment: Environment
    clock: Callable[[], datetime]
    base_url: str = JAPAN
    region: str = "jp"
    deadline_seconds: float = 10.0
    retries: RetryPolicy = STANDARD_RETRIES
    pacing: Pacing | Pacer | None = field(default_factory=Pacing)
    auth_token: str | None = field(default=None, repr=False)
    integrator: Integrator | None = None
    timing: Timing = field(default_factory=Timing)

    def habits(self) -> Habits:
        """The settings, checked. Raises InvalidArgument when they do not fit together."""
        wire = Wire(
            credentials=self.credentials,
            environment=self.environment,
            base_url=self.base_url,
            region=self.region,
            clock=self.clock,
            auth_token=self.auth_token,
            integrator=self.integrator,
        )
        return Habits(
            wire=wire,
            retries=self.retries,
            pacer=_pacer(self.pacing, self.environment),
            deadline_ns=int(checked_deadline(self.deadline_seconds) * _SECOND_NS),
            clock_ns=self.timing.clock_ns,
            random=self.timing.random,
        )


class SyncExchange:
    """Runs calls on a thread; may be shared by several."""

    def __init__(self, *, settings: Settings, transport: httpx.BaseTransport) -> None:
        self._habits = settings.habits()
        self._sleep = settings.timing.sleep
        self._transport = transport

    def run(self, call: Call[T]) -> T:
        """The object that Amazon answers. Raises the `AmazonPayError` that ended the call."""
        steps = Conversation(call, self._habits).steps()
        reply: Reply | None = None
        try:
            while True:
                step = steps.send(reply)
                reply = self._played(step)
        except StopIteration as done:
            return cast("T", done.value)

    def close(self) -> None:
        """Closes the connections."""
        self._transport.close()

    def _played(self, step: Wait | Send) -> Reply | None:
        if isinstance(step, Send):
            with deadline(step.seconds):
                return self._reply(step.request)
        self._sleep(step.seconds)
        return None

    def _reply(self, request: SignedRequest) -> Reply:
        try:
            response = self._transport.handle_request(_outgoing(request))
            try:
                return _complete(response, _body(response))
            finally:
                response.close()
        except Exception as problem:
            return Broken(problem)


class AsyncExchange:
    """Runs calls on an asyncio event loop; may be shared by its tasks."""

    def __init__(self, *, settings: Settings, transport: httpx.AsyncBaseTransport) -> None:
        self._habits = settings.habits()
        self._sleep = settings.timing.async_sleep
        self._transport = transport

    async def run(self, call: Call[T]) -> T:
        """The object that Amazon answers. Raises the `AmazonPayError` that ended the call."""
        steps = Conversation(call, self._habits).steps()
        reply: Reply | None = None
        try:
            while True:
                step = steps.send(reply)
                reply = await self._played(step)
        except StopIteration as done:
            return cast("T", done.value)

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._transport.aclose()

    async def _played(self, step: Wait | Send) -> Reply | None:
        if isinstance(step, Wait):
            await self._sleep(step.seconds)
            return None
        try:
            async with asyncio.timeout(step.seconds):
                return await self._reply(step.request, seconds=step.seconds)
        except TimeoutError as problem:
            return Broken(problem)

    async def _reply(self, request: SignedRequest, *, seconds: float) -> Reply:
        outgoing = _outgoing(request)
        outgoing.extensions["timeout"] = connect_timeouts(seconds)
        try:
            response = await self._transport.handle_async_request(outgoing)
            try:
                return _complete(response, await _async_body(response))
            finally:
                await response.aclose()
        except Exception as problem:
            return Broken(problem)


class _TooLong(Exception):
    """The answer is longer than any that Amazon Pay gives; asking again would not shorten it."""


def _pacer(pacing: Pacing | Pacer | None, environment: Environment) -> Pacer | None:
    if not isinstance(pacing, Pacer):
        return None if pacing is None else Pacer(environment=environment, pacing=pacing)
    if pacing.environment != environment:
        raise InvalidArgument(
            "pacing",
            pacing.environment,
            f"a pacer belongs to one environment, and this client is {environment}",
            f"Make a Pacer for {environment}",
        )
    return pacing


def _outgoing(request: SignedRequest) -> httpx.Request:
    # Only addresses that are posted to: others may name what nobody should keep, as a buyer token.
    url = _parsed(request.url) if request.method == "POST" else request.url
    return httpx.Request(request.method, url, headers=dict(request.headers), content=request.body)


@lru_cache(maxsize=64)
def _parsed(url: str) -> httpx.URL:
    return httpx.URL(url)


def _complete(response: httpx.Response, body: bytes) -> HttpAnswer:
    return HttpAnswer(
        status=response.status_code, headers=_as_texts(response.headers.raw), body=body
    )


def _as_texts(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers by name in lower case; what comes twice is joined by a comma, as HTTP reads it."""
    headers: dict[str, str] = {}
    for name, value in raw:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers


def _body(response: httpx.Response) -> bytes:
    # The raw stream: nothing is decompressed, so no small answer can grow large in memory.
    body = bytearray()
    for chunk in cast("httpx.SyncByteStream", response.stream):
        seconds_left()
        _append(body, chunk)
    return bytes(body)


async def _async_body(response: httpx.Response) -> bytes:
    body = bytearray()
    async for chunk in cast("httpx.AsyncByteStream", response.stream):
        _append(body, chunk)
    return bytes(body)


def _append(body: bytearray, chunk: bytes) -> None:
    body += chunk
    if len(body) > MAX_BODY_BYTES:
        raise _TooLong(f"the answer is longer than {MAX_BODY_BYTES} bytes")
