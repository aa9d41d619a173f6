"""Fetching a report from the signed link that Get Report Document answers.

The link is foreign text and leads to another host: only https is followed (http to this machine),
no redirect, no signature or header of Amazon Pay goes there, and the size is limited. The link
itself is a key for anybody, so no error repeats it. Source: API reference §11.
"""

import asyncio
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import BinaryIO, Final, cast

import httpx

from amazonpay.errors import AmazonPayError, InvalidArgument
from amazonpay.transport import checked_deadline, connect_timeouts, deadline, seconds_left
from amazonpay.wire import user_agent

DEFAULT_MAX_BYTES: Final = 100_000_000
"""A settlement row takes some 200 bytes: room for half a million of them."""

DEFAULT_DOWNLOAD_SECONDS: Final = 60.0

_NO_HOST: Final = "its link names a host that no host can have"

Sink = Callable[[bytes], object]


class DownloadFailed(AmazonPayError):
    """The report could not be fetched; nothing has changed at Amazon.

    Ask for the document again: every answer holds a fresh link, and each works for 30 seconds.
    `cause` says what was seen, `status` is the HTTP status if there was one.
    """

    def __init__(self, cause: str, status: int | None = None) -> None:
        super().__init__(cause, status)
        self.cause = cause
        self.status = status

    def __str__(self) -> str:
        return (
            f"The report could not be fetched: {self.cause}. "
            "Ask for the document again, its link works for 30 seconds."
        )


def download(
    *,
    transport: httpx.BaseTransport,
    url: str,
    sink: Sink,
    max_bytes: int,
    deadline_seconds: float,
) -> int:
    """Gives the document to `sink` piece by piece; returns its size in bytes.

    Raises DownloadFailed; what `sink` has received by then is incomplete.
    """
    request = _request(url)
    progress = _Progress(sink, _checked_size(max_bytes))
    with deadline(checked_deadline(deadline_seconds)):
        try:
            response = transport.handle_request(request)
            try:
                progress.begin(response)
                for chunk in cast("httpx.SyncByteStream", response.stream):
                    seconds_left()
                    progress.take(chunk)
            finally:
                response.close()
        except httpx.HTTPError as problem:
            raise _broken(problem) from problem
        except UnicodeError:
            raise DownloadFailed(_NO_HOST) from None
    return progress.end()


async def async_download(
    *,
    transport: httpx.AsyncBaseTransport,
    url: str,
    sink: Sink,
    max_bytes: int,
    deadline_seconds: float,
) -> int:
    """The asynchronous twin of `download`."""
    request = _request(url)
    progress = _Progress(sink, _checked_size(max_bytes))
    request.extensions["timeout"] = connect_timeouts(checked_deadline(deadline_seconds))
    try:
        async with asyncio.timeout(deadline_seconds):
            response = await transport.handle_async_request(request)
            try:
                progress.begin(response)
                async for chunk in cast("httpx.AsyncByteStream", response.stream):
                    progress.take(chunk)
            finally:
                await response.aclose()
    except (httpx.HTTPError, TimeoutError) as problem:
        raise _broken(problem) from problem
    except UnicodeError:
        raise DownloadFailed(_NO_HOST) from None
    return progress.end()


@contextmanager
def file_in_place(path: str | Path) -> Iterator[BinaryIO]:
    """A file that appears under `path` only when the block has ended well; only its owner reads it.

    Whatever stood there before stays until then, and stays when the block fails.
    """
    target = Path(path)
    number, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(number, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())  # else a power cut may leave the name with nothing behind it
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


class _Progress:
    """Counts what arrives and refuses what is not the document."""

    def __init__(self, sink: Sink, max_bytes: int) -> None:
        self._sink = sink
        self._max_bytes = max_bytes
        self._announced: int | None = None
        self._size = 0

    def begin(self, response: httpx.Response) -> None:
        status = response.status_code
        if status != 200:
            raise DownloadFailed(f"its host answered {status}", status)
        encoding = response.headers.get("content-encoding", "identity").strip().lower()
        if encoding != "identity":
            # Nothing is decompressed: a small answer cannot grow large.
            raise DownloadFailed(f"the content encoding {encoding[:80]} was not asked for", status)
        length = response.headers.get("content-length", "")
        if length.isascii() and length.isdigit():
            self._announced = int(length[:18])
            self._check(self._announced)

    def take(self, chunk: bytes) -> None:
        self._size += len(chunk)
        self._check(self._size)
        self._sink(chunk)

    def end(self) -> int:
        if self._announced is not None and self._announced != self._size:
            raise DownloadFailed(f"{self._size} of {self._announced} bytes came")
        return self._size

    def _check(self, size: int) -> None:
        if size > self._max_bytes:
            raise DownloadFailed(f"it is larger than max_bytes, {self._max_bytes}")


def _request(url: str) -> httpx.Request:
    headers = {"accept-encoding": "identity", "user-agent": user_agent()}
    return httpx.Request("GET", _checked_link(url), headers=headers)


def _checked_link(url: str) -> httpx.URL:
    try:
        link = httpx.URL(url)
        host = link.host  # decoded here, which may fail as well
    except (httpx.InvalidURL, TypeError, ValueError):
        raise DownloadFailed("its link is no URL") from None
    if not host or link.userinfo or not _is_port(link.port):
        raise DownloadFailed("its link names no host, a user, or no possible port")
    if link.scheme != "https" and not (link.scheme == "http" and _is_loopback(host)):
        raise DownloadFailed(f"its link is not https but {link.scheme[:20]!r}")
    return link


def _is_port(port: int | None) -> bool:
    return port is None or 0 < port < 65536


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _checked_size(max_bytes: int) -> int:
    if type(max_bytes) is int and max_bytes >= 1:
        return max_bytes
    raise InvalidArgument(
        "max_bytes", max_bytes, "a whole number of bytes, 1 or more", "Leave it out for 100 MB"
    )


def _broken(problem: Exception) -> DownloadFailed:
    return DownloadFailed(f"the connection failed ({type(problem).__name__})")
