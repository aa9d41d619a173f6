"""The socket side: TLS, and a deadline that holds for a whole exchange.

A read time-out starts anew with every byte that arrives, so a peer that sends one byte per second
never trips it. Here every socket operation of the synchronous client gets only what is left of
the exchange's deadline. (The asynchronous client has `asyncio.timeout` for that.)
"""

import asyncio
import os
import ssl
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path
from typing import Final

import httpcore
import httpx

from amazonpay.errors import InvalidArgument

KEEPALIVE_SECONDS: Final = 20.0
"""Shorter than usual load balancers' idle time-outs, so that a kept connection is still alive."""

MAX_CONNECTIONS: Final = 10
"""A client shared by threads or tasks opens as many as it has calls under way, up to this."""

_LONGEST_DEADLINE_SECONDS: Final = 300
"""A signature's date is accepted for minutes; waiting longer for one answer serves nobody."""

_SEND_AT_BYTES: Final = 64_000
"""More than any request of ours; what is larger leaves in pieces of this size."""

_deadline: ContextVar[float] = ContextVar("amazonpay_deadline")


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Socket operations of this thread inside the block must end within `seconds` altogether."""
    token = _deadline.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _deadline.reset(token)


def checked_deadline(seconds: float) -> float:
    """`seconds`, when an exchange can end within it. Raises InvalidArgument otherwise."""
    if 0 < seconds <= _LONGEST_DEADLINE_SECONDS:
        return seconds
    raise InvalidArgument(
        "deadline_seconds",
        seconds,
        f"more than 0 and at most {_LONGEST_DEADLINE_SECONDS}",
        "Use the default of 10 seconds",
    )


def connect_timeouts(deadline_seconds: float) -> dict[str, float]:
    """Time-outs for opening a connection, for a transport that is cancelled at its deadline.

    httpcore leaves the socket open when it is cancelled inside a TLS handshake, but closes it on
    a time-out of its own. TCP and TLS get 45 % each, so that theirs comes before the deadline.
    """
    return {"connect": deadline_seconds * 0.45}


def seconds_left() -> float:
    """What is left of the current deadline. Raises httpx.ReadTimeout when nothing is."""
    left = _deadline.get() - time.monotonic()
    if left <= 0:
        raise httpx.ReadTimeout("the total deadline has passed")
    return left


class DeadlineTransport(httpx.BaseTransport):
    """An HTTP/1.1 transport whose every socket operation obeys `deadline`.

    It follows no redirect, keeps no cookie, reads no environment variable and retries nothing.
    A forked process opens connections of its own.
    """

    def __init__(self, *, ssl_context: ssl.SSLContext) -> None:
        self._ssl_context = ssl_context
        self._pools = {os.getpid(): _pool(ssl_context)}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Sends the request; the answer's body is read from the socket as it is iterated."""
        outgoing = httpcore.Request(
            method=request.method,
            url=httpcore.URL(
                scheme=request.url.raw_scheme,
                host=request.url.raw_host,
                port=request.url.port,
                target=request.url.raw_path,
            ),
            headers=request.headers.raw,
            content=request.stream,
            extensions={"timeout": {"pool": seconds_left()}},
        )
        with _httpx_errors():
            incoming = self._own_pool().handle_request(outgoing)
        return httpx.Response(
            status_code=incoming.status,
            headers=incoming.headers,
            stream=_Body(incoming, incoming.extensions["network_stream"]),
            extensions=incoming.extensions,
        )

    def close(self) -> None:
        """Closes the kept connections."""
        self._own_pool().close()

    def _own_pool(self) -> httpcore.ConnectionPool:
        # Two processes that read from one connection take each other's answers. The parent's pool
        # stays referenced: to drop it would close sockets in the middle of its conversations.
        pid = os.getpid()
        if pid not in self._pools:
            self._pools.setdefault(pid, _pool(self._ssl_context))
        return self._pools[pid]


def _pool(ssl_context: ssl.SSLContext) -> httpcore.ConnectionPool:
    return httpcore.ConnectionPool(
        ssl_context=ssl_context,
        max_connections=MAX_CONNECTIONS,
        max_keepalive_connections=MAX_CONNECTIONS,
        keepalive_expiry=KEEPALIVE_SECONDS,
        network_backend=_DeadlineBackend(),
    )


class _Body(httpx.SyncByteStream):
    def __init__(self, response: httpcore.Response, connection: "_DeadlineStream") -> None:
        self._response = response
        self._connection = connection

    def __iter__(self) -> Iterator[bytes]:
        with _httpx_errors():
            yield from self._response.iter_stream()

    def close(self) -> None:
        # First the mark: once the response is closed, another thread may have the connection.
        self._connection.is_busy = False
        self._response.close()


class _DeadlineBackend(httpcore.NetworkBackend):
    """Opens sockets whose operations get what is left of the deadline, whatever httpcore asks."""

    def __init__(self) -> None:
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        stream = self._inner.connect_tcp(host, port, seconds_left(), local_address, socket_options)
        return _DeadlineStream(stream)


class _DeadlineStream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner
        self._writes = 0
        self._written = bytearray()
        self.is_busy = False

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self._send_written()
        return self._inner.read(max_bytes, seconds_left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        # Head and body come one after the other: kept until the answer is asked for, they leave
        # in one packet, and the peer wakes once.
        self.is_busy = True
        self._writes += 1
        self._written += buffer
        if len(self._written) > _SEND_AT_BYTES:
            self._send_written()

    def _send_written(self) -> None:
        written = bytes(self._written)
        self._written.clear()
        if not written:
            return
        # As httpcore does: a peer that has hung up may have answered before.
        with suppress(httpcore.WriteError):
            self._inner.write(written, seconds_left())

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        return _DeadlineStream(self._inner.start_tls(ssl_context, server_hostname, seconds_left()))

    def get_extra_info(self, info: str) -> object:
        if info != "is_readable":
            return self._inner.get_extra_info(info)
        # The pool asks this of connections it takes for idle, and closes those that say yes. But
        # another thread may have begun to use one since: what is readable then is its answer.
        before = self._writes
        if self.is_busy:
            return False
        return self._inner.get_extra_info(info) and self._writes == before


@contextmanager
def _httpx_errors() -> Iterator[None]:
    try:
        yield
    except httpcore.PoolTimeout as problem:
        raise httpx.PoolTimeout(f"no connection became free in time: {problem}") from problem
    except httpcore.ConnectTimeout as problem:
        raise httpx.ConnectTimeout(f"no connection in time: {problem}") from problem
    except httpcore.ConnectError as problem:
        raise httpx.ConnectError(str(problem) or type(problem).__name__) from problem
    except httpcore.TimeoutException as problem:
        raise httpx.ReadTimeout(f"no answer in time: {problem}") from problem
    except (httpcore.NetworkError, httpcore.ProtocolError) as problem:
        raise httpx.NetworkError(str(problem) or type(problem).__name__) from problem


def sync_transport(*, ssl_context: ssl.SSLContext) -> httpx.BaseTransport:
    """The network for the synchronous client."""
    return DeadlineTransport(ssl_context=ssl_context)


def async_transport(*, ssl_context: ssl.SSLContext) -> httpx.AsyncBaseTransport:
    """The network for the asynchronous client, with the same limits."""
    return LoopTransport(ssl_context=ssl_context)


class LoopTransport(httpx.AsyncBaseTransport):
    """An HTTP/1.1 transport that each event loop can use: connections belong to one loop.

    Frameworks that start a loop per request or per test would else meet sockets of a dead one.
    """

    def __init__(self, *, ssl_context: ssl.SSLContext) -> None:
        self._ssl_context = ssl_context
        self._inner: dict[asyncio.AbstractEventLoop, httpx.AsyncHTTPTransport] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Sends the request over a connection of the running loop."""
        loop = asyncio.get_running_loop()
        inner = self._inner.get(loop)
        if inner is None:
            self._forget_ended_loops()
            inner = self._inner[loop] = self._transport()
        return await inner.handle_async_request(request)

    async def aclose(self) -> None:
        """Closes the running loop's connections; those of ended loops ended with them."""
        inner = self._inner.pop(asyncio.get_running_loop(), None)
        if inner is not None:
            await inner.aclose()

    def _forget_ended_loops(self) -> None:
        # No weak references: an open connection itself holds its loop.
        for loop in [loop for loop in self._inner if loop.is_closed()]:
            self._inner.pop(loop, None)

    def _transport(self) -> httpx.AsyncHTTPTransport:
        limits = httpx.Limits(
            max_connections=MAX_CONNECTIONS,
            max_keepalive_connections=MAX_CONNECTIONS,
            keepalive_expiry=KEEPALIVE_SECONDS,
        )
        return httpx.AsyncHTTPTransport(verify=self._ssl_context, trust_env=False, limits=limits)


def ssl_context(ca_file: str | Path | None) -> ssl.SSLContext:
    """The TLS settings for a CA file, or for the public CAs when None; made once, then shared.

    Raises InvalidArgument when the file cannot be read or holds no certificate.
    """
    if ca_file is None:
        return _public_context()
    try:
        return _private_context(Path(ca_file).read_text("ascii"))
    except (OSError, ValueError) as problem:
        raise InvalidArgument(
            "ca_file",
            str(ca_file),
            f"a readable PEM file of CA certificates ({problem})",
            "Give the ca_file that `autopay sandbox` prints, or leave it out for Amazon itself",
        ) from problem


@lru_cache(maxsize=1)
def _public_context() -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=False)


@lru_cache(maxsize=8)
def _private_context(ca_pem: str) -> ssl.SSLContext:
    # Kept by content, not by name: a local Amazon Pay may write a new CA to the same file.
    if not ca_pem.strip():
        # An empty text would silently mean "the CAs of the system".
        raise ValueError("it is empty")
    return ssl.create_default_context(cadata=ca_pem)
