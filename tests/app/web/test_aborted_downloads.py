"""A download that its reader breaks off leaves nothing behind: no complaint, no connection."""

import asyncio
import logging
import socket
import struct
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from fastapi import FastAPI
from support.browser import serving
from web_books import PASSWORD, Browser, FixedClock, WebBooks, open_books

from app.web import create_app
from app.web.shell.tables import TABLES
from billing import writing

CUSTOMERS = 12_000
SECONDS = 20


@pytest.fixture
def books(database_url: str) -> Iterator[WebBooks]:
    opened = open_books(database_url)
    columns = ("merchant_id", "external_id", "name", "kana", "email", "postal_code", "note")
    rows = [
        dict(zip(columns, ("web", f"many-{n}", "山田", "", "", "", "x" * 200), strict=True))
        for n in range(CUSTOMERS)
    ]
    writing(opened.database, lambda c: c.execute(TABLES["customer"].insert(), rows))
    for _ in range(3):
        opened.add_charge()
    yield opened
    opened.database.dispose()


def in_use(books: WebBooks, *, once_quiet: bool = True) -> int:
    """Connections that are out of the pool; once they have had time to come back."""
    pool: Any = books.database.pool
    until = time.monotonic() + SECONDS
    while once_quiet and pool.checkedout() and time.monotonic() < until:
        time.sleep(0.02)
    return int(pool.checkedout())


def begun(address: str, browser: Browser, path: str, body: bytes) -> socket.socket:
    """A download that has begun, with so small a window that the server waits for its reader."""
    where = urlsplit(address)
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.settimeout(SECONDS)
    client.connect((where.hostname, where.port))
    cookies = "; ".join(f"{each.name}={each.value}" for each in browser.cookies.jar)
    head = [
        f"POST {path} HTTP/1.1",
        f"host: {where.netloc}",
        f"cookie: {cookies}",
        "content-type: application/x-www-form-urlencoded",
        f"content-length: {len(body)}",
    ]
    client.sendall("\r\n".join([*head, "", ""]).encode() + body)
    got = b""
    while len(got) < 8_000:
        got += client.recv(2_048)
    assert got.startswith(b"HTTP/1.1 200"), got
    return client


def break_off(client: socket.socket) -> None:
    """As a browser that is closed: the connection is reset."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


async def leave_after_two_pieces(
    app: FastAPI, browser: Browser, path: str, seen: list[int]
) -> None:
    """Ask for a file, take two pieces of it, and go away."""
    left, pieces = asyncio.Event(), 0
    cookies = "; ".join(f"{each.name}={each.value}" for each in browser.cookies.jar)

    async def receive() -> dict[str, Any]:
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        nonlocal pieces
        if message["type"] == "http.response.start":
            seen.append(message["status"])
        elif message["body"]:
            pieces += 1
        if pieces == 2:
            left.set()
            await asyncio.sleep(SECONDS)  # it reads no more, and the server waits

    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"host", b"autopay.test"), (b"cookie", cookies.encode())],
        "client": ("192.0.2.1", 5000),
        "server": ("autopay.test", 80),
        "state": {},
    }
    await app(scope, receive, send)


def test_a_reader_that_goes_away_leaves_nothing_behind(
    books: WebBooks, caplog: pytest.LogCaptureFixture
) -> None:
    app = create_app(
        database=books.database,
        merchant=books.merchant,
        staff_password=PASSWORD,
        clock=FixedClock(),
    )
    owner = Browser(app)
    assert owner.log_in().status_code == 303
    caplog.set_level(logging.WARNING)
    with serving(app) as address:
        for _ in range(2):
            form = owner.form_of("/exports", "/exports")
            form |= {"kind": "customers", "encoding": "utf-8", "on_fault": "stop"}
            client = begun(address, owner, "/exports", urlencode(form).encode())
            assert in_use(books, once_quiet=False) >= 1, "it is under way"
            break_off(client)
            assert in_use(books) == 0
    for path in ("/charges.json", "/charges.csv"):
        statuses: list[int] = []
        asyncio.run(leave_after_two_pieces(app, owner, path, statuses))
        assert statuses == [200]
        assert in_use(books) == 0
    assert [record.getMessage() for record in caplog.records] == []
