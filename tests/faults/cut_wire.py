"""A wire between one machine and its PostgreSQL that can be cut, also in the middle of a COMMIT."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Coroutine
from typing import Any, Literal, Self

from sqlalchemy import URL

Moment = Literal["before", "after"]
# The message with which a client asks for a commit: kind Q, its length, the words.
COMMIT = b"Q\x00\x00\x00\x0bCOMMIT\x00"


class Wire:
    """A TCP port on loopback that leads to the server of `url`."""

    def __init__(self, url: URL) -> None:
        self._url = url
        self._links: set[_Link] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self.commits_cut = 0
        self.waits_for: Moment | None = None
        self._skip = 0
        self.dead_until = 0.0
        self._listener = socket.create_server(("127.0.0.1", 0))

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = self._call(asyncio.start_server(self._connected, sock=self._listener))
        return self

    def __exit__(self, *_error: object) -> None:
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._listener.close()

    @property
    def url(self) -> str:
        """The same database through this wire."""
        port = self._listener.getsockname()[1]
        here = self._url.set(host="127.0.0.1", port=port, query={})
        return here.render_as_string(hide_password=False)

    def cut(self) -> None:
        """Break every connection now; new ones may be made."""
        self._call(self._cut())

    def cut_next_commit(self, moment: Moment, *, skip: int = 0) -> None:
        """Break the next connection that commits: before the server hears of it, or after it has
        committed and before the client hears that. So many commits may pass before."""
        self.waits_for, self._skip = moment, skip

    def strikes(self, data: bytes) -> Moment | None:
        """The moment at which to break the connection that sends this, if it is to be."""
        if self.waits_for is None or COMMIT not in data:
            return None
        if self._skip > 0:
            self._skip -= 1
            return None
        moment, self.waits_for = self.waits_for, None
        self.commits_cut += 1
        return moment

    def swallow(self, seconds: float) -> None:
        """Let nothing through for so long, in neither direction: the machine is cut off."""
        self._call(self._swallow(seconds))

    def _call(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=10)

    async def _close(self) -> None:
        self.dead_until = 0.0
        self._server.close()
        await self._cut()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _cut(self) -> None:
        for link in list(self._links):
            link.cut()

    async def _swallow(self, seconds: float) -> None:
        self.dead_until = self._loop.time() + seconds

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self.pause()
        try:
            server = await self._open()
        except OSError:
            writer.close()
            return
        link = _Link(self, (reader, writer), server)
        self._links.add(link)
        try:
            await link.run()
        finally:
            self._links.discard(link)

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        folder = self._url.query.get("host")
        if isinstance(folder, str):
            return await asyncio.open_unix_connection(f"{folder}/.s.PGSQL.5432")
        return await asyncio.open_connection(self._url.host, self._url.port or 5432)

    async def pause(self) -> None:
        """Return when the wire lets something through."""
        while (left := self.dead_until - self._loop.time()) > 0:
            await asyncio.sleep(left)


class _Link:
    """One connection: what comes in on one side goes out on the other."""

    def __init__(
        self,
        wire: Wire,
        client: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        server: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        self._wire, self._client, self._server = wire, client, server
        self._deaf = False

    async def run(self) -> None:
        tasks = [asyncio.create_task(self._there()), asyncio.create_task(self._back())]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        self.cut()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _there(self) -> None:
        while data := await self._client[0].read(65_536):
            await self._wire.pause()
            moment = self._wire.strikes(data)
            if moment == "before":
                return
            self._deaf = moment == "after"
            self._server[1].write(data)
            await self._server[1].drain()

    async def _back(self) -> None:
        while data := await self._server[0].read(65_536):
            if self._deaf:
                return
            await self._wire.pause()
            self._client[1].write(data)
            await self._client[1].drain()

    def cut(self) -> None:
        """Break it with a reset, as a network does that has lost its mind."""
        for _, writer in (self._client, self._server):
            with contextlib.suppress(Exception):
                writer.transport.abort()
