"""One worker acts on a tick, however many hear it."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text
from support.schema import at_head

from billing import open_engine, reading
from scheduler.ticks import won

SLOT = datetime(2026, 11, 22, 0, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = open_engine(database_url)
    at_head(engine)
    yield engine
    engine.dispose()


def wins(engine: Engine, worker: str, slot: datetime = SLOT, job: str = "watch") -> bool:
    return won(engine, job=job, slot=slot, worker_id=worker, every_seconds=3600)


def rows(engine: Engine) -> int:
    with reading(engine) as connection:
        return connection.execute(text("SELECT COUNT(*) FROM tick")).scalar_one()


def test_the_first_worker_wins_and_stays_the_winner(engine: Engine) -> None:
    assert wins(engine, "a")
    assert not wins(engine, "b")
    assert wins(engine, "a")


def test_jobs_and_slots_are_won_apart(engine: Engine) -> None:
    assert wins(engine, "a")
    assert wins(engine, "b", job="another")
    assert wins(engine, "b", SLOT + HOUR)
    assert not wins(engine, "a", SLOT + HOUR)


def test_the_table_does_not_grow(engine: Engine) -> None:
    for n in range(20):
        assert wins(engine, f"w{n % 3}", SLOT + n * HOUR)
    assert rows(engine) == 1


def test_a_worker_that_comes_late_does_not_win_an_old_tick_again(engine: Engine) -> None:
    assert wins(engine, "a", SLOT)
    assert wins(engine, "b", SLOT + HOUR)
    assert not wins(engine, "c", SLOT)
    assert rows(engine) == 1
    assert not wins(engine, "c", SLOT + HOUR)


def test_one_winner_among_many_threads(engine: Engine) -> None:
    workers, ticks = 6, 8
    start = threading.Barrier(workers)
    winners: list[tuple[int, str]] = []

    def worker(name: str) -> None:
        for n in range(ticks):
            start.wait(timeout=30)
            if wins(engine, name, SLOT + n * HOUR):
                winners.append((n, name))

    threads = [threading.Thread(target=worker, args=(f"w{n}",)) for n in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sorted(n for n, _ in winners) == list(range(ticks))
    assert rows(engine) == 1
