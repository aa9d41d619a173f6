"""How long a connection waits for its client; the loop's time is given, nobody waits for it."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from amazonpay.sandbox import protocol
from amazonpay.sandbox.protocol import Connection

GET = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"


class House:
    """A server in this process: its connections, and a door that holds answers back."""

    def __init__(self) -> None:
        self.state = ServerState()
        self.door = asyncio.Event()
        self.port = 0
        self._writers: list[asyncio.StreamWriter] = []

    async def application(self, scope: Any, receive: Any, send: Any) -> None:
        while (message := await receive()).get("more_body"):
            pass
        if message["type"] == "http.disconnect":
            return
        await self.door.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    @property
    def connections(self) -> list[Connection]:
        return [c for c in self.state.connections if isinstance(c, Connection)]

    async def visit(self, words: bytes = b"") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A client that has said something, which the server has heard."""
        before = set(self.connections)
        reader, writer = await self.knock()
        writer.write(words)
        while not (new := set(self.connections) - before):
            await asyncio.sleep(0)
        connection = new.pop()
        for _ in range(200):
            if not words or connection._phase != "between" or connection.cycle is not None:
                break
            await asyncio.sleep(0.005)
        return reader, writer

    async def knock(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A client that has not been let in yet."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        self._writers.append(writer)
        return reader, writer

    async def leave(self) -> None:
        """Every client goes."""
        self.door.set()
        for writer in self._writers:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    def later(self, seconds: float) -> None:
        """What the sweep of the server does that many seconds from now."""
        for connection in self.connections:
            connection.expire(asyncio.get_running_loop().time() + seconds)


@asynccontextmanager
async def opened() -> AsyncIterator[House]:
    house = House()
    config = uvicorn.Config(
        house.application, interface="asgi3", log_config=None, ws="none", lifespan="off"
    )
    config.load()
    factory = partial(Connection, config=config, server_state=house.state, app_state={})
    server = await asyncio.get_running_loop().create_server(factory, "127.0.0.1", 0)
    house.port = server.sockets[0].getsockname()[1]
    try:
        yield house
    finally:
        await house.leave()
        for connection in house.connections:
            connection.transport.abort()
        server.close()
        await asyncio.sleep(0.02)


def run(scenario: Callable[[House], Awaitable[None]]) -> None:
    async def in_a_house() -> None:
        async with opened() as house, asyncio.timeout(20):
            await scenario(house)

    asyncio.run(in_a_house())


async def last_word(reader: asyncio.StreamReader) -> tuple[int, str]:
    """Status and reason code of what the server says before it ends."""
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    assert b"x-amz-pay-request-id: " in head
    return int(head.split(b" ")[1]), json.loads(body)["reasonCode"]


@pytest.mark.parametrize(
    ("words", "limit"),
    [
        pytest.param(b"GET / HT", protocol.HEAD_SECONDS, id="headers"),
        pytest.param(
            b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nab",
            protocol.BODY_SECONDS,
            id="body",
        ),
    ],
)
def test_a_request_that_does_not_become_complete_is_408(words: bytes, limit: int) -> None:
    async def scenario(house: House) -> None:
        reader, _ = await house.visit(words)
        house.later(limit - 1)
        assert len(house.connections) == 1
        assert not house.connections[0]._deaf
        house.later(limit + 1)
        assert await last_word(reader) == (408, "RequestTimeout")

    run(scenario)


@pytest.mark.parametrize("words", [b"", GET], ids=["from the start", "after an answer"])
def test_an_idle_connection_is_closed_without_a_word(words: bytes) -> None:
    async def scenario(house: House) -> None:
        house.door.set()
        reader, _ = await house.visit(words)
        if words:
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
            await asyncio.sleep(0.02)
        house.later(protocol.IDLE_SECONDS - 1)
        assert len(house.connections) == 1
        house.later(protocol.IDLE_SECONDS + 1)
        assert b"reasonCode" not in await reader.read()

    run(scenario)


def test_a_request_that_is_being_answered_has_all_the_time() -> None:
    async def scenario(house: House) -> None:
        reader, _ = await house.visit(GET)
        house.later(100_000)
        house.door.set()
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")

    run(scenario)


def test_a_half_closed_connection_waits_for_its_answer_but_not_for_ever() -> None:
    async def scenario(house: House) -> None:
        reader, writer = await house.visit(GET)
        writer.write_eof()
        await asyncio.sleep(0.05)
        house.later(protocol.HALF_CLOSED_SECONDS - 1)
        assert len(house.connections) == 1
        house.later(protocol.HALF_CLOSED_SECONDS + 1)
        with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
            await reader.readexactly(1)

    run(scenario)


def test_newcomers_push_out_those_who_wait_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Connection, "most_connections", 3)
    monkeypatch.setattr(protocol, "_CUT_AT_ONCE", 1)

    async def scenario(house: House) -> None:
        busy = await house.visit(GET)
        idle = await house.visit()
        slow = await house.visit(b"GET / HT")
        late = await house.visit(GET)
        with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
            await idle[0].readexactly(1)
        house.door.set()
        for reader, _ in (busy, late):
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
        slow[1].write(b"TP/1.1\r\nhost: x\r\n\r\n")
        assert (await slow[0].readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")

    run(scenario)


def test_when_all_are_being_answered_the_newcomer_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Connection, "most_connections", 2)

    async def scenario(house: House) -> None:
        busy = [await house.visit(GET) for _ in range(2)]
        reader, _ = await house.knock()
        assert await last_word(reader) == (503, "ServiceUnavailable")
        house.door.set()
        for earlier, _ in busy:
            assert (await earlier.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")

    run(scenario)
