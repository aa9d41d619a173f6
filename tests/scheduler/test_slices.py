"""A slice begins so much and no more, is given up cleanly, and comes round to everybody."""

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime

import pytest
from many_merchants import Town, open_town
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from support.sandbox import Sandbox

import scheduler.run
import scheduler.slices
from billing import count_due, merchants_to_serve, reading, workers_with_open_work
from scheduler.fair import jain_index, take_turns
from scheduler.identity import dead_workers
from scheduler.slices import SenderPool, work_charges
from scheduler.worker import Worker

Open = Callable[[Mapping[str, int]], Town]


def never() -> bool:
    return False


@pytest.fixture
def opened(database_url: str, sandbox: Sandbox) -> Iterator[Open]:
    towns: list[Town] = []

    def _open(due: Mapping[str, int]) -> Town:
        towns.append(open_town(database_url, sandbox, due))
        return towns[-1]

    yield _open
    for town in towns:
        town.database.dispose()


@pytest.fixture
def pool() -> Iterator[SenderPool]:
    pool = SenderPool()
    yield pool
    pool.close()


def count(town: Town, sql: str) -> int:
    with reading(town.database) as connection:
        return int(connection.execute(text(f"SELECT COUNT(*) FROM {sql}")).scalar_one())


def test_a_slice_begins_so_many_and_says_that_there_is_more(
    opened: Open, pool: SenderPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    town = opened({"a": 25})
    monkeypatch.setattr(scheduler.slices, "SLICE", 10)
    engine = town.engine("a")
    done = []
    while work_charges(engine, pool=pool, stopping=never):
        done.append(town.paid()["a"])
    assert done == [10, 20]
    assert town.paid() == {"a": 25}
    assert count(town, "attempt WHERE state <> 'captured'") == 0


def test_a_slice_that_has_taken_its_time_says_that_there_is_more(
    opened: Open, pool: SenderPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    town = opened({"a": 40})
    monkeypatch.setattr(scheduler.slices, "SLICE_SECONDS", 0.0)
    assert work_charges(town.engine("a"), pool=pool, stopping=never)
    assert town.paid() == {}


def test_merchants_in_turn_are_served_alike(
    opened: Open, pool: SenderPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Invariant 39: small ones are done long before the giant, whichever name comes first."""
    smalls = {f"small-{n}": 4 for n in range(5)}
    town = opened({"a-giant": 60} | smalls)
    monkeypatch.setattr(scheduler.slices, "SLICE", 4)
    fleet = town.fleet()
    take_turns(
        fleet.names(), lambda name: work_charges(fleet.engine(name), pool=pool, stopping=never)
    )
    order = town.order()
    # One slice of 4 for each of the six; by then nobody small has anything left.
    first_round = [order[:24].count(name) for name in fleet.names()]
    assert jain_index(first_round) == 1.0
    assert town.paid() == {"a-giant": 60} | smalls


def test_a_slice_that_is_asked_to_stop_leaves_what_it_did_not_send(
    opened: Open, pool: SenderPool
) -> None:
    """Failure mode 56. What waits for its turn is not sent; the next run takes it at once."""
    town = opened({"a": 30})
    town.amazon.faults([{"operation": "createCharge", "kind": "slow", "seconds": 0.3, "times": 40}])
    engine = town.engine("a")
    looks = iter(range(10**6))
    assert not work_charges(engine, pool=pool, stopping=lambda: next(looks) > 12)
    unsettled = count(town, "attempt WHERE state = 'intended'")
    assert unsettled > 0
    town.amazon.clear_faults()
    assert not work_charges(engine, pool=pool, stopping=never)
    assert town.paid() == {"a": 30}


def test_what_a_failed_slice_leaves_is_taken_over_at_once(
    opened: Open, pool: SenderPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database goes away when answers are to be recorded: no lease need run out."""
    town = opened({"a": 6})
    engine = town.engine("a")
    recorded = scheduler.run.record_outcomes

    def away(*_arguments: object, **_named: object) -> None:
        raise OperationalError("COMMIT", {}, Exception("server closed the connection"))

    monkeypatch.setattr(scheduler.run, "record_outcomes", away)
    with pytest.raises(OperationalError):
        work_charges(engine, pool=pool, stopping=never)
    monkeypatch.setattr(scheduler.run, "record_outcomes", recorded)
    with reading(town.database) as connection:
        owners = workers_with_open_work(connection)
    assert dead_workers(owners) == owners != set()
    assert not work_charges(engine, pool=pool, stopping=never)
    assert town.paid() == {"a": 6}
    assert len(list(town.amazon.charges())) == 6


def test_what_is_due_is_counted_as_far_as_asked(opened: Open) -> None:
    town = opened({"a": 7, "b": 2, "nobody": 0})
    with reading(town.database) as connection:
        assert merchants_to_serve(connection) == ["a", "b", "nobody"]
        due = count_due(connection, ["a", "b", "nobody"], at=town.clock.now(), most=5)
        assert {name: work.charges for name, work in due.items()} == {"a": 5, "b": 2}
        before = datetime(2026, 11, 29, tzinfo=UTC)
        assert count_due(connection, ["a", "b"], at=before, most=5) == {}
        assert count_due(connection, ["b"], at=town.clock.now(), most=5).keys() == {"b"}


def test_one_worker_serves_every_merchant(opened: Open) -> None:
    town = opened({"a": 3, "b": 2})
    worker = Worker(town.fleet(), charge_every_seconds=1, heartbeat_seconds=0.5)
    worker.start()
    try:
        assert worker_has(lambda: town.paid() == {"a": 3, "b": 2})
    finally:
        assert worker.stop()


def worker_has(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False
