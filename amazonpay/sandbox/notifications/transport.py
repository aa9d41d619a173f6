"""One POST to an endpoint: fifteen seconds altogether, no redirects, no proxy, little read."""

import asyncio
from dataclasses import dataclass
from typing import Final

import httpx

from amazonpay.sandbox.notifications.envelope import Post

TIMEOUT_SECONDS: Final = 15.0
"""SNS's own; Amazon Pay's is uncertain (ipn.md §5)."""

_MOST_READ: Final = 65_536


@dataclass(frozen=True, slots=True)
class Outcome:
    """The status of an answer, or the name of what went wrong instead."""

    status: int | None
    error: str | None = None

    @property
    def verdict(self) -> str:
        """`delivered`, `refused` (definite, not retried) or `again` (ipn.md §5)."""
        if self.status is None or self.status >= 500:
            return "again"
        return "delivered" if 200 <= self.status < 300 else "refused"


class Line:
    """The connections to all endpoints."""

    def __init__(self) -> None:
        self._client: httpx.AsyncClient | None = None

    async def send(self, url: str, post: Post) -> Outcome:
        """Sends a request; whatever goes wrong is an outcome and no exception."""
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                return Outcome(await self._exchange(url, post))
        except TimeoutError:
            return Outcome(None, "Timeout")
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            return Outcome(None, type(error).__name__)

    async def close(self) -> None:
        """Closes all connections."""
        if self._client is not None:
            await self._client.aclose()

    async def _exchange(self, url: str, post: Post) -> int:
        if self._client is None:
            self._client = await asyncio.to_thread(_client)
        async with self._client.stream(
            "POST", url, content=post.body, headers=post.headers
        ) as answer:
            # The body is of no interest, but a connection can be used again only at its end.
            size = 0
            async for chunk in answer.aiter_raw():
                size += len(chunk)
                if size > _MOST_READ:
                    break
            return answer.status_code


def _client() -> httpx.AsyncClient:
    # Made in a thread: reading the public CAs takes longer than an API call may wait.
    return httpx.AsyncClient(timeout=TIMEOUT_SECONDS, trust_env=False, follow_redirects=False)
