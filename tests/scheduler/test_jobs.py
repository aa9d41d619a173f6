"""What is done again and again: for each merchant, or only for those that have something for it."""

import time
from collections.abc import Callable, Iterator

import pytest
from many_merchants import Town, open_town
from sqlalchemy import insert
from support.sandbox import Sandbox

import scheduler.worker
from billing import merchants_notified, reading, writing
from billing.tables import metadata
from scheduler.jobs import JOBS, PeriodicJob
from scheduler.worker import Worker


@pytest.fixture
def town(sqlite_url: str, sandbox: Sandbox) -> Iterator[Town]:
    town = open_town(sqlite_url, sandbox, {"a": 0, "b": 0})
    yield town
    town.database.dispose()


def until(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and not condition():
        time.sleep(0.05)
    return condition()


def test_jobs_have_names_of_their_own_and_a_rhythm() -> None:
    names = [job.name for job in JOBS]
    assert len(names) == len(set(names))
    assert not {"charge", "charges", "refunds", "deliver", "rescue"} & set(names)
    assert all(job.every_seconds >= 1 for job in JOBS)


def test_a_job_is_done_for_the_merchants_that_want_it_and_its_failure_stops_nothing(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    def fails(*_arguments: object) -> None:
        done.append("fails")
        raise RuntimeError("planted")

    jobs = (
        PeriodicJob("fails", 1, fails),
        PeriodicJob("all", 1, lambda engine, _: done.append(f"all {engine.merchant.id}")),
        PeriodicJob(
            "one",
            1,
            lambda engine, _: done.append(f"one {engine.merchant.id}"),
            wanted_by=lambda _connection, _at: {"b", "elsewhere"},
        ),
    )
    monkeypatch.setattr(scheduler.worker, "JOBS", jobs)
    worker = Worker(town.fleet())
    worker.start()
    try:
        assert until(lambda: {"all a", "all b", "one b"} <= set(done) and done.count("fails") > 2)
    finally:
        assert worker.stop()
    assert set(done) == {"all a", "all b", "one b", "fails"}


def test_merchants_with_a_notification_to_look_into(town: Town) -> None:
    now = town.clock.now()
    row = {
        "merchant_id": "b",
        "message_id": "m-1",
        "kind": "change",
        "topic_arn": "t",
        "sent_at": now,
        "received_at": now,
        "state": "waiting",
        "look_at": now,
        "tries": 0,
    }
    table = metadata.tables["notification"]
    writing(town.database, lambda c: c.execute(insert(table).values(row)) and None)
    done = row | {"merchant_id": "a", "message_id": "m-2", "state": "done"}
    writing(town.database, lambda c: c.execute(insert(table).values(done)) and None)
    with reading(town.database) as connection:
        assert merchants_notified(connection, at=now) == {"b"}
