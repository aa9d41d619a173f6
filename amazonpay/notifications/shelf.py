"""Which certificates are at hand, which could not be had, and how many may still be fetched.

A download happens before anybody knows whether the notification is genuine. So downloads are
rationed, failures are remembered for a while, and only readable certificates take up room.
Times are readings of a stop-watch in seconds. No I/O and no locks: the two caches add those.
"""

from collections import OrderedDict, deque
from dataclasses import dataclass
from math import ceil
from typing import Final

from amazonpay.errors import InvalidArgument
from amazonpay.notifications.certificates import SigningCertificate
from amazonpay.notifications.errors import TryLater
from amazonpay.notifications.urls import PinnedUrl

_MINUTE: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheLimits:
    """How many certificates are kept and for how long, and how many downloads a minute may have.

    Raises InvalidArgument for a limit below one.
    """

    max_entries: int = 16
    lifetime_seconds: int = 86_400
    failure_seconds: int = 60
    downloads_per_minute: int = 10

    def __post_init__(self) -> None:
        for name in ("max_entries", "lifetime_seconds", "failure_seconds", "downloads_per_minute"):
            if getattr(self, name) < 1:
                raise InvalidArgument(name, getattr(self, name), "at least 1", "Use the default")


class Shelf:
    """Certificates by URL, the least recently used leaves first; and the ration of downloads."""

    def __init__(self, limits: CacheLimits) -> None:
        self._limits = limits
        self._certificates: OrderedDict[PinnedUrl, tuple[SigningCertificate, float]] = OrderedDict()
        self._failures: OrderedDict[PinnedUrl, tuple[str, float]] = OrderedDict()
        self._downloads: deque[float] = deque()

    def find(self, url: PinnedUrl, *, at: float) -> SigningCertificate | None:
        """The certificate at hand. Raises TryLater while a failure of this URL is fresh."""
        held = self._certificates.get(url)
        if held is not None and at < held[1]:
            self._certificates.move_to_end(url)
            return held[0]
        failed = self._failures.get(url)
        if failed is not None and at < failed[1]:
            raise TryLater(failed[0], retry_after_seconds=ceil(failed[1] - at))
        return None

    def admit_download(self, *, at: float) -> None:
        """Counts one download. Raises TryLater when this minute's ration is used up."""
        while self._downloads and self._downloads[0] <= at - _MINUTE:
            self._downloads.popleft()
        if len(self._downloads) >= self._limits.downloads_per_minute:
            raise TryLater(
                f"{self._limits.downloads_per_minute} downloads within a minute: more would let "
                "strangers use this server for requests of theirs",
                retry_after_seconds=ceil(self._downloads[0] + _MINUTE - at),
            )
        self._downloads.append(at)

    def put(self, url: PinnedUrl, certificate: SigningCertificate, *, at: float) -> None:
        """Keeps a certificate for its lifetime, or until others have been used more recently."""
        self._failures.pop(url, None)
        self._certificates[url] = (certificate, at + self._limits.lifetime_seconds)
        self._certificates.move_to_end(url)
        if len(self._certificates) > self._limits.max_entries:
            self._certificates.popitem(last=False)

    def put_failure(self, url: PinnedUrl, reason: str, *, at: float) -> TryLater:
        """Remembers that the file could not be had; gives the error to raise."""
        self._certificates.pop(url, None)
        self._failures[url] = (reason, at + self._limits.failure_seconds)
        self._failures.move_to_end(url)
        if len(self._failures) > self._limits.max_entries:
            self._failures.popitem(last=False)
        return TryLater(reason, retry_after_seconds=self._limits.failure_seconds)
