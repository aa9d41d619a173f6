"""Workers where a small fault would keep a merchant waiting, or send with keys of yesterday."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from many_merchants import open_town
from procrastinate import App
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError
from support.sandbox import Sandbox
from support.schema import at_head

from billing import open_engine, reading, writing
from billing.store.environment import NotThisEnvironment
from scheduler.deliveries import deliver_all
from scheduler.engine import BillingEngine
from scheduler.fleet import REREAD_SECONDS, AllMerchants, OneMerchant
from scheduler.jobs import JOBS
from scheduler.queue import Errand, _connector, _rescue, give
from scheduler.slices import SenderPool
from scheduler.ticks import won

SLOT = datetime(2026, 11, 22, 0, 0, tzinfo=UTC)
FIRST, SECOND = Errand("charges", "a"), Errand("charges", "b")


@pytest.fixture
def books(postgres_url: str) -> Iterator[Engine]:
    engine = open_engine(postgres_url)
    at_head(engine)
    yield engine
    engine.dispose()


def put(books: Engine, errand: Errand, *, besides: int = 0) -> None:
    assert writing(books, lambda c: give(c, [errand], besides=besides)) == [errand]


def in_the_hands_of_the_dead(books: Engine) -> None:
    """A worker that beat an hour ago works on every errand that waits."""
    with books.begin() as connection:
        for sql in (
            "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (NOW() - INTERVAL '1 hour')",
            "UPDATE procrastinate_jobs SET status = 'doing',"
            " worker_id = (SELECT MAX(id) FROM procrastinate_workers)",
        ):
            connection.execute(text(sql))


async def rescue(books: Engine) -> None:
    async with App(connector=_connector(books)).open_async() as app:
        await _rescue(app, silent_seconds=15)


def test_an_errand_that_was_given_again_keeps_no_other_from_being_rescued(books: Engine) -> None:
    """Its worker put it at the end of the queue and fell silent before it let go of it."""
    put(books, FIRST)
    put(books, SECOND)
    in_the_hands_of_the_dead(books)
    with reading(books) as connection:
        job = connection.execute(text("SELECT MIN(id) FROM procrastinate_jobs")).scalar_one()
    put(books, FIRST, besides=job)
    asyncio.run(rescue(books))
    with reading(books) as connection:
        rows = connection.execute(
            text("SELECT queueing_lock, status::text FROM procrastinate_jobs ORDER BY 1")
        )
        assert [tuple(row) for row in rows] == [(FIRST.name, "todo"), (SECOND.name, "todo")]


def test_senders_of_an_engine_that_was_made_again_are_new(
    database_url: str, sandbox: Sandbox
) -> None:
    """Its merchant may have replaced its keys: what the old ones sign is refused."""
    town = open_town(database_url, sandbox, {"a": 1})
    engine, pool = town.engine("a"), SenderPool()
    with pool.borrowed(engine) as first:
        pass
    with pool.borrowed(engine) as again:
        assert again is first
    with pool.borrowed(replace(engine)) as other:
        assert other is not first
    pool.close()
    town.database.dispose()


def test_a_database_that_is_away_takes_no_merchant_from_the_fleet(
    database_url: str, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    town = open_town(database_url, sandbox, {"a": 1})
    away: list[bool] = [False]

    def start(merchant_id: str) -> BillingEngine:
        if away[0]:
            raise OperationalError("SELECT", {}, Exception("the connection was cut"))
        return town.engine(merchant_id)

    fleet = AllMerchants(town.database, town.clock, start)
    before = fleet.engine("a")
    away[0] = True
    moment = monkeypatch_moment(monkeypatch)
    moment[0] += REREAD_SECONDS
    assert before is not None
    assert fleet.engine("a") is before
    away[0] = False
    after = fleet.engine("a")
    assert after is not None
    assert after is not before
    town.database.dispose()


def monkeypatch_moment(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A monotonic clock that stands still until the test moves it on."""
    from time import monotonic

    moment = [monotonic()]
    monkeypatch.setattr("scheduler.fleet.time.monotonic", lambda: moment[0])
    return moment


@pytest.mark.parametrize(
    ("ahead", "wins"), [(timedelta(minutes=10), False), (timedelta(hours=5), True)]
)
def test_a_fast_clock_does_not_stand_in_the_way_for_long(
    books: Engine, ahead: timedelta, wins: bool
) -> None:
    """Ticks of a minute: what is ten of them ahead may be a quick worker, five hours are none."""
    minute: dict[str, Any] = {"job": "charge", "every_seconds": 60}
    assert won(books, slot=SLOT + ahead, worker_id="fast", **minute)
    assert won(books, slot=SLOT, worker_id="right", **minute) is wins


@pytest.mark.parametrize("name", ["shipments", "janitor"])
def test_a_long_job_ends_when_its_worker_does(name: str) -> None:
    """And after a while, so that it does not keep a place where charges could be worked on."""

    class Engine:
        asked: tuple[bool, ...] = ()

        def settle_shipments(self, *, stopping: Any) -> None:
            self.asked = (stopping(),)

        clear_doubts = settle_shipments

    (job,) = [job for job in JOBS if job.name == name]
    engine = Engine()
    job.run(engine, lambda: True)  # type: ignore[arg-type] # a double
    assert engine.asked == (True,)
    job.run(engine, lambda: False)  # type: ignore[arg-type] # a double
    assert engine.asked == (False,)


def test_a_copy_of_the_books_writes_to_nobody(
    database_url: str, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    town = open_town(database_url, sandbox, {"a": 1})

    class Elsewhere:
        def compare(self, _merchant: object) -> None:
            raise NotThisEnvironment("these books belong to another environment")

    class Ways:
        def of(self, *_arguments: object, **_named: object) -> None:
            raise AssertionError("nothing is sent from here")

    guarded = replace(town.engine("a"), guard=Elsewhere())
    deliver_all(Ways(), OneMerchant(guarded), stopping=lambda: False)  # type: ignore[arg-type] # doubles
    assert "belong to another environment" in caplog.text
    assert "nothing is sent" not in caplog.text
    town.database.dispose()
