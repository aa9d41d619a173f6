"""The two caches of certificates: one for threads, one for an event loop.

Whoever asks first for a URL fetches it; whoever asks meanwhile waits for the same answer.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future

from amazonpay.notifications.certificates import (
    SigningCertificate,
    UnreadableCertificate,
    read_certificate,
)
from amazonpay.notifications.errors import TryLater
from amazonpay.notifications.fetching import (
    AsyncCertificateFetcher,
    CertificateFetcher,
    FetchFailed,
)
from amazonpay.notifications.shelf import CacheLimits, Shelf
from amazonpay.notifications.urls import PinnedUrl

Outcome = SigningCertificate | TryLater


class CertificateCache:
    """Certificates of Amazon SNS, fetched when missing; safe to share between threads.

    `stopwatch` gives seconds that only ever grow.
    """

    def __init__(
        self, *, fetcher: CertificateFetcher, limits: CacheLimits, stopwatch: Callable[[], float]
    ) -> None:
        self._fetcher = fetcher
        self._stopwatch = stopwatch
        self._shelf = Shelf(limits)
        self._lock = threading.Lock()
        self._under_way: dict[PinnedUrl, Future[Outcome]] = {}

    def certificate(self, url: PinnedUrl) -> SigningCertificate:
        """The certificate behind the URL. Raises TryLater when it cannot be had now."""
        with self._lock:
            held = self._shelf.find(url, at=self._stopwatch())
            if held is not None:
                return held
            promised = self._under_way.get(url)
            is_first = promised is None
            if promised is None:
                self._shelf.admit_download(at=self._stopwatch())
                promised = self._under_way[url] = Future()
        if is_first:
            self._download(url, promised)
        return _taken(promised.result())

    def request(self, url: PinnedUrl) -> None:
        """Requests the URL for its effect, within the same ration. Raises TryLater."""
        with self._lock:
            self._shelf.admit_download(at=self._stopwatch())
        try:
            self._fetcher.fetch(url)
        except Exception as problem:
            raise _unanswered(problem) from problem

    def _download(self, url: PinnedUrl, promised: "Future[Outcome]") -> None:
        outcome: Outcome = _interrupted()
        try:
            outcome = self._kept(url, read_certificate(self._fetcher.fetch(url)))
        except Exception as problem:
            outcome = self._failed(url, problem)
        finally:
            # Also when the thread is being torn down: nobody may wait for ever.
            with self._lock:
                del self._under_way[url]
            promised.set_result(outcome)

    def _kept(self, url: PinnedUrl, certificate: SigningCertificate) -> SigningCertificate:
        with self._lock:
            self._shelf.put(url, certificate, at=self._stopwatch())
        return certificate

    def _failed(self, url: PinnedUrl, problem: Exception) -> TryLater:
        with self._lock:
            return self._shelf.put_failure(url, _reason(problem), at=self._stopwatch())


class AsyncCertificateCache:
    """The twin of `CertificateCache` for one event loop."""

    def __init__(
        self,
        *,
        fetcher: AsyncCertificateFetcher,
        limits: CacheLimits,
        stopwatch: Callable[[], float],
    ) -> None:
        self._fetcher = fetcher
        self._stopwatch = stopwatch
        self._shelf = Shelf(limits)
        self._under_way: dict[PinnedUrl, asyncio.Task[Outcome]] = {}

    async def certificate(self, url: PinnedUrl) -> SigningCertificate:
        """The certificate behind the URL. Raises TryLater when it cannot be had now."""
        held = self._shelf.find(url, at=self._stopwatch())
        if held is not None:
            return held
        task = self._under_way.get(url)
        if task is None:
            self._shelf.admit_download(at=self._stopwatch())
            task = self._under_way[url] = asyncio.create_task(self._download(url))
            task.add_done_callback(lambda _: self._under_way.pop(url, None))
        # Shielded: a request that is given up must not take the others' answer with it.
        return _taken(await asyncio.shield(task))

    async def request(self, url: PinnedUrl) -> None:
        """Requests the URL for its effect, within the same ration. Raises TryLater."""
        self._shelf.admit_download(at=self._stopwatch())
        try:
            await self._fetcher.fetch(url)
        except Exception as problem:
            raise _unanswered(problem) from problem

    async def _download(self, url: PinnedUrl) -> Outcome:
        try:
            certificate = read_certificate(await self._fetcher.fetch(url))
        except Exception as problem:
            return self._shelf.put_failure(url, _reason(problem), at=self._stopwatch())
        self._shelf.put(url, certificate, at=self._stopwatch())
        return certificate


def _taken(outcome: Outcome) -> SigningCertificate:
    if isinstance(outcome, TryLater):
        # A new one for each waiter: threads must not share one traceback.
        raise TryLater(outcome.reason, retry_after_seconds=outcome.retry_after_seconds)
    return outcome


def _reason(problem: Exception) -> str:
    known = isinstance(problem, FetchFailed | UnreadableCertificate)
    detail = str(problem) if known else type(problem).__name__
    return f"the signing certificate could not be fetched: {detail}"


def _unanswered(problem: Exception) -> TryLater:
    detail = str(problem) if isinstance(problem, FetchFailed) else type(problem).__name__
    return TryLater(f"SNS did not answer the confirmation: {detail}", retry_after_seconds=60)


def _interrupted() -> TryLater:
    return TryLater("the download of the certificate was interrupted", retry_after_seconds=1)
