"""Who does not beat is dead to other machines; on SQLite nobody asks."""

import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import Engine, text

from app.migrations import migrate
from billing import open_engine, reading, writing
from scheduler.heartbeat import FORGET_AFTER, SILENT_BEATS, Heart, silent_workers
from scheduler.identity import this_worker

ELSEWHERE = "machine-2~0/7/1"


@pytest.fixture
def engine(postgres_url: str) -> Iterator[Engine]:
    engine = open_engine(postgres_url)
    migrate(engine)
    yield engine
    engine.dispose()


def last_beat(engine: Engine, worker: str, ago: timedelta) -> None:
    """As if a worker had been alive until so long ago (or from now on, if negative)."""
    row = {"id": worker, "ago": ago}
    statement = text("INSERT INTO worker VALUES (:id, now(), now() - CAST(:ago AS interval))")
    writing(engine, lambda c: c.execute(statement, row) and None)


def workers(engine: Engine) -> list[str]:
    with reading(engine) as connection:
        return list(connection.execute(text("SELECT id FROM worker ORDER BY id")).scalars())


def test_a_worker_of_another_machine_is_dead_when_its_time_is_over(engine: Engine) -> None:
    last_beat(engine, ELSEWHERE, timedelta(seconds=1))
    last_beat(engine, "machine-3~0/7/1", timedelta(seconds=-10))
    asked = [ELSEWHERE, f"{ELSEWHERE}#4", "machine-3~0/7/1", "machine-3~0/7/1#2"]
    assert silent_workers(engine, asked) == {ELSEWHERE, f"{ELSEWHERE}#4"}


def test_of_a_worker_that_never_beat_nothing_is_known(engine: Engine) -> None:
    assert silent_workers(engine, ["a/1/2", ""]) == set()
    assert silent_workers(engine, []) == set()


def test_a_heart_beats_until_it_is_stopped(engine: Engine) -> None:
    beat = 0.2
    heart = Heart(engine, every_seconds=beat)
    heart.start()
    try:
        time.sleep(beat * SILENT_BEATS * 2)  # one beat alone would not last as long
        assert silent_workers(engine, [this_worker()]) == set()
    finally:
        heart.stop()
    assert silent_workers(engine, [this_worker()]) == {this_worker()}


def test_a_worker_that_ended_long_ago_is_forgotten(engine: Engine) -> None:
    last_beat(engine, ELSEWHERE, FORGET_AFTER + timedelta(hours=1))
    last_beat(engine, "machine-3~0/7/1", FORGET_AFTER - timedelta(hours=1))
    heart = Heart(engine)
    heart.start()
    heart.stop()
    assert workers(engine) == ["machine-3~0/7/1", this_worker()]


def test_a_heart_goes_on_when_the_database_was_away(engine: Engine) -> None:
    heart = Heart(engine, every_seconds=0.1)
    writing(engine, lambda c: c.execute(text("ALTER TABLE worker RENAME TO away")) and None)
    heart.start()
    writing(engine, lambda c: c.execute(text("ALTER TABLE away RENAME TO worker")) and None)
    time.sleep(0.5)
    found = workers(engine)
    heart.stop()
    assert found == [this_worker()]


def test_on_sqlite_nothing_beats(sqlite_url: str) -> None:
    engine = open_engine(sqlite_url)
    migrate(engine)
    heart = Heart(engine)
    heart.start()
    heart.stop()
    assert workers(engine) == []
    assert silent_workers(engine, [this_worker()]) == set()
    engine.dispose()
