"""Threads that call Amazon: many at once, no answer lost, none outliving the run."""

import logging
import threading
import time
from collections.abc import Callable

import pytest

from scheduler.senders import Senders

FAILED = {"failed": lambda error: f"failed: {error}"}


class Client:
    """Stands for a client: it is only ever opened, handed on and closed."""

    made: list["Client"]

    def __init__(self) -> None:
        self.used_by: set[int] = set()
        self.closed = False

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_exception: object) -> None:
        self.closed = True


@pytest.fixture
def clients() -> list[Client]:
    return []


@pytest.fixture
def maker(clients: list[Client]) -> Callable[[], Client]:
    def make() -> Client:
        clients.append(Client())
        return clients[-1]

    return make


def all_of(senders: Senders) -> list:
    """Every outstanding result."""
    results = []
    deadline = time.monotonic() + 20
    while senders.outstanding and time.monotonic() < deadline:
        results += senders.collect(wait_seconds=0.1)
    return results


def test_every_call_gives_its_result_once(maker) -> None:
    with Senders(maker, threads=8) as senders:
        for n in range(200):
            senders.submit(lambda client, n=n: n, **FAILED)
        assert sorted(all_of(senders)) == list(range(200))
        assert senders.outstanding == 0
        assert senders.collect(wait_seconds=0.0) == []


def test_as_many_calls_are_in_flight_as_there_are_threads(maker) -> None:
    together = threading.Barrier(8)

    def call(_client) -> bool:
        together.wait(timeout=10)  # breaks unless all eight are here at once
        return True

    with Senders(maker, threads=8) as senders:
        for _ in range(8):
            senders.submit(call, **FAILED)
        assert all_of(senders) == [True] * 8


def test_each_thread_has_a_client_of_its_own(maker, clients: list[Client]) -> None:
    def call(client: Client) -> None:
        client.used_by.add(threading.get_ident())

    with Senders(maker, threads=4) as senders:
        for _ in range(80):
            senders.submit(call, **FAILED)
        all_of(senders)
    assert len(clients) == 4
    assert all(len(client.used_by) <= 1 for client in clients)
    assert all(client.closed for client in clients)


def test_an_exception_becomes_a_result_and_the_thread_lives_on(maker, caplog) -> None:
    def breaks(_client) -> str:
        raise LookupError("unforeseen")

    with caplog.at_level(logging.ERROR), Senders(maker, threads=1) as senders:
        senders.submit(breaks, **FAILED)
        senders.submit(lambda client: "fine", **FAILED)
        assert all_of(senders) == ["failed: unforeseen", "fine"]
    assert "unforeseen" in caplog.text


def test_a_call_is_not_made_before_its_time(maker) -> None:
    with Senders(maker, threads=4) as senders:
        started = time.monotonic()
        for wait in (0.0, 0.15, 0.3):
            senders.submit(
                lambda client, wait=wait: (wait, time.monotonic() - started),
                **FAILED,
                wait_seconds=wait,
            )
        found = dict(all_of(senders))
    assert sorted(found) == [0.0, 0.15, 0.3]
    assert all(made >= wait for wait, made in found.items())
    assert found[0.0] < 0.15


def test_collect_waits_no_longer_than_it_was_told(maker) -> None:
    release = threading.Event()
    with Senders(maker, threads=1) as senders:
        senders.submit(lambda client: release.wait(10), **FAILED)
        started = time.monotonic()
        assert senders.collect(wait_seconds=0.05) == []
        assert time.monotonic() - started < 5
        assert senders.outstanding == 1
        release.set()
        assert all_of(senders) == [True]


def test_closing_finishes_what_was_submitted_and_ends_the_threads(maker) -> None:
    done = []
    before = threading.active_count()
    senders = Senders(maker, threads=3)
    for n in range(20):
        senders.submit(lambda client, n=n: done.append(n), **FAILED, wait_seconds=0.01)
    senders.close()
    assert sorted(done) == list(range(20))
    assert threading.active_count() == before
    assert len(senders.collect(wait_seconds=0.0)) == 20


def test_a_client_that_cannot_be_made_is_told_at_once(clients: list[Client]) -> None:
    """Otherwise a run would wait for ever for answers that nobody will give."""

    def make() -> Client:
        raise FileNotFoundError("no such CA file")

    before = threading.active_count()
    with pytest.raises(FileNotFoundError, match="no such CA file"):
        Senders(make, threads=4)
    assert threading.active_count() == before


def test_what_waits_for_its_moment_can_be_dropped(maker) -> None:
    began = threading.Event()

    def call(_client) -> str:
        began.set()
        return "made"

    with Senders(maker, threads=2) as senders:
        senders.submit(call, **FAILED)
        for _ in range(20):
            senders.submit(lambda _client: "too late", **FAILED, wait_seconds=600)
        assert began.wait(timeout=10)
        before = time.monotonic()
        senders.drop_waiting()
        assert all_of(senders) in ([], ["made"])
        assert senders.outstanding == 0
        assert time.monotonic() - before < 10


def test_settled_senders_can_be_used_again(maker) -> None:
    """Between two slices nothing of the first is under way, and the second has all its calls."""
    with Senders(maker, threads=2) as senders:
        for _ in range(10):
            senders.submit(lambda _client: "first", **FAILED, wait_seconds=600)
        senders.settle()
        assert senders.outstanding == 0
        senders.submit(lambda _client: "second", **FAILED)
        assert all_of(senders) == ["second"]
