"""No page reads more because the shop has more years behind it; every GET page of the router.

Held by counting what the databases read, not by the clock of a busy machine.
"""

import asyncio
import math
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from prepared import migrated
from sqlalchemy import Engine, text
from support.postgres import fresh_database
from work_counted import reads_counted

from app.web import create_app
from app.web.shell import remembered
from billing import load_merchant, reading, refresh_statistics
from scheduler import SystemClock
from scripts.benchmarks.pages_addresses import PASSWORD, Walk, prepare_walk
from scripts.benchmarks.pages_books import MERCHANT, PageBooks, write_page_books

SUBSCRIPTIONS = 60
# A year and what the charts look back; then so many years more.
MONTHS, MANY_MONTHS = 14, 62
# Taller trees of an index, the same lists from other places of them, four years of one agreement.
MORE_AT_MOST = 1.6
A_FEW = {"sqlite": 400, "postgresql": 800}  # tens of steps; rows
# One customer's whole history; files, which hold all of it.
GROWING = (".csv", ".json", "?steps=all")
SMALL = 100_000


@pytest.fixture(
    scope="module",
    params=[
        pytest.param("sqlite", id="sqlite"),
        pytest.param("postgresql", id="postgresql", marks=pytest.mark.nightly),
    ],
)
def books(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Engine, Engine]]:
    """Young and old books with as many subscriptions and as many charges a month."""
    if request.param == "sqlite":
        folder: Path = tmp_path_factory.mktemp("cost")
        with (
            migrated(f"sqlite:///{folder / 'young.db'}") as young,
            migrated(f"sqlite:///{folder / 'old.db'}") as old,
        ):
            yield _filled(young, MONTHS), _filled(old, MANY_MONTHS)
        return
    server = request.getfixturevalue("postgres_server")
    with (
        fresh_database(server) as young_url,
        fresh_database(server) as old_url,
        migrated(young_url) as young,
        migrated(old_url) as old,
    ):
        yield _filled(young, MONTHS), _filled(old, MANY_MONTHS)


def _filled(database: Engine, months: int) -> Engine:
    now = datetime.now(UTC).replace(hour=3, minute=0, second=0, microsecond=0)
    write_page_books(database, PageBooks(SUBSCRIPTIONS, months, now))
    refresh_statistics(database)
    if database.dialect.name == "postgresql":
        _by_index(database)
    return database


def _by_index(database: Engine) -> None:
    """Small tables are rightly read whole, and large ones are too much for a test."""
    with database.begin() as connection:
        for habit in ("seqscan", "hashjoin", "mergejoin"):
            connection.execute(
                text(f'ALTER DATABASE "{database.url.database}" SET enable_{habit} = off')
            )
    database.dispose()


def reads_by_page(database: Engine, walk: Walk) -> list[tuple[str, int, int]]:
    """Address, reads and bytes of each page; ids differ between books, places do not."""
    with reading(database) as connection:
        merchant = load_merchant(connection, MERCHANT)
    app = create_app(
        database=database, merchant=merchant, staff_password=PASSWORD, clock=SystemClock()
    )
    app.state.shell.warm.ask()
    with reads_counted(database) as count:
        return asyncio.run(_walked(app, walk, count))


async def _walked(app: FastAPI, walk: Walk, count: list[int]) -> list[tuple[str, int, int]]:
    found: list[tuple[str, int, int]] = []
    transport = httpx.ASGITransport(app, client=("192.0.2.1", 5000))
    async with httpx.AsyncClient(transport=transport, base_url="http://autopay.test") as client:
        token = re.search(r'name="form_token" value="(\w+)"', (await client.get("/login")).text)
        assert token
        fields = {"form_token": token[1], "user": "staff", "password": PASSWORD}
        assert (await client.post("/login", data=fields)).status_code == 303
        client.cookies.set("autopay_my", walk.customer_session)
        for page in walk.pages:
            before = count[0]
            answer = await client.get(page.address)
            assert answer.status_code in (200, 303, 404, 422), page.address
            size = 0 if page.is_file else len(answer.content)
            found.append((page.address, count[0] - before, size))
    return found


def test_no_page_reads_the_years_behind_it(
    books: tuple[Engine, Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    # What took long on a busy machine would be kept in one of the books and read in the other.
    monkeypatch.setattr(remembered, "QUICK_SECONDS", math.inf)
    a_few = A_FEW[books[0].dialect.name]
    young, old = (reads_by_page(database, prepare_walk(database)) for database in books)
    assert len(young) == len(old) > 90
    assert sum(reads for _, reads, _ in old) > 1_000  # it was counted
    grown = [
        f"{address}: {reads} before, {later} with 4 years more"
        for (address, reads, _), (_, later, _) in zip(young, old, strict=True)
        if not any(word in address for word in GROWING) and later > reads * MORE_AT_MOST + a_few
    ]
    assert grown == []
    assert [address for address, _, size in old if size > SMALL] == []
