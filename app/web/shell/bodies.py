"""The body of a form: read whole as far as it may go, and cut where a file is too large.

Of a file that is too large the ends are kept, so that the fields around it are there and the page
can say what is wrong with them filled in; the rest is read and forgotten. An answer before the
whole body was read would reach no browser.
"""

import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.requests import Request

__all__ = ["Body", "read_body"]

KEPT_OF_EACH_END = 131_072
# Whoever sends more than this by mistake waits for minutes: the connection ends instead.
MOST_READ = 1024 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Body:
    """What was sent. Where it was cut stands `mark`, in place of `left_out` bytes."""

    content: bytes
    mark: bytes = b""
    left_out: int = 0


async def read_body(request: Request, *, most_bytes: int, may_cut: bool) -> Body:
    """Read what was sent; raises `HTTPException` 413 for too much of it that may not be cut."""
    parts = request.stream()
    body = bytearray()
    async for part in parts:
        body += part
        if len(body) > most_bytes:
            if not may_cut:
                raise HTTPException(413)
            return await _cut(body, parts, min(KEPT_OF_EACH_END, most_bytes // 2))
    return Body(bytes(body))


async def _cut(begun: bytearray, parts: AsyncIterator[bytes], kept: int) -> Body:
    head, tail, total = bytes(begun[:kept]), begun[-kept:], len(begun)
    async for part in parts:
        total += len(part)
        if total > MOST_READ:
            raise HTTPException(413)
        tail += part
        del tail[:-kept]
    mark = secrets.token_hex(32).encode()
    return Body(head + mark + bytes(tail), mark, total - len(head) - len(tail))
