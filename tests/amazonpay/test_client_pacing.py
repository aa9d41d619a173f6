"""The pace of each operation: laws of the bucket, what 429s teach, and what callers see."""

import asyncio
import threading
from itertools import pairwise

import httpx
import pytest
from exchange_helpers import (
    GET,
    POST,
    SECOND,
    FakeTime,
    Script,
    a_call,
    credentials,
    good,
    play,
    settings,
)
from hypothesis import given
from hypothesis import strategies as st
from wire_helpers import KINDS, error

from amazonpay import InvalidArgument, Throttled, UnknownOutcome
from amazonpay.exchange import AsyncExchange, SyncExchange
from amazonpay.pacing import PUBLISHED, Bucket, Pacer, Pacing, Quota
from amazonpay.retries import NO_RETRIES, RetryPolicy

both = pytest.mark.parametrize("kind", KINDS)
MILLION = 1_000_000
FULL = Pacing(share_percent=100)

STARTS = [
    # 80 % of burst (rounded up) and of the rate
    pytest.param("live", "CreateCharge", 80, 8, 3_200_000, id="live 10 / 4"),
    pytest.param("live", "CreateCheckoutSession", 80, 32, 12_800_000, id="live 40 / 16"),
    pytest.param("sandbox", "CreateCharge", 80, 2, 800_000, id="sandbox 2 / 1"),
    pytest.param("sandbox", "CreateDeliveryTracker", 80, 1, 800_000, id="sandbox 1 / 1"),
    pytest.param("live", "GetBuyer", 80, 16, 1_600_000, id="unlisted live 20 / 2"),
    pytest.param("sandbox", "GetBuyer", 100, 5, 1_000_000, id="unlisted sandbox 5 / 1"),
    pytest.param("live", "CreateCharge", 100, 10, 4_000_000, id="the whole quota"),
    pytest.param("live", "CreateCharge", 1, 1, 40_000, id="one percent"),
]


@pytest.mark.parametrize(("environment", "operation", "percent", "burst", "rate"), STARTS)
def test_buckets_start_from_the_published_table(environment, operation, percent, burst, rate):
    pacing = Pacing(share_percent=percent)
    bucket = pacing.bucket(operation=operation, environment=environment)
    assert (bucket.burst, bucket.full_rate) == (burst, rate)


def test_a_merchants_own_quota_replaces_a_row():
    pacing = Pacing(share_percent=100, quotas={"CreateCharge": Quota(burst=3, per_second=1)})
    assert pacing.bucket(operation="CreateCharge", environment="live").burst == 3
    assert pacing.bucket(operation="GetCharge", environment="live").burst == 20
    assert set(PUBLISHED["live"]) - set(PUBLISHED["sandbox"]) == {"GetAuthorizationToken"}


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Pacing(share_percent=0),
        lambda: Pacing(share_percent=101),
        lambda: Quota(burst=0, per_second=1),
        lambda: Quota(burst=1, per_second=0),
        lambda: settings(FakeTime(), pacing=Pacer(environment="live")).habits(),
    ],
    ids=["0 %", "101 %", "no burst", "no rate", "a pacer of the other environment"],
)
def test_what_makes_no_sense_is_refused(wrong):
    with pytest.raises(InvalidArgument):
        wrong()


def test_a_burst_leaves_at_once_and_the_rest_at_the_rate():
    bucket, waits = Bucket(burst=3, full_rate=4 * MILLION), []
    for _ in range(6):
        bucket, wait = bucket.booked(at=100 * SECOND)
        waits.append(wait)
    # three at once, then one each quarter of a second
    assert waits == [0, 0, 0, SECOND // 4, SECOND // 2, 3 * SECOND // 4]


def test_a_429_halves_down_to_the_floor_and_ten_seconds_give_a_sixteenth_back():
    bucket = Bucket(burst=10, full_rate=16 * MILLION)
    rates = []
    for second in range(6):
        bucket = bucket.slowed(at=second * SECOND, sent_at=second * SECOND)
        rates.append(bucket.rate(at=second * SECOND) // MILLION)
    assert rates == [8, 4, 2, 1, 1, 1]  # the floor is 16 / 16
    later = [5 + 10 * steps for steps in (0, 1, 2, 14, 15, 99)]
    assert [bucket.rate(at=s * SECOND) // MILLION for s in later] == [1, 2, 3, 15, 16, 16]


def test_calls_refused_together_halve_once():
    bucket = Bucket(burst=10, full_rate=4 * MILLION)
    for refused_at in (5, 6, 7):
        bucket = bucket.slowed(at=refused_at * SECOND, sent_at=4 * SECOND)
    assert bucket.rate(at=7 * SECOND) == 2 * MILLION
    assert bucket.slowed(at=9 * SECOND, sent_at=8 * SECOND).rate(at=9 * SECOND) == MILLION


@pytest.mark.parametrize(("asked", "waits"), [(0, SECOND // 2), (30 * SECOND, 30 * SECOND)])
def test_after_a_429_the_bucket_is_empty_as_long_as_amazon_asks(asked, waits):
    bucket = Bucket(burst=10, full_rate=4 * MILLION)
    bucket = bucket.slowed(at=SECOND, sent_at=SECOND, at_least=asked)
    assert bucket.booked(at=SECOND)[1] == waits  # 1 call at 2 per second, or what was asked


ACTS = st.lists(
    st.tuples(
        st.integers(min_value=0, max_value=20 * SECOND), st.sampled_from(["call"] * 4 + [429])
    ),
    max_size=60,
)
BUCKETS = st.builds(
    Bucket,
    burst=st.integers(min_value=1, max_value=12),
    full_rate=st.integers(min_value=1, max_value=20 * MILLION),
)


@given(bucket=BUCKETS, acts=ACTS)
def test_no_window_ever_holds_more_than_burst_and_rate_allow(bucket, acts):
    burst, rate, now, sent = bucket.burst, bucket.full_rate, 0, []
    for pause, act in acts:
        now += pause
        if act == "call":
            bucket, wait = bucket.booked(at=now)
            sent.append(now + wait)
        else:
            bucket = bucket.slowed(at=now, sent_at=now)
    assert sent == sorted(sent)  # first come, first served
    for i, start in enumerate(sent):
        for j in range(i, len(sent)):
            # calls ≤ burst + rate × window, in whole numbers
            assert (j - i + 1 - burst) * MILLION * SECOND <= rate * (sent[j] - start)


@given(bucket=BUCKETS, acts=ACTS, later=st.integers(min_value=0, max_value=300 * SECOND))
def test_learning_is_monotone(bucket, acts, later):
    now = 0
    for pause, act in acts:
        now += pause
        before = bucket
        bucket = bucket.booked(at=now)[0] if act == "call" else bucket.slowed(at=now, sent_at=now)
        assert 1 <= bucket.rate(at=now) <= before.rate(at=now) <= bucket.full_rate
        # a 429 never lets the next call go earlier than it would have gone
        assert bucket.booked(at=now)[1] >= before.booked(at=now)[1]
        # without another 429 the rate only grows, and is full again after 150 s
        assert bucket.rate(at=now + later) >= bucket.rate(at=now)
        assert bucket.rate(at=now + 160 * SECOND) == bucket.full_rate


@both
def test_a_client_waits_before_it_sends(kind):
    time, pacer = FakeTime(), Pacer(environment="sandbox", pacing=FULL)
    amazon = Script(good)
    for _ in range(4):  # sandbox Create Charge: 2 at once, then 1 a second
        play(kind, POST, amazon, time=time, pacing=pacer)
    assert time.slept == [1.0, 1.0]
    play(kind, GET, amazon, time=time, pacing=pacer)  # another operation has its own bucket
    assert len(time.slept) == 2


@both
def test_no_room_within_the_deadline_means_nothing_is_sent(kind):
    time, pacer, amazon = FakeTime(), Pacer(environment="sandbox", pacing=FULL), Script(good)
    for _ in range(2):
        play(kind, POST, amazon, time=time, pacing=pacer)
    with pytest.raises(Throttled, match="Not sent") as caught:
        play(kind, POST, amazon, time=time, pacing=pacer, deadline_seconds=0.9)
    assert (caught.value.before_sending, caught.value.tries) == (True, 0)
    assert caught.value.retry_after_seconds == 1
    assert len(amazon.seen) == 2
    assert time.slept == []
    # what was not sent took nothing from the bucket
    play(kind, POST, amazon, time=time, pacing=pacer)
    assert time.slept == [1.0]


@both
def test_no_room_for_a_second_try_leaves_the_first_in_doubt(kind):
    pacer = Pacer(
        environment="sandbox",
        pacing=Pacing(share_percent=1, quotas={"CreateCharge": Quota(burst=1, per_second=1)}),
    )  # one call each 100 seconds
    with pytest.raises(UnknownOutcome, match="Not sent") as caught:
        play(kind, POST, Script(httpx.ReadError("cut")), pacing=pacer, deadline_seconds=50)
    assert caught.value.tries == 1


@both
def test_a_429_is_learnt_and_shared(kind):
    time, pacer = FakeTime(), Pacer(environment="live", pacing=FULL)
    live = {"credentials": credentials("LIVE-A"), "environment": "live"}
    amazon = Script(error(429, "TooManyRequests"), good)
    play(kind, POST, amazon, time=time, pacing=pacer, retries=RetryPolicy(first_wait_ms=0), **live)
    assert time.slept == [0.5]  # no backoff; the pace is now 2 a second
    now = time.now
    assert pacer.calls_per_million_seconds("CreateCharge", at=now) == 2 * MILLION
    assert pacer.calls_per_million_seconds("GetCharge", at=now) == 4 * MILLION


@both
def test_a_refusal_that_is_no_429_teaches_nothing(kind):
    pacer, time = Pacer(environment="sandbox", pacing=FULL), FakeTime()
    with pytest.raises(UnknownOutcome):
        play(kind, POST, Script(error(503, "X")), time=time, pacing=pacer, retries=NO_RETRIES)
    assert pacer.calls_per_million_seconds("CreateCharge", at=time.now) == MILLION


def test_threads_share_one_pacer_without_exceeding_it():
    pacer = Pacer(environment="live", pacing=FULL)
    waits, lock = [], threading.Lock()

    def work():
        for _ in range(50):
            booked, wait = pacer.book("CreateCharge", at=SECOND, within=1000 * SECOND)
            assert booked
            with lock:
                waits.append(wait)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # 400 calls: 10 at once and the other 390 a quarter of a second apart, each slot used once
    assert sorted(waits) == [0] * 10 + [n * SECOND // 4 for n in range(1, 391)]


def test_tasks_and_threads_with_clients_of_their_own_share_one_pacer():
    time, pacer = FakeTime(), Pacer(environment="sandbox", pacing=FULL)
    told = settings(time, pacing=pacer)
    transport = httpx.MockTransport(Script(good))
    SyncExchange(settings=told, transport=transport).run(POST)

    async def run():
        exchange = AsyncExchange(settings=told, transport=transport)
        await asyncio.gather(*(exchange.run(POST) for _ in range(3)))

    asyncio.run(run())
    assert sorted(time.slept)[0] == 1.0
    assert len(time.slept) == 2  # burst of 2: one for the thread, one for a task


@pytest.mark.parametrize("percent", [1, 33, 80, 100])
def test_a_whole_run_keeps_the_pace_of_every_operation(percent):
    for environment, table in PUBLISHED.items():
        for operation, quota in table.items():
            bucket = Pacing(share_percent=percent).bucket(
                operation=operation, environment=environment
            )
            sent = []
            for _ in range(quota.burst + 5):
                bucket, wait = bucket.booked(at=0)
                sent.append(wait)
            gaps = {late - early for early, late in pairwise(sent[bucket.burst - 1 :])}
            assert sent[: bucket.burst] == [0] * bucket.burst
            assert min(gaps) * quota.per_second >= SECOND


def test_the_call_names_its_bucket():
    time, pacer = FakeTime(), Pacer(environment="sandbox", pacing=FULL)
    other = a_call("POST", "CreateRefund")
    for call in (POST, POST, other, other):
        play("sync", call, Script(good), time=time, pacing=pacer)
    assert time.slept == []
