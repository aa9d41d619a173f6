"""Downloads are few: certificates are kept, failures remembered, strangers rationed."""

import asyncio
import json
import threading
import time

import pytest
from ipn_helpers import (
    CERT_URL,
    HOST,
    KINDS,
    MERCHANT_ID,
    NOW,
    TOPIC_ARN,
    CountingFetcher,
    Deliveries,
    certificate_pem,
    notification,
    signed,
)

from amazonpay import InvalidArgument
from amazonpay.notifications import (
    AsyncNotificationReceiver,
    BadSignature,
    CacheLimits,
    FetchFailed,
    NotificationRefused,
    TryLater,
)

both = pytest.mark.parametrize("kind", KINDS)
BODY = signed(notification())


class Stopwatch:
    """A stop-watch that the test moves."""

    seconds = 1000.0

    def __call__(self):
        return self.seconds


def url(number):
    return f"https://{HOST}/SimpleNotificationService-{number:032x}.pem"


def body(number):
    """A valid delivery whose certificate is in another place: the URL is not signed."""
    return json.dumps(json.loads(BODY) | {"SigningCertURL": url(number)}).encode()


def deliveries(kind="sync", fetcher=None, **limits):
    stopwatch = Stopwatch()
    made = Deliveries(kind, fetcher, limits=CacheLimits(**limits), stopwatch=stopwatch)
    return made, stopwatch


@both
def test_a_certificate_is_fetched_once_in_its_lifetime(kind):
    made, stopwatch = deliveries(kind, lifetime_seconds=100)
    for seconds, fetched in [(0, 1), (50, 1), (49, 1), (1, 2), (99, 2)]:
        stopwatch.seconds += seconds
        assert made.receive(BODY)
        assert len(made.fetcher.urls) == fetched


@both
def test_the_least_recently_used_certificate_leaves_first(kind):
    made, _ = deliveries(kind, max_entries=2)
    for number in (1, 2, 1, 3, 1, 2):  # 3 displaces 2, then 2 comes again
        made.receive(body(number))
    assert made.fetcher.urls == [url(1), url(2), url(3), url(2)]


@pytest.mark.parametrize(
    "problem", [FetchFailed("no answer: ConnectError"), OSError("x"), KeyError("x")]
)
@both
def test_a_failure_is_remembered_for_a_while(kind, problem):
    made, stopwatch = deliveries(kind, CountingFetcher(problem), failure_seconds=60)
    for seconds, fetched, retry_after in [(0, 1, 60), (10, 1, 50), (49.5, 1, 1), (0.5, 2, 60)]:
        stopwatch.seconds += seconds
        with pytest.raises(TryLater, match="could not be fetched") as refused:
            made.receive(BODY)
        assert refused.value.http_status == 503
        assert refused.value.retry_after_seconds == retry_after
        assert len(made.fetcher.urls) == fetched


@both
def test_after_a_failure_the_next_download_may_succeed(kind):
    made, stopwatch = deliveries(kind, CountingFetcher(FetchFailed("no answer")))
    with pytest.raises(TryLater):
        made.receive(BODY)
    made.fetcher.pem = certificate_pem()
    stopwatch.seconds += 60
    assert made.receive(BODY)
    assert made.receive(BODY)
    assert len(made.fetcher.urls) == 2


@both
def test_downloads_of_one_minute_are_rationed(kind):
    made, stopwatch = deliveries(kind, downloads_per_minute=3)
    for number in range(3):
        stopwatch.seconds += 10
        made.receive(body(number))
    with pytest.raises(TryLater, match="3 downloads") as refused:
        made.receive(body(9))
    assert refused.value.retry_after_seconds == 40  # the first was 20 s ago, of 60
    assert made.receive(body(1))  # what is at hand is not rationed
    stopwatch.seconds += 40
    assert made.receive(body(9))
    assert len(made.fetcher.urls) == 4


@both
def test_a_thousand_bad_requests_cause_a_handful_of_downloads(kind):
    made, stopwatch = deliveries(kind, downloads_per_minute=10)
    forged = [
        body(number).replace(b'"Subject"', b'"x"').replace(CHARGE, OTHER_CHARGE)
        for number in range(1000)
    ]
    began = time.monotonic()
    for delivery in forged:
        stopwatch.seconds += 0.05  # 1,000 requests in 50 s
        with pytest.raises(NotificationRefused) as refused:
            made.receive(delivery)
        assert type(refused.value) in (BadSignature, TryLater)
    assert len(made.fetcher.urls) == 10
    assert time.monotonic() - began < 20  # a loose bound: it takes about a second


CHARGE, OTHER_CHARGE = b"C064126", b"C064127"


@both
def test_failing_downloads_do_not_push_out_good_certificates(kind):
    made, stopwatch = deliveries(kind, max_entries=2, downloads_per_minute=100)
    assert made.receive(BODY)
    made.fetcher.pem = FetchFailed("the answer has status 404")
    for number in range(1, 50):
        stopwatch.seconds += 0.1
        with pytest.raises(TryLater):
            made.receive(body(number))
    assert made.receive(BODY)
    assert made.fetcher.urls.count(CERT_URL) == 1


class SlowFetcher(CountingFetcher):
    """Holds every download until the test lets it go."""

    def __init__(self, pem=None):
        super().__init__(pem)
        self.go = threading.Event()

    def fetch(self, url):
        content = super().fetch(url)
        assert self.go.wait(10)
        return content


@pytest.mark.parametrize("size", [2, 8])
def test_threads_that_need_one_certificate_download_it_once(size):
    made = Deliveries("sync", SlowFetcher())
    results = []
    threads = [
        threading.Thread(target=lambda: results.append(made.receive(BODY))) for _ in range(size)
    ]
    for thread in threads:
        thread.start()
    time.sleep(0.05)  # most of them wait by now; the law holds wherever they are
    made.fetcher.go.set()
    for thread in threads:
        thread.join(10)
    assert len(results) == size
    assert len(made.fetcher.urls) == 1


def test_threads_that_wait_share_a_failure_too():
    class Failing(SlowFetcher):
        def fetch(self, url):
            super().fetch(url)
            raise FetchFailed("the answer has status 500")

    made, problems = Deliveries("sync", Failing()), []

    def deliver():
        with pytest.raises(TryLater) as refused:
            made.receive(BODY)
        problems.append(refused.value)

    threads = [threading.Thread(target=deliver) for _ in range(4)]
    for thread in threads:
        thread.start()
    made.fetcher.go.set()
    for thread in threads:
        thread.join(10)
    assert len({id(problem) for problem in problems}) == 4
    assert len(made.fetcher.urls) == 1


def test_a_download_that_is_interrupted_leaves_nobody_waiting():
    class Interrupted(CountingFetcher):
        def fetch(self, url):
            super().fetch(url)
            raise KeyboardInterrupt

    made = Deliveries("sync", Interrupted())
    with pytest.raises(KeyboardInterrupt):
        made.receive(BODY)
    made.fetcher.fetch = lambda url: certificate_pem()
    assert made.receive(BODY)


class SlowInLoop(CountingFetcher):
    """The same for an event loop."""

    def __init__(self, pem=None):
        super().__init__(pem)
        self.go = asyncio.Event()

    async def fetch(self, url):
        content = super().fetch(url)
        await asyncio.wait_for(self.go.wait(), 10)
        return content


def in_loop(play):
    """Runs `play(receiver, fetcher)` on an asynchronous receiver."""

    async def run():
        fetcher = SlowInLoop()
        receiver = AsyncNotificationReceiver(
            merchant_id=MERCHANT_ID,
            environment="sandbox",
            topic_arns=[TOPIC_ARN],
            clock=lambda: NOW,
            fetcher=fetcher,
        )
        return await play(receiver, fetcher)

    return asyncio.run(run())


def test_tasks_that_need_one_certificate_download_it_once():
    async def play(receiver, fetcher):
        tasks = [asyncio.create_task(receiver.receive(BODY)) for _ in range(8)]
        await asyncio.sleep(0)
        fetcher.go.set()
        assert len(set(await asyncio.gather(*tasks))) == 1
        assert len(fetcher.urls) == 1

    in_loop(play)


def test_a_request_that_is_given_up_does_not_take_the_others_with_it():
    async def play(receiver, fetcher):
        first = asyncio.create_task(receiver.receive(BODY))
        second = asyncio.create_task(receiver.receive(BODY))
        await asyncio.sleep(0.01)
        first.cancel()
        await asyncio.sleep(0)
        fetcher.go.set()
        assert (await second).object_type == "CHARGE"
        assert first.cancelled()
        assert len(fetcher.urls) == 1

    in_loop(play)


@pytest.mark.parametrize(
    "name", ["max_entries", "lifetime_seconds", "failure_seconds", "downloads_per_minute"]
)
def test_limits_below_one_are_refused(name):
    with pytest.raises(InvalidArgument, match=name):
        CacheLimits(**{name: 0})
