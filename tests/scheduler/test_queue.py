"""Errands are put in with their cause, once, and go to others when their worker is silent."""

import hashlib
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from procrastinate.schema import SchemaManager
from sqlalchemy import Engine, text
from support.schema import at_head

from billing import open_engine, reading, writing
from scheduler.queue import Errand, QueueWorker, give, queue_of

CHARGES = Errand("charges", "shop")


@pytest.fixture
def engine(postgres_url: str) -> Iterator[Engine]:
    engine = open_engine(postgres_url)
    at_head(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def start(engine: Engine) -> Iterator[Callable[..., QueueWorker]]:
    """Start workers of the queue that beat five times a second; they end with the test."""
    started: list[QueueWorker] = []

    def _start(work: Callable[[Errand, int], None], **options: object) -> QueueWorker:
        settings = {"at_once": 1, "heartbeat_seconds": 0.2} | options
        started.append(QueueWorker(engine, work=work, **settings))
        started[-1].start()
        return started[-1]

    yield _start
    for worker in started:
        worker.stop()


def put(engine: Engine, *errands: Errand, besides: int = 0) -> list[Errand]:
    return writing(engine, lambda c: give(c, errands, besides=besides))


def jobs(engine: Engine) -> list[tuple[str, str]]:
    with reading(engine) as connection:
        found = text("SELECT queueing_lock, status::text FROM procrastinate_jobs ORDER BY id")
        return [tuple(row) for row in connection.execute(found)]


def until(condition: Callable[[], bool], *, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def test_the_schema_of_the_library_is_the_one_that_was_migrated_to() -> None:
    """A newer procrastinate may want other tables. Then its own files of changes, which say from
    which version they lead, go into a migration of ours; after that the new digest belongs here."""
    digest = hashlib.sha256(SchemaManager.get_schema().encode()).hexdigest()
    assert digest[:16] == "c70ec4b400a60ad9"


def test_an_errand_is_put_in_with_its_cause_or_not_at_all(engine: Engine) -> None:
    def fails(connection: object) -> None:
        give(connection, [CHARGES])
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError):
        writing(engine, fails)
    assert jobs(engine) == []
    assert put(engine, CHARGES) == [CHARGES]
    assert jobs(engine) == [("charges/shop/0", "todo")]


def test_errands_do_not_pile_up(engine: Engine) -> None:
    other = Errand("charges", "shop", 1)
    assert put(engine, CHARGES) == [CHARGES]
    assert put(engine, CHARGES, other) == [other]
    assert [name for name, _ in jobs(engine)] == ["charges/shop/0", "charges/shop/1"]


def test_givers_at_the_same_moment_put_each_errand_in_once(engine: Engine) -> None:
    errands = [Errand("charges", f"m{n}") for n in range(6)]
    start = threading.Barrier(4)
    given: list[Errand] = []

    def giver() -> None:
        start.wait(timeout=10)
        given.extend(put(engine, *errands))

    threads = [threading.Thread(target=giver) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sorted(e.name for e in given) == [e.name for e in errands]
    assert len(jobs(engine)) == 6


def test_first_lanes_come_first_whatever_was_put_in_before(
    engine: Engine, start: Callable[..., QueueWorker]
) -> None:
    put(engine, Errand("charges", "giant"), Errand("charges", "giant", 1))
    put(engine, Errand("charges", "small"))
    done: list[str] = []
    start(lambda errand, _: done.append(errand.name))
    until(lambda: len(done) == 3)
    assert done == ["charges/giant/0", "charges/small/0", "charges/giant/1"]
    until(lambda: jobs(engine) == [])


def test_an_errand_with_more_to_do_goes_to_the_end(
    engine: Engine, start: Callable[..., QueueWorker]
) -> None:
    put(engine, Errand("charges", "a"), Errand("charges", "b"))
    done: list[str] = []

    def work(errand: Errand, job_id: int) -> None:
        done.append(errand.merchant_id)
        if done.count(errand.merchant_id) < 3:
            assert put(engine, errand) == []  # its own job still counts
            assert put(engine, errand, besides=job_id) == [errand]

    start(work)
    until(lambda: len(done) == 6)
    assert done == ["a", "b", "a", "b", "a", "b"]


def test_a_worker_of_one_merchant_leaves_the_others_alone(
    engine: Engine, start: Callable[..., QueueWorker]
) -> None:
    put(engine, Errand("charges", "a"), Errand("charges", "b"))
    done: list[str] = []
    start(lambda errand, _: done.append(errand.merchant_id), queues=[queue_of("b")])
    until(lambda: done == ["b"])
    assert jobs(engine) == [("charges/a/0", "todo")] or jobs(engine)[0][0] == "charges/a/0"


def test_what_a_silent_worker_holds_is_given_to_another_one(
    engine: Engine, start: Callable[..., QueueWorker]
) -> None:
    """A row as a worker leaves it that was killed with an errand in hand."""
    put(engine, CHARGES)
    holds = text(
        "WITH dead AS (INSERT INTO procrastinate_workers (last_heartbeat) "
        "VALUES (now() - interval '1 minute') RETURNING id) "
        "UPDATE procrastinate_jobs SET status = 'doing', worker_id = dead.id FROM dead"
    )
    writing(engine, lambda c: c.execute(holds) and None)
    done: list[str] = []
    start(lambda errand, _: done.append(errand.name))
    until(lambda: done == ["charges/shop/0"])
    until(lambda: jobs(engine) == [])


def test_a_worker_that_is_stopped_finishes_what_it_has(
    engine: Engine, start: Callable[..., QueueWorker]
) -> None:
    put(engine, CHARGES)
    began, done = threading.Event(), []

    def work(errand: Errand, _job: int) -> None:
        began.set()
        time.sleep(0.5)
        done.append(errand.name)

    worker = start(work)
    assert began.wait(20)
    worker.stop()
    assert done == ["charges/shop/0"]
    assert jobs(engine) == []
