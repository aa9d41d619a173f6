"""GCRA: a burst at once, then one call per interval, shared by all workers; learnt from 429s."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, text
from support.schema import at_head

from billing import open_engine, reading, store_merchant, writing
from scheduler.pacing import MAX_SLOWDOWN, PUBLISHED, Quota, learn, ready, take

NOW = datetime(2026, 11, 22, 0, 0, tzinfo=UTC)
LIVE = Quota(10, 4)
STEP = 0.252525  # seconds: 1 / (4 × 0.99), in whole microseconds
OF = {"merchant_id": "shop", "operation": "create_charge"}


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """A database with a merchant, whom nobody has called Amazon for yet."""
    engine = open_engine(database_url)
    at_head(engine)
    for merchant in ("shop", "other"):
        writing(
            engine,
            lambda c, m=merchant: store_merchant(c, merchant_id=m, environment="sandbox", rules={}),
        )
    yield engine
    engine.dispose()


def waits(engine: Engine, calls: int, at: float = 0.0, quota: Quota = LIVE, **of: str):
    now = NOW + timedelta(seconds=at)
    return take(engine, **(OF | of), quota=quota, calls=calls, now=now)


def interval(engine: Engine) -> int:
    with reading(engine) as connection:
        return connection.execute(text("SELECT interval_us FROM pacing")).scalar_one()


@pytest.mark.parametrize(
    ("quota", "interval_us"),
    [
        pytest.param(Quota(10, 4), 252_525, id="live: 1 s / 3.96"),
        pytest.param(Quota(2, 1), 1_010_101, id="sandbox: 1 s / 0.99"),
        pytest.param(Quota(10, 10), 101_010, id="10 a second"),
    ],
)
def test_interval(quota: Quota, interval_us: int) -> None:
    assert quota.interval_us == interval_us


@given(per_second=st.integers(1, 1_000), burst=st.integers(1, 100))
def test_the_interval_uses_98_to_99_percent_of_the_rate(per_second: int, burst: int) -> None:
    calls_in_100_s = 100 * 1_000_000 / Quota(burst, per_second).interval_us
    assert 0.98 <= calls_in_100_s / (100 * per_second) <= 0.991


def test_amazons_published_limits() -> None:
    assert PUBLISHED == {"live": (10, 4), "sandbox": (2, 1)}


def test_a_burst_at_once_then_one_per_interval(engine: Engine) -> None:
    expected = [0.0] * 10 + [STEP, 2 * STEP, 3 * STEP]
    assert waits(engine, 13) == pytest.approx(expected, abs=1e-6)
    # The next ones queue up behind, whoever asks.
    assert waits(engine, 2) == pytest.approx([4 * STEP, 5 * STEP], abs=1e-6)


def test_one_by_one_is_the_same_as_all_at_once(engine: Engine) -> None:
    found = [waits(engine, 1)[0] for _ in range(13)]
    assert found == pytest.approx([0.0] * 10 + [STEP, 2 * STEP, 3 * STEP], abs=1e-6)


def test_quiet_time_refills_the_burst_but_no_more(engine: Engine) -> None:
    waits(engine, 10)
    assert waits(engine, 1, at=STEP * 2)[0] == 0.0  # two calls came back,
    assert waits(engine, 2, at=STEP * 2) == pytest.approx([0.0, STEP], abs=1e-6)  # one is left
    assert waits(engine, 11, at=3_600) == pytest.approx([0.0] * 10 + [STEP], abs=1e-6)


def test_a_clock_that_went_back_gives_nothing_away(engine: Engine) -> None:
    waits(engine, 10)
    assert waits(engine, 1, at=-60)[0] == pytest.approx(60 + STEP, abs=1e-6)


def test_merchants_and_operations_do_not_share(engine: Engine) -> None:
    waits(engine, 30)
    assert waits(engine, 1, merchant_id="other") == [0.0]
    assert waits(engine, 1, operation="get_charge_permission") == [0.0]


def test_no_calls_take_nothing(engine: Engine) -> None:
    assert waits(engine, 0) == []
    assert waits(engine, 10) == [0.0] * 10


def test_threads_together_use_the_quota_exactly(engine: Engine) -> None:
    """In 10 s: the burst of 10, and 10 s / 0.252525 s = 39.6 → 39 more."""
    granted: list[float] = []
    start = threading.Barrier(4)

    def worker() -> None:
        start.wait(timeout=10)
        for calls in (1, 2, 3, 4, 1, 2, 3, 4):
            granted.extend(waits(engine, calls))

    threads = [threading.Thread(target=worker) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert len(granted) == 4 * 20
    assert sum(wait <= 10 for wait in granted) == 10 + 39
    assert sorted(granted) == pytest.approx([0.0] * 10 + [n * STEP for n in range(1, 71)], abs=1e-4)


def test_a_429_slows_down_and_success_creeps_back(engine: Engine) -> None:
    waits(engine, 1)
    learn(engine, **OF, quota=LIVE, throttled=True)
    assert interval(engine) == 252_525 * 103 // 100 == 260_100
    learn(engine, **OF, quota=LIVE, throttled=False)
    assert interval(engine) == 260_100 - 260
    assert waits(engine, 20, at=3_600)[-1] == pytest.approx(10 * 0.259_840, abs=1e-6)


def test_learning_stays_between_the_quota_and_an_eighth_of_it(engine: Engine) -> None:
    waits(engine, 1)
    for _ in range(90):  # 1.03 ** 71 = 8.2
        learn(engine, **OF, quota=LIVE, throttled=True)
    assert interval(engine) == 252_525 * MAX_SLOWDOWN
    writing(engine, lambda c: c.execute(text("UPDATE pacing SET interval_us = 252600")) and None)
    for _ in range(3):
        learn(engine, **OF, quota=LIVE, throttled=False)
    assert interval(engine) == 252_525


def test_a_quota_made_smaller_counts_from_the_next_success(engine: Engine) -> None:
    waits(engine, 1)
    learn(engine, **OF, quota=Quota(2, 1), throttled=False)
    assert interval(engine) == Quota(2, 1).interval_us


def test_learning_about_nothing_is_no_error(engine: Engine) -> None:
    learn(engine, **OF, quota=LIVE, throttled=True)
    with reading(engine) as connection:
        assert connection.execute(text("SELECT COUNT(*) FROM pacing")).scalar() == 0


@pytest.mark.parametrize(
    ("taken", "at", "within", "expected"),
    [
        pytest.param(0, 0.0, 5, 29, id="never asked: 10 at once + 5 s / 0.2525 s = 19.8"),
        pytest.param(0, 0.0, 0, 10, id="now: the burst"),
        pytest.param(10, 0.0, 0, 0, id="the burst is used up"),
        pytest.param(10, 0.0, 5, 19, id="then one per interval"),
        pytest.param(40, 0.0, 5, 0, id="others have reserved 30 intervals = 7.6 s"),
        pytest.param(40, 4.0, 5, 5, id="4 s later 3.6 s are left: 1.4 s / 0.2525 s"),
        pytest.param(40, 3_600.0, 0, 10, id="an hour later the burst is full and no more"),
        pytest.param(10, -60.0, 5, 0, id="a clock that went back gives nothing away"),
    ],
)
def test_calls_that_would_soon_have_their_turn(
    engine: Engine, taken: int, at: float, within: int, expected: int
) -> None:
    waits(engine, taken)
    now = NOW + timedelta(seconds=at)
    found = ready(engine, **OF, quota=LIVE, within_seconds=within, now=now)
    assert found == expected
    # And it is true: the last of them waits no longer, one more would.
    if found:
        assert waits(engine, found + 1, at=at)[found - 1] <= within
