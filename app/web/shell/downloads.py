"""Files that are made while they are read."""

from collections.abc import Generator

from anyio import CancelScope
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

__all__ = ["Download"]


class Download(StreamingResponse):
    """A file in pieces; when its reader goes away, what makes the pieces ends there and then.

    A generator that is only left alone keeps its snapshot of the books, and its connection, until
    somebody collects it.
    """

    def __init__(
        self, pieces: Generator[bytes] | Generator[str], *, name: str, media_type: str
    ) -> None:
        named = {"content-disposition": f'attachment; filename="{name}"'}
        super().__init__(pieces, media_type=media_type, headers=named)
        self._pieces = pieces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file, and end its making however that ends."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            # It is cancelled by now, and has to wait all the same until the connection is back.
            with CancelScope(shield=True):
                await run_in_threadpool(self._pieces.close)
