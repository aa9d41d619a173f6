"""Threads that call Amazon: each owns one client, so that calls do not contend for a pool.

The database is never touched here; results come back to the thread that owns the run.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Generic, Self, TypeVar

from amazonpay import AmazonPayClient

log = logging.getLogger(__name__)

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class _Job(Generic[Result]):
    """One call to make, not before a moment of `time.monotonic`."""

    call: Callable[[AmazonPayClient], Result]
    failed: Callable[[Exception], Result]
    not_before: float


class _Dropped:
    """Stands for the answer of a call that was not made after all."""


_DROPPED = _Dropped()


class Senders(Generic[Result]):
    """A fixed number of sending threads with one client each."""

    def __init__(self, make_client: Callable[[], AmazonPayClient], *, threads: int = 16) -> None:
        self._jobs: SimpleQueue[_Job[Result] | None] = SimpleQueue()
        self._results: SimpleQueue[Result | _Dropped] = SimpleQueue()
        self._dropping = threading.Event()
        self.outstanding = 0
        # Made here and not in the threads: a client that cannot be made (a wrong CA file) must
        # fail in the caller's face, not leave it waiting for answers that nobody will give.
        clients = [make_client() for _ in range(threads)]
        self._threads = [
            threading.Thread(target=self._work, args=(client,), name=f"sender-{n}", daemon=True)
            for n, client in enumerate(clients)
        ]
        for thread in self._threads:
            thread.start()

    def submit(
        self,
        call: Callable[[AmazonPayClient], Result],
        *,
        failed: Callable[[Exception], Result],
        wait_seconds: float = 0.0,
    ) -> None:
        """Have `call` made by a free thread after `wait_seconds`.

        An exception that `call` does not handle becomes the result `failed(exception)`: a sender
        never dies with an answer in its hands.
        """
        self.outstanding += 1
        self._jobs.put(_Job(call, failed, time.monotonic() + wait_seconds))

    def collect(self, *, wait_seconds: float) -> list[Result]:
        """All results there are, waiting up to `wait_seconds` for the first one."""
        results: list[Result | _Dropped] = []
        try:
            results.append(self._results.get(timeout=wait_seconds))
            while True:
                results.append(self._results.get_nowait())
        except Empty:
            self.outstanding -= len(results)
            return [result for result in results if not isinstance(result, _Dropped)]

    def drop_waiting(self) -> None:
        """Make no call that still waits for its moment, until nothing is outstanding any more."""
        self._dropping.set()

    def settle(self) -> None:
        """Drop what waits and wait for what is under way; its answers are forgotten."""
        self.drop_waiting()
        while self.outstanding:
            self.collect(wait_seconds=1.0)
        self._dropping.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Let the threads finish what they have and end them."""
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self, client: AmazonPayClient) -> None:
        with client:
            while (job := self._jobs.get()) is not None:
                dropped = self._dropping.wait(max(0.0, job.not_before - time.monotonic()))
                self._results.put(_DROPPED if dropped else _result_of(job, client))


def _result_of(job: _Job[Result], client: AmazonPayClient) -> Result:
    try:
        return job.call(client)
    except Exception as error:
        log.exception("a call to Amazon Pay failed in an unforeseen way")
        return job.failed(error)
