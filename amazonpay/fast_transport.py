"""The optional fast transport: the same exchange with half the processor time, by pyreqwest.

It needs the extra `fast`. What it promises is what the standard transport promises: one deadline
for the whole exchange, no redirect, no proxy, no cookie, no second try, and nothing unpacked.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import httpx

from amazonpay.errors import InvalidArgument
from amazonpay.transport import KEEPALIVE_SECONDS, MAX_CONNECTIONS, seconds_left

if TYPE_CHECKING:
    from pyreqwest.client import SyncClient
    from pyreqwest.response import SyncResponse


class FastTransportMissing(Exception):
    """The extra `fast` is not installed; the message says what to do."""


# Its `ConnectError` is also what a peer leaves behind that hung up on a request, which may have had
# its effect. Only this cause says that nothing was sent.
NEVER_CONNECTED: Final = "client error (Connect)"
LONGEST_HEAD_BYTES: Final = 100_000

Transport = Literal["standard", "fast"]
"""What moves the bytes: httpx with our own sockets, or pyreqwest below httpx."""


def transport_named(name: Transport, *, ca_file: Path | None = None) -> httpx.BaseTransport | None:
    """The transport of a client by its name; None for the standard one, which clients make.

    Raises `FastTransportMissing`, InvalidArgument.
    """
    return FastTransport(ca_file=ca_file) if name == "fast" else None


class FastTransport(httpx.BaseTransport):
    """An HTTP/1.1 transport whose exchanges obey `deadline`; may be shared by threads.

    Raises `FastTransportMissing`, and InvalidArgument for a CA of one's own: this transport cannot
    be told to trust no other. The public CAs are those of the operating system.
    """

    def __init__(self, *, ca_file: Path | None = None) -> None:
        if ca_file is not None:
            raise InvalidArgument(
                "ca_file",
                str(ca_file),
                "the fast transport trusts the operating system's CAs and cannot be bound to one",
                "Use the standard transport with a CA of your own",
            )
        self._client = _client()
        self._process = os.getpid()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Sends the request; the answer's body is read from the socket as it is iterated."""
        if os.getpid() != self._process:
            # The thread that moves the bytes stayed with the parent: nobody would send anything.
            raise httpx.ConnectError("a forked process must make a client of its own")
        prepared = (
            self._client.request(request.method, str(request.url))
            .headers([(name.decode(), value.decode()) for name, value in request.headers.raw])
            .body_bytes(request.content)
            .timeout(timedelta(seconds=seconds_left()))
            .build_streamed()
        )
        with _httpx_errors():
            incoming = prepared.__enter__()
        headers = list(incoming.headers.items())
        body = _Body(incoming, prepared)
        if sum(len(name) + len(value) for name, value in headers) > LONGEST_HEAD_BYTES:
            body.close()
            raise httpx.NetworkError("the head of the answer is longer than any of Amazon Pay's")
        return httpx.Response(status_code=incoming.status, headers=headers, stream=body)

    def close(self) -> None:
        """Closes the kept connections."""
        self._client.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, response: "SyncResponse", under_way: object) -> None:
        self._reader = response.body_reader
        self._under_way = under_way

    def __iter__(self) -> Iterator[bytes]:
        with _httpx_errors():
            while (chunk := self._reader.read()) is not None:
                yield bytes(chunk)

    def close(self) -> None:
        self._under_way.__exit__(None, None, None)  # type: ignore[attr-defined] # a context manager


def _client() -> "SyncClient":
    try:
        from pyreqwest.client import SyncClientBuilder
    except ImportError as missing:
        raise FastTransportMissing(
            "the fast transport is not installed: pip install 'autopay[fast]', or set "
            "AUTOPAY_TRANSPORT=standard"
        ) from missing
    builder = SyncClientBuilder().http1_only().follow_redirects(enable=False).no_proxy()
    builder = builder.gzip(enable=False).brotli(enable=False)
    builder = builder.zstd(enable=False).deflate(enable=False).referer(enable=False)
    builder = builder.pool_idle_timeout(timedelta(seconds=KEEPALIVE_SECONDS))
    return builder.pool_max_idle_per_host(MAX_CONNECTIONS).build()


@contextmanager
def _httpx_errors() -> Iterator[None]:
    from pyreqwest import exceptions

    try:
        yield
    except exceptions.PyreqwestError as problem:
        said = f"{problem}: {_causes(problem)[-1:]}"
        if NEVER_CONNECTED in _causes(problem):
            raise httpx.ConnectError(said) from problem
        if isinstance(problem, exceptions.RequestTimeoutError):
            raise httpx.ReadTimeout(said) from problem
        raise httpx.NetworkError(said) from problem


def _causes(problem: Exception) -> list[str]:
    details = getattr(problem, "details", None) or {}
    return [cause["message"] for cause in details.get("causes") or ()]
