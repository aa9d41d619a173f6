"""The stage itself: tape, virtual time, processes that die, books that survive them, the oracle."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from billing import checkpoints, writing
from simulation import sometimes
from simulation.amazon import Amazon
from simulation.calendar import SOLD, start_of
from simulation.store import Store, open_store
from simulation.tape import Tape
from simulation.world import SECOND, Process, World

START = datetime(2027, 1, 1, tzinfo=UTC)


def test_a_tape_plays_again_what_it_took() -> None:
    first = Tape(seed=7)
    taken = [first.choose("a", 5, permille=300) for _ in range(200)]
    again = Tape(seed=7, written=first.taken)
    assert [again.choose("a", 5, permille=300) for _ in range(200)] == taken
    assert set(taken) == {0, 1, 2, 3, 4}


def test_an_empty_tape_is_boring() -> None:
    tape = Tape(seed=7, written={})
    assert [tape.choose("a", 9) for _ in range(50)] == [0] * 50


def test_a_choice_without_chance_is_not_counted() -> None:
    tape = Tape(seed=1, written={"a#0": 3})
    assert tape.choose("a", 9, permille=0) == 0
    assert tape.choose("a", 9) == 3


def test_tasks_take_turns_by_their_moments() -> None:
    world = World(start=START, tape=Tape(seed=1))
    told: list[tuple[str, int]] = []
    begin = world.now

    def work(name: str, seconds: int) -> None:
        for _ in range(2):
            world.sleep(seconds * SECOND)
            told.append((name, (world.now - begin) // SECOND))

    world.spawn(Process("a"), lambda: work("a", 3))
    world.spawn(Process("b"), lambda: work("b", 2))
    world.run(until=begin + 60 * SECOND)
    assert told == [("b", 2), ("a", 3), ("b", 4), ("a", 6)]


def test_who_is_killed_does_no_more_and_its_open_work_is_undone() -> None:
    world = World(start=START, tape=Tape(seed=1))
    process, told = Process("a"), []

    def work() -> None:
        try:
            world.sleep(10 * SECOND)
            told.append("woke")
        finally:
            told.append("unwound")

    world.spawn(process, work)
    world.at(world.now + SECOND, lambda: world.kill(process))
    world.run(until=world.now + 60 * SECOND)
    assert told == ["unwound"]


def _commits(store: Store, fate: str) -> str:
    """Write a row whose commit meets a fate; tells what the writer saw."""
    world = World(start=START, tape=Tape(seed=1, written={f"commit:{fate}#0": 1}))
    store.world, store.rates, told = world, {fate: 1}, []

    def work() -> None:
        try:
            insert = text("INSERT INTO tick (job, slot, worker_id) VALUES ('j', 's', 'w')")
            writing(store.engine, lambda c: c.execute(insert).rowcount)
            told.append("committed")
        except OperationalError:
            told.append("error")

    world.spawn(Process("a"), work)
    world.run(until=world.now + 60 * SECOND)
    return told[0] if told else "dead"


@pytest.mark.parametrize(
    ("fate", "seen", "rows"),
    [
        ("lost", "error", 0),  # nothing was committed, and the writer hears of it
        ("unknown", "error", 1),  # it was committed, but the writer cannot know
        ("kill", "dead", 0),
        ("none", "committed", 1),
    ],
)
def test_what_befalls_a_commit(fate: str, seen: str, rows: int) -> None:
    with open_store() as store:
        assert _commits(store, fate) == seen
        assert len(store.rows("SELECT * FROM tick")) == rows


def _amazon(now: list[int]) -> Amazon:
    return Amazon(
        now=lambda: now[0], draw=lambda label, n: 0, month_zone="JST", keeps_refusals=True
    )


def _charge(amazon: Amazon, key: str, amount: int, reference: str = "r-1") -> tuple[int, str]:
    said = (
        '{"chargePermissionId": "P", "chargeAmount": {"amount": "%d", "currencyCode": "JPY"}, '
        '"captureNow": true, "merchantMetadata": {"merchantReferenceId": "%s"}}'
    )
    status, body = amazon.answer("POST", "charges", key, (said % (amount, reference)).encode())
    return status, body.get("reasonCode") or body["chargeId"]


def test_the_oracle_keeps_keys_and_the_month() -> None:
    amazon = _amazon([0])
    amazon.consent("P", limit=1_000)
    made = _charge(amazon, "k1", 700)
    assert made[0] == 201
    assert _charge(amazon, "k1", 700) == made
    assert _charge(amazon, "k1", 701) == (400, "DuplicateIdempotencyKey")
    assert _charge(amazon, "k2", 301) == (400, "PeriodicAmountExceeded")
    assert _charge(amazon, "k3", 300)[0] == 201
    assert sum(charge.captured for charge in amazon.charges.values()) == 1_000


@pytest.mark.parametrize(
    ("cycle", "on"), [(0, "2027-01-31"), (1, "2027-02-28"), (2, "2027-03-31"), (13, "2028-02-29")]
)
def test_the_oracle_counts_from_the_anchor(cycle: int, on: str) -> None:
    anchor = datetime(2027, 1, 31, tzinfo=UTC).date()
    assert start_of(SOLD["basic"], anchor=anchor, day=31, cycle=cycle).isoformat() == on


def test_the_registry_names_the_engine_s_crash_points() -> None:
    assert {"charge.intended", "charge.recorded"} <= sometimes.PLAYED_CHECKPOINTS
    assert set(checkpoints.NAMES) >= sometimes.PLAYED_CHECKPOINTS
    assert len(set(sometimes.REGISTRY)) == len(sometimes.REGISTRY) >= 120
