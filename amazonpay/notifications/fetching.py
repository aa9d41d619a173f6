"""Getting what a pinned URL names: https, no redirects, no proxy, small, and soon.

A fetcher is given pinned URLs only. Another one can be handed to the receiver, for a proxy that
must be used, or for tests; what it returns is judged all the same.
"""

import asyncio
import re
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol, cast

import httpx

from amazonpay.errors import InvalidArgument
from amazonpay.notifications.urls import PinnedUrl
from amazonpay.transport import (
    async_transport,
    checked_deadline,
    connect_timeouts,
    deadline,
    seconds_left,
    ssl_context,
    sync_transport,
)

MAX_FILE_BYTES: Final = 65_536
"""A certificate has about 2 KB, one with its whole chain below 10."""

_DEADLINE_SECONDS: Final = 3.0
"""SNS waits 15 s for our answer and we owe it within 5."""

_HEADERS: Final = {"accept-encoding": "identity", "user-agent": "autopay"}
_LOOPBACK: Final = re.compile(
    r"https?://(?:127\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}|localhost|\[::1\])(?::[0-9]{1,5})?/?"
)


class FetchFailed(Exception):
    """The file did not come: no connection, no time, too long, or an answer other than 200."""


class CertificateFetcher(Protocol):
    """Gets the file behind a pinned URL."""

    def fetch(self, url: PinnedUrl) -> bytes:
        """The body of the answer. Raises FetchFailed (anything else is taken for the same)."""


class AsyncCertificateFetcher(Protocol):
    """Gets the file behind a pinned URL, in an event loop."""

    async def fetch(self, url: PinnedUrl) -> bytes:
        """The body of the answer. Raises FetchFailed (anything else is taken for the same)."""


class HttpsCertificateFetcher:
    """Gets files from Amazon SNS over TLS that is verified by `ca_file` or the public CAs.

    An exchange ends within `deadline_seconds` altogether. `transport` replaces the network.
    Connections are not kept: a certificate is fetched about once a day.
    Raises InvalidArgument for a CA file that cannot be read and a deadline that makes no sense.
    """

    def __init__(
        self,
        *,
        ca_file: str | Path | None = None,
        deadline_seconds: float = _DEADLINE_SECONDS,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._tls = ssl_context(ca_file)
        self._deadline_seconds = checked_deadline(deadline_seconds)
        self._transport = transport

    def fetch(self, url: PinnedUrl) -> bytes:
        """The file behind the URL. Raises FetchFailed."""
        return _get(str(url), self._tls, self._deadline_seconds, self._transport)


class AsyncHttpsCertificateFetcher:
    """The asynchronous twin of `HttpsCertificateFetcher`."""

    def __init__(
        self,
        *,
        ca_file: str | Path | None = None,
        deadline_seconds: float = _DEADLINE_SECONDS,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._tls = ssl_context(ca_file)
        self._deadline_seconds = checked_deadline(deadline_seconds)
        self._transport = transport

    async def fetch(self, url: PinnedUrl) -> bytes:
        """The file behind the URL. Raises FetchFailed."""
        return await _async_get(str(url), self._tls, self._deadline_seconds, self._transport)


class LocalCertificateFetcher:
    """Asks a local Amazon Pay for what the pinned URL names: `<base_url>/__sns/<path and query>`.

    For tests and demonstrations: envelopes name a real SNS host, and the host rules stay as they
    are. `base_url` must be on this machine; otherwise raises InvalidArgument.
    """

    def __init__(
        self,
        *,
        base_url: str,
        ca_file: str | Path | None = None,
        deadline_seconds: float = _DEADLINE_SECONDS,
    ) -> None:
        self._place = _local_place(base_url)
        self._tls = ssl_context(ca_file)
        self._deadline_seconds = checked_deadline(deadline_seconds)

    def fetch(self, url: PinnedUrl) -> bytes:
        """The file that the local Amazon Pay has under this URL's path. Raises FetchFailed."""
        return _get(self._place(url), self._tls, self._deadline_seconds, None)


class AsyncLocalCertificateFetcher:
    """The asynchronous twin of `LocalCertificateFetcher`."""

    def __init__(
        self,
        *,
        base_url: str,
        ca_file: str | Path | None = None,
        deadline_seconds: float = _DEADLINE_SECONDS,
    ) -> None:
        self._place = _local_place(base_url)
        self._tls = ssl_context(ca_file)
        self._deadline_seconds = checked_deadline(deadline_seconds)

    async def fetch(self, url: PinnedUrl) -> bytes:
        """The file that the local Amazon Pay has under this URL's path. Raises FetchFailed."""
        return await _async_get(self._place(url), self._tls, self._deadline_seconds, None)


def _local_place(base_url: str) -> Callable[[PinnedUrl], str]:
    if not _LOOPBACK.fullmatch(base_url):
        raise InvalidArgument(
            "base_url",
            base_url,
            "http or https to this machine: 127.0.0.1, [::1] or localhost, without a path",
            "Give the base_url that `autopay sandbox` prints; for Amazon itself use "
            "HttpsCertificateFetcher",
        )
    origin = base_url.removesuffix("/")
    return lambda url: f"{origin}/__sns{url.target}"


def _get(
    url: str, tls: ssl.SSLContext, seconds: float, transport: httpx.BaseTransport | None
) -> bytes:
    used = transport or sync_transport(ssl_context=tls)
    try:
        with deadline(seconds):
            response = used.handle_request(httpx.Request("GET", url, headers=_HEADERS))
            try:
                return _body(response)
            finally:
                response.close()
    except httpx.HTTPError as problem:
        raise FetchFailed(f"no answer: {type(problem).__name__}") from problem
    finally:
        if transport is None:
            used.close()


async def _async_get(
    url: str, tls: ssl.SSLContext, seconds: float, transport: httpx.AsyncBaseTransport | None
) -> bytes:
    used = transport or async_transport(ssl_context=tls)
    request = httpx.Request("GET", url, headers=_HEADERS)
    request.extensions["timeout"] = connect_timeouts(seconds)
    try:
        async with asyncio.timeout(seconds):
            response = await used.handle_async_request(request)
            try:
                return await _async_body(response)
            finally:
                await response.aclose()
    except (httpx.HTTPError, TimeoutError) as problem:
        raise FetchFailed(f"no answer: {type(problem).__name__}") from problem
    finally:
        if transport is None:
            await used.aclose()


def _body(response: httpx.Response) -> bytes:
    _check_head(response)
    body = bytearray()
    for chunk in cast("httpx.SyncByteStream", response.stream):
        seconds_left()
        _append(body, chunk)
    return bytes(body)


async def _async_body(response: httpx.Response) -> bytes:
    _check_head(response)
    body = bytearray()
    async for chunk in cast("httpx.AsyncByteStream", response.stream):
        _append(body, chunk)
    return bytes(body)


def _check_head(response: httpx.Response) -> None:
    if response.status_code != 200:
        # A redirect is no exception: it would lead to a host that nobody pinned.
        raise FetchFailed(f"the answer has status {response.status_code}")
    if response.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise FetchFailed("the answer is compressed, which was not asked for")


def _append(body: bytearray, chunk: bytes) -> None:
    body += chunk
    if len(body) > MAX_FILE_BYTES:
        raise FetchFailed(f"the answer is longer than {MAX_FILE_BYTES} bytes")
